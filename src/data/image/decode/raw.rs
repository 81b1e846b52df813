//! Blocks of raw images, many in one file (IDX, CIFAR's binaries, NumPy's arrays), held in memory. Each image is handed
//! to [`decode`](crate::data::image::decode) in a small uncompressed format of our own.

use std::path::PathBuf;

use super::deep::plain_level;
use super::error::DecodeError;
use super::pixels::{Header, Pixels, Wanted};

/// The first bytes of an uncompressed image; height, width and channels follow, 32 bits each, then the
/// pixels, `[height, width, channels]`.
const MAGIC: [u8; 8] = *b"\x89KILNRAW";
/// The same of an image whose values have 16 bits, the lower byte first.
const DEEP_MAGIC: [u8; 8] = *b"\x89KILNR16";
const HEAD: usize = 20;

/// The images of one file.
#[derive(Debug)]
pub struct RawBlock {
    /// The file.
    pub path: PathBuf,
    /// Rows, pixels per row, values per pixel.
    pub size: [usize; 3],
    /// Whether an image is stored channel after channel.
    pub planar: bool,
    /// Bytes before each image.
    pub skip: usize,
    /// Bytes per value: 1, or 2 with the lower one first.
    pub depth: usize,
    /// All images.
    pub bytes: Vec<u8>,
}

impl RawBlock {
    fn record(&self) -> usize {
        self.skip + self.size.iter().product::<usize>() * self.depth
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.record().max(1)
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An image's name in messages.
    pub fn name(&self, index: usize) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        format!("{} #{index}", name.to_string_lossy())
    }

    /// The bytes before an image.
    pub fn head(&self, index: usize) -> &[u8] {
        &self.bytes[index * self.record()..][..self.skip]
    }

    /// One image in the uncompressed format.
    pub fn image(&self, index: usize) -> Vec<u8> {
        let pixels = &self.bytes[index * self.record() + self.skip..][..self.record() - self.skip];
        let mut out = Vec::with_capacity(HEAD + pixels.len());
        out.extend(if self.depth == 2 { DEEP_MAGIC } else { MAGIC });
        for size in self.size {
            out.extend((size as u32).to_le_bytes());
        }
        if self.planar {
            let plane = self.size[0] * self.size[1];
            for pixel in 0..plane {
                for channel in 0..self.size[2] {
                    let at = (channel * plane + pixel) * self.depth;
                    out.extend(&pixels[at..at + self.depth]);
                }
            }
        } else {
            out.extend(pixels);
        }
        out
    }
}

/// The header of an uncompressed image; `None` if `bytes` are no such image.
pub fn header(bytes: &[u8]) -> Option<Header> {
    let deep = is_deep(bytes);
    let magic = if deep { DEEP_MAGIC } else { MAGIC };
    let sizes = bytes.strip_prefix(&magic)?.get(..HEAD - MAGIC.len())?;
    let size = |index: usize| {
        let bytes = sizes[4 * index..][..4].try_into();
        bytes.map_or(0, u32::from_le_bytes)
    };
    Some(Header {
        height: size(0),
        width: size(1),
        channels: if size(2) == 3 { 3 } else { 1 },
        deep,
    })
}

/// Whether `bytes` begin an uncompressed image with 16 bits a value.
pub fn is_deep(bytes: &[u8]) -> bool {
    bytes.starts_with(&DEEP_MAGIC)
}

/// The values of an uncompressed image with 16 bits a value.
pub fn deep_values(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    let stored = &bytes[HEAD.min(bytes.len())..];
    stored
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
}

/// The pixels of an uncompressed image, with as many channels as are wanted.
///
/// # Errors
/// A size that is not that of the bytes.
pub fn pixels(bytes: &[u8], wanted: &Wanted) -> Result<Pixels, DecodeError> {
    let (channels, max_pixels) = (wanted.channels, wanted.max_pixels);
    let header = header(bytes).ok_or(DecodeError::NoHead)?;
    let count = u64::from(header.width) * u64::from(header.height);
    let stored = &bytes[HEAD.min(bytes.len())..];
    let values = count.saturating_mul(header.channels as u64 * if header.deep { 2 } else { 1 });
    if count == 0 || count > max_pixels || values != stored.len() as u64 {
        return Err(DecodeError::RawSize {
            len: stored.len(),
            width: header.width,
            height: header.height,
        });
    }
    let level = |value: u16| match wanted.deep {
        Some(range) => range.level(value),
        None => plain_level(value),
    };
    let levels: Vec<u8>;
    let stored = if header.deep {
        levels = deep_values(bytes).map(level).collect();
        &levels[..]
    } else {
        stored
    };
    let bytes = match (header.channels, channels) {
        (3, 1) => stored.chunks_exact(3).map(grey).collect(),
        (1, 3) => stored.iter().flat_map(|&value| [value; 3]).collect(),
        _ => stored.to_vec(),
    };
    Ok(Pixels {
        width: header.width as usize,
        height: header.height as usize,
        channels,
        bytes,
    })
}

/// The brightness of a colour, as of other images.
fn grey(pixel: &[u8]) -> u8 {
    let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
    ((2126 * red + 7152 * green + 722 * blue) / 10000) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::image::decode::deep::DeepRange;
    use crate::data::image::decode::pixels::Alpha;

    fn block(planar: bool) -> RawBlock {
        RawBlock {
            path: "a/images.bin".into(),
            size: [1, 2, 3],
            planar,
            skip: 1,
            depth: 1,
            bytes: vec![9, 1, 2, 3, 4, 5, 6, 8, 7, 7, 7, 7, 7, 7],
        }
    }

    fn wanted(channels: usize, max_pixels: u64) -> Wanted<'static> {
        Wanted {
            channels,
            alpha: Alpha::Drop,
            max_pixels,
            deep: None,
            shrink: &|_, _| 1.0,
        }
    }

    #[test]
    fn values_of_16_bits_become_levels_of_a_range_or_of_all() {
        let block = RawBlock {
            path: "a.npy".into(),
            size: [1, 2, 1],
            planar: false,
            skip: 0,
            depth: 2,
            bytes: vec![100, 0, 44, 1],
        };
        assert_eq!(block.len(), 1);
        let image = block.image(0);
        let header = header(&image).expect("a header");
        assert!(header.deep && header.width == 2);
        assert_eq!(deep_values(&image).collect::<Vec<_>>(), [100, 300]);
        let plain = pixels(&image, &wanted(1, 9)).expect("an image");
        assert_eq!(plain.bytes, [0, 1]);
        let scaled = Wanted {
            deep: DeepRange::new(100, 300),
            ..wanted(1, 9)
        };
        assert_eq!(pixels(&image, &scaled).expect("an image").bytes, [0, 255]);
    }

    #[test]
    fn planes_become_pixels() {
        let plain = block(false);
        assert_eq!((plain.len(), plain.head(1)), (2, &[8][..]));
        let pixels = |block: &RawBlock| {
            pixels(&block.image(0), &wanted(3, 100))
                .expect("an image")
                .bytes
        };
        assert_eq!(pixels(&plain), [1, 2, 3, 4, 5, 6]);
        assert_eq!(pixels(&block(true)), [1, 3, 5, 2, 4, 6]);
        assert_eq!(plain.name(1), "images.bin #1");
    }

    #[test]
    fn a_head_that_claims_too_much_is_refused() {
        let mut image = block(false).image(0);
        image[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(pixels(&image, &wanted(3, u64::MAX)).is_err());
        assert!(pixels(&block(false).image(0), &wanted(3, 1)).is_err());
    }
}
