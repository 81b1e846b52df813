//! Decodes an image file of any format that `image` reads to pixels: upright, 8 bits per channel.
//!
//! 16-bit channels become 8-bit (`deep.rs`), palettes become colours, alpha is dropped or blended,
//! CMYK becomes RGB, EXIF orientation is applied, the first frame of an animation is taken. The format
//! is detected by content, not by name. A JPEG that is far larger than the requested size is decoded at a fraction of
//! its size (`jpeg.rs`).

pub mod deep;
pub mod error;
pub mod jpeg;
pub mod pixels;
pub mod raw;
pub mod tiff;

use std::io::{Cursor, Read};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::decode::deep::{check_within, from_deep, is_deep};
use super::decode::error::DecodeError;
use crate::data::files::error::FileError;
use crate::data::files::kind::unread_format;
use crate::data::image::decode::pixels::{Alpha, Header, Pixels, Wanted};
use crate::storage::{open_regular, read_regular};

/// Reads an image's header without decoding it.
///
/// # Errors
/// Why the file is no image that can be read.
pub fn read_header(path: &Path) -> Result<Header, DecodeError> {
    let mut bytes = Vec::new();
    let file = open_regular(path).map_err(FileError::Io)?;
    file.take(HEADER_BYTES)
        .read_to_end(&mut bytes)
        .map_err(FileError::Io)?;
    if is_tiff(&bytes) {
        bytes = read_regular(path, MAX_TIFF).map_err(FileError::Io)?;
    }
    read_header_of(&bytes)
}

/// Whether the header may lie anywhere in the file.
pub fn is_tiff(bytes: &[u8]) -> bool {
    matches!(image::guess_format(bytes), Ok(ImageFormat::Tiff))
}

/// Reads the header of an image in memory; `bytes` may end early.
///
/// # Errors
/// Why it is no image that can be read.
pub fn read_header_of(bytes: &[u8]) -> Result<Header, DecodeError> {
    if let Some(header) = raw::header(bytes) {
        return Ok(header);
    }
    let reader = guess(bytes)?;
    header_of(reader.into_decoder().map_err(|e| explain(bytes, e))?)
}

fn guess(bytes: &[u8]) -> Result<ImageReader<Cursor<&[u8]>>, DecodeError> {
    let reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(FileError::Io)?;
    if reader.format() == Some(ImageFormat::Tiff) {
        tiff::check_claims(bytes)?;
    }
    Ok(reader)
}

fn header_of(decoder: impl ImageDecoder) -> Result<Header, DecodeError> {
    let (width, height) = decoder.dimensions();
    let channels = if decoder.color_type().has_color() {
        3
    } else {
        1
    };
    Ok(Header {
        width,
        height,
        channels,
        deep: is_deep(decoder.color_type()),
    })
}

/// Decodes an image, upright.
///
/// # Errors
/// Why it cannot be used: empty, no image, truncated, more
/// than `max_pixels`, 16-bit values far outside the range of training.
pub fn decode(bytes: &[u8], wanted: &Wanted) -> Result<Pixels, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    if raw::header(bytes).is_some() {
        return raw::pixels(bytes, wanted);
    }
    let image = decode_image(bytes, wanted)?;
    if let Some(range) = wanted.deep {
        check_within(&image, range)?;
    }
    Ok(flatten(image, wanted))
}

/// Decodes an image file to what it stores, upright.
///
/// # Errors
/// As [`decode`].
pub fn decode_image(bytes: &[u8], wanted: &Wanted) -> Result<DynamicImage, DecodeError> {
    let reader = guess(bytes)?;
    let format = reader.format();
    let is_jpeg = format == Some(ImageFormat::Jpeg);
    if is_jpeg && !jpeg::has_end(bytes) {
        return Err(DecodeError::NoEnd);
    }
    let mut decoder = reader.into_decoder().map_err(|e| explain(bytes, e))?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        return Err(DecodeError::NoPixels { width, height });
    }
    if pixels > wanted.max_pixels {
        return Err(DecodeError::TooManyPixels {
            width,
            height,
            limit: wanted.max_pixels,
        });
    }
    if let Some(least) = format.and_then(|format| least_bytes(format, pixels))
        && (bytes.len() as u64) < least
    {
        return Err(DecodeError::Impossible {
            len: bytes.len(),
            width,
            height,
        });
    }
    let mut limits = Limits::default();
    // Twice what 16 bits for each of four channels need: some decoders hold a copy.
    limits.max_alloc = Some(pixels.saturating_mul(16).saturating_add(1 << 24));
    decoder.set_limits(limits).map_err(|e| explain(bytes, e))?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let shrink = (wanted.shrink)(width, height);
    let small = if is_jpeg {
        jpeg::decode_small(bytes, width, height, shrink)
    } else {
        None
    };
    let mut image = match small {
        Some(image) => image,
        None => DynamicImage::from_decoder(decoder).map_err(|e| explain(bytes, e))?,
    };
    image.apply_orientation(orientation);
    Ok(image)
}

/// The fewest bytes that a format needs for a number of pixels, to reject impossible sizes before allocating; `None` if an image of one colour may take next to none.
fn least_bytes(format: ImageFormat, pixels: u64) -> Option<u64> {
    let pixels_a_byte = match format {
        ImageFormat::Png => 8 * 1032, // a bit a pixel, and what deflate does at best
        ImageFormat::Gif => 1 << 13,  // a code of 12 bits stands for 4096 pixels
        ImageFormat::Jpeg => 1 << 10, // a bit for a block of 64 pixels
        ImageFormat::Pnm => 8,
        _ => return None,
    };
    Some(pixels / pixels_a_byte)
}

fn flatten(image: DynamicImage, wanted: &Wanted) -> Pixels {
    let image = match wanted.deep {
        Some(range) => from_deep(image, range),
        None => image,
    };
    let image = match wanted.alpha {
        Alpha::White if image.color().has_alpha() => blend(&image, 255),
        Alpha::Black if image.color().has_alpha() => blend(&image, 0),
        _ => image,
    };
    let (width, height) = (image.width() as usize, image.height() as usize);
    let bytes = match wanted.channels {
        1 => image.into_luma8().into_raw(),
        _ => image.into_rgb8().into_raw(),
    };
    Pixels {
        width,
        height,
        channels: wanted.channels,
        bytes,
    }
}

/// The image in front of a ground of one level.
fn blend(image: &DynamicImage, ground: u32) -> DynamicImage {
    let mut image = image.to_rgba8();
    for pixel in image.pixels_mut() {
        let alpha = u32::from(pixel.0[3]);
        for level in &mut pixel.0[..3] {
            *level = ((u32::from(*level) * alpha + ground * (255 - alpha) + 127) / 255) as u8;
        }
    }
    DynamicImage::ImageRgba8(image)
}

fn explain(bytes: &[u8], error: image::ImageError) -> DecodeError {
    if bytes.is_empty() {
        return DecodeError::Empty;
    }
    match error {
        image::ImageError::Unsupported(_) if image::guess_format(bytes).is_err() => {
            match unread_format(bytes) {
                Some(format) => DecodeError::Format(format),
                None if is_text(bytes) => DecodeError::Text,
                None => DecodeError::Unknown,
            }
        }
        other => DecodeError::Decoder(other),
    }
}

fn is_text(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(HEAD)];
    std::str::from_utf8(head).map_or_else(|e| e.error_len().is_none(), |_| true)
        && !head.contains(&0)
}

/// The bytes of a file that are checked for being text.
const HEAD: usize = 512;

/// Larger TIFF files are not read for their headers, which may lie at their ends.
pub const MAX_TIFF: u64 = 1 << 30;

/// Bytes that hold an image's header: some cameras put a small image before it.
pub const HEADER_BYTES: u64 = 1 << 18;

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageFormat, Rgba, RgbaImage};

    fn half_transparent_red() -> Vec<u8> {
        let mut bytes = Vec::new();
        RgbaImage::from_pixel(2, 2, Rgba([200, 0, 0, 128]))
            .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)
            .expect("a PNG");
        bytes
    }

    #[test]
    fn alpha_is_dropped_or_blended_as_asked() {
        let red = |alpha| {
            let wanted = Wanted {
                channels: 3,
                alpha,
                max_pixels: 100,
                deep: None,
                shrink: &|_, _| 1.0,
            };
            let image = decode(&half_transparent_red(), &wanted).expect("an image");
            [image.bytes[0], image.bytes[1]]
        };
        assert_eq!(red(Alpha::Drop), [200, 0]);
        // (200 * 128 + 255 * 127) / 255 and 255 * 127 / 255
        assert_eq!(red(Alpha::White), [227, 127]);
        assert_eq!(red(Alpha::Black), [100, 0]);
    }
}
