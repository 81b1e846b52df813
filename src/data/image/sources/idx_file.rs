//! An IDX file: the sizes and values of an array, compressed with gzip or not.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path as FilePath;

use flate2::read::GzDecoder;

use crate::data::files::size::{MAX_SIDE, Packed};
use crate::data::image::decode::raw::RawBlock;
use crate::storage::open_seekable;

/// What an IDX file holds.
pub struct IdxFile {
    /// 0x08 unsigned bytes, 0x09 signed, 0x0B 16 bits, 0x0C 32 bits, 0x0D and 0x0E floats.
    pub(super) kind: u8,
    pub(super) sizes: Vec<usize>,
    pub(super) bytes: Vec<u8>,
}

impl IdxFile {
    /// # Errors
    /// Why it is no whole IDX file, in words that follow its name.
    pub(super) fn read(path: &FilePath, packed: Packed) -> Result<IdxFile, String> {
        let fail = |error: std::io::Error| format!("cannot be read: {error}");
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

    /// Reads a whole file; `check` is asked whether there may be as many bytes as the head claims.
    pub(super) fn parse(
        mut from: impl Read,
        check: impl FnOnce(u64) -> Result<(), String>,
    ) -> Result<IdxFile, String> {
        let fail = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "is truncated: its head is not whole".to_string(),
            _ => format!("cannot be read: {error}"),
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
            return Err(format!(
                "is no IDX file: it begins with {magic:02x?}, expected 00 00, a type (08 to 0e) and the \
                 number of dimensions"
            ));
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
            .ok_or_else(|| format!("claims {sizes:?} values, which no file holds"))?;
        check(claimed)?;
        // Memory grows with what comes, not with what is claimed.
        let mut bytes = Vec::new();
        from.take(claimed + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("cannot be read: {error}"))?;
        match bytes.len() as u64 {
            found if found < claimed => Err(format!(
                "is truncated: it holds {found} of the {claimed} bytes that its head claims ({sizes:?})"
            )),
            found if found > claimed => Err(format!(
                "holds more bytes than the {claimed} that its head claims ({sizes:?})"
            )),
            _ => Ok(IdxFile { kind, sizes, bytes }),
        }
    }

    /// # Errors
    /// What is no image, in words that follow the file's name.
    pub(super) fn into_images(self, path: &FilePath) -> Result<RawBlock, String> {
        let size = match self.sizes[..] {
            [_, height, width] => [height, width, 1],
            [_, height, width, channels @ (1 | 3)] => [height, width, channels],
            [_] => {
                return Err("holds labels (1 dimension), expected pictures (3 dimensions)".into());
            }
            _ => return Err(format!("has the sizes {:?}, expected pictures", self.sizes)),
        };
        if self.kind != 0x08 {
            return Err(format!(
                "holds values of type {:02x}, expected unsigned bytes (08)",
                self.kind
            ));
        }
        if self.bytes.is_empty() {
            return Err(format!("holds no picture ({:?})", self.sizes));
        }
        if size.iter().any(|&size| size > MAX_SIDE) {
            return Err(format!(
                "claims pictures of {size:?}, more than {MAX_SIDE} a side"
            ));
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
    /// What is no label, in words that follow the file's name.
    pub(super) fn into_labels(self) -> Result<Vec<u32>, String> {
        if self.sizes.len() != 1 {
            return Err(format!(
                "has {} dimensions, expected labels (1 dimension); is it the file of the pictures?",
                self.sizes.len()
            ));
        }
        let size = match self.kind {
            0x08 | 0x09 => 1,
            0x0B => 2,
            0x0C => 4,
            kind => {
                return Err(format!(
                    "holds values of type {kind:02x}, expected whole numbers"
                ));
            }
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
        labels.ok_or_else(|| "holds a label below 0 or above a million".into())
    }
}

/// The first bytes of a compressed file.
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// Reads bytes as an IDX file of images, for the fuzz test.
pub fn parse_idx(bytes: &[u8]) -> Result<usize, String> {
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
