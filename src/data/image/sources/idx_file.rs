//! Parses IDX files: the sizes and values of an array, compressed with gzip or not.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path as FilePath;

use flate2::read::GzDecoder;

use super::idx_error::IdxError;
use crate::data::files::error::{FileError, SizeError};
use crate::data::files::size::{MAX_SIDE, Packed};
use crate::data::image::decode::raw::RawBlock;
use crate::storage::open_seekable;

/// The content of an IDX file.
pub struct IdxFile {
    /// 0x08 unsigned bytes, 0x09 signed, 0x0B 16 bits, 0x0C 32 bits, 0x0D and 0x0E floats.
    pub(super) kind: u8,
    pub(super) sizes: Vec<usize>,
    pub(super) bytes: Vec<u8>,
}

impl IdxFile {
    /// # Errors
    /// Why it is no whole IDX file.
    pub(super) fn read(path: &FilePath, packed: Packed) -> Result<IdxFile, IdxError> {
        let fail = FileError::Io;
        let mut file = open_seekable(path).map_err(fail)?;
        let len = file.metadata().map_err(fail)?.len();
        let mut begin = [0; 2];
        let count = file.read(&mut begin).map_err(fail)?;
        file.seek(SeekFrom::Start(0)).map_err(fail)?;
        if count == 2 && begin == GZIP {
            Self::parse(GzDecoder::new(file), |claimed| packed.check(len, claimed))
        } else {
            Self::parse(file, |_| Ok(()))
        }
    }

    /// Parses a whole file; `check` validates the number of bytes that the header claims.
    pub(super) fn parse(
        mut from: impl Read,
        check: impl FnOnce(u64) -> Result<(), SizeError>,
    ) -> Result<IdxFile, IdxError> {
        let fail = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => IdxError::Head,
            _ => FileError::Io(error).into(),
        };
        let mut magic = [0; 4];
        from.read_exact(&mut magic).map_err(fail)?;
        let [zero, null, kind, dimensions] = magic;
        let size = match kind {
            0x08 | 0x09 => 1,
            0x0B => 2,
            0x0C | 0x0D => 4,
            0x0E => 8,
            _ => 0,
        };
        if (zero, null) != (0, 0) || size == 0 || !(1..=4).contains(&dimensions) {
            return Err(IdxError::Magic(magic));
        }
        let mut sizes = Vec::new();
        for _ in 0..dimensions {
            let mut size = [0; 4];
            from.read_exact(&mut size).map_err(fail)?;
            sizes.push(u32::from_be_bytes(size) as usize);
        }
        let claimed = sizes
            .iter()
            .try_fold(size as u64, |all, &n| all.checked_mul(n as u64));
        let claimed = claimed
            .filter(|claimed| *claimed < 1 << 40)
            .ok_or_else(|| IdxError::Impossible(sizes.clone()))?;
        check(claimed)?;
        // Memory grows with what comes, not with what is claimed.
        let mut bytes = Vec::new();
        from.take(claimed + 1)
            .read_to_end(&mut bytes)
            .map_err(FileError::Io)?;
        match bytes.len() as u64 {
            found if found < claimed => Err(IdxError::Short {
                found,
                claimed,
                sizes,
            }),
            found if found > claimed => Err(IdxError::Long { claimed, sizes }),
            _ => Ok(IdxFile { kind, sizes, bytes }),
        }
    }

    /// # Errors
    /// What is no image.
    pub(super) fn into_images(self, path: &FilePath) -> Result<RawBlock, IdxError> {
        let size = match self.sizes[..] {
            [_, height, width] => [height, width, 1],
            [_, height, width, channels @ (1 | 3)] => [height, width, channels],
            [_] => return Err(IdxError::LabelsNotImages),
            _ => return Err(IdxError::Sizes(self.sizes)),
        };
        if self.kind != 0x08 {
            return Err(IdxError::PixelType(self.kind));
        }
        if self.bytes.is_empty() {
            return Err(IdxError::Empty(self.sizes));
        }
        if size.iter().any(|&size| size > MAX_SIDE) {
            return Err(IdxError::Side(size));
        }
        Ok(RawBlock {
            path: path.to_path_buf(),
            size,
            planar: false,
            skip: 0,
            depth: 1,
            bytes: self.bytes,
        })
    }

    /// # Errors
    /// What is no label.
    pub(super) fn into_labels(self) -> Result<Vec<u32>, IdxError> {
        if self.sizes.len() != 1 {
            return Err(IdxError::ImagesNotLabels(self.sizes.len()));
        }
        let size = match self.kind {
            0x08 | 0x09 => 1,
            0x0B => 2,
            0x0C => 4,
            kind => return Err(IdxError::LabelType(kind)),
        };
        let signed = self.kind != 0x08;
        let number = |bytes: &[u8]| {
            let negative = signed && bytes[0] >= 0x80;
            let value = bytes
                .iter()
                .fold(0u32, |all, &byte| all << 8 | u32::from(byte));
            (!negative && value < 1 << 20).then_some(value)
        };
        let labels: Option<Vec<u32>> = self.bytes.chunks_exact(size).map(number).collect();
        labels.ok_or(IdxError::Label)
    }
}

/// The first bytes of a compressed file.
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// Reads bytes as an IDX file of images, for the fuzz test.
pub fn parse_idx(bytes: &[u8]) -> Result<usize, IdxError> {
    let file = if bytes.starts_with(&GZIP) {
        let packed = Packed::default();
        IdxFile::parse(GzDecoder::new(bytes), |claimed| {
            packed.check(bytes.len() as u64, claimed)
        })?
    } else {
        IdxFile::parse(bytes, |_| Ok(()))?
    };
    match file.sizes.len() {
        1 => file.into_labels().map(|labels| labels.len()),
        _ => file
            .into_images(FilePath::new("fuzz"))
            .map(|block| block.len()),
    }
}
