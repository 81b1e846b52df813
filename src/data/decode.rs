//! A picture file into pixels: any format that `image` reads, upright, 8 bits a channel.
//!
//! What is handled: 16-bit channels become 8-bit, palettes become colours, an alpha channel is
//! dropped (as Pillow's `convert("RGB")` does), CMYK becomes RGB, EXIF orientation is applied, the
//! first frame of an animation is taken. The format is told from the content, not from the name.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, metadata::Orientation};

/// File name extensions that are taken for pictures.
pub const EXTENSIONS: [&str; 9] = [
    "jpg", "jpeg", "png", "gif", "bmp", "webp", "tif", "tiff", "jfif",
];

/// Pixels of 8 bits, `[height, width, channels]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Pixels a row.
    pub width: usize,
    /// Rows of pixels.
    pub height: usize,
    /// Values a pixel: 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Row after row.
    pub bytes: Vec<u8>,
}

/// What a picture's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Pixels a row, as stored.
    pub width: u32,
    /// Rows of pixels, as stored.
    pub height: u32,
    /// 1 for grey, 3 for colour; alpha does not count.
    pub channels: usize,
}

/// Whether the file's name is that of a picture.
pub fn is_picture_name(path: &Path) -> bool {
    path.extension()
        .and_then(|ext| ext.to_str())
        .is_some_and(|ext| EXTENSIONS.contains(&ext.to_ascii_lowercase().as_str()))
}

/// Reads a picture's header without decoding it.
///
/// # Errors
/// Why the file is no picture that can be read, in words that follow its name.
pub fn read_header(path: &Path) -> Result<Header, String> {
    let reader = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|error| format!("cannot be read: {error}"))?;
    let decoder = reader.into_decoder().map_err(|e| explain(path, &e))?;
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
    })
}

/// Decodes a picture to `channels` (1 or 3) values a pixel, upright.
///
/// # Errors
/// Why the file cannot be used, in words that follow its name: unreadable, empty, no picture,
/// truncated, more than `max_pixels`.
pub fn decode_file(path: &Path, channels: usize, max_pixels: u64) -> Result<Pixels, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    decode_bytes(&bytes, path, channels, max_pixels)
}

fn decode_bytes(
    bytes: &[u8],
    path: &Path,
    channels: usize,
    max_pixels: u64,
) -> Result<Pixels, String> {
    if bytes.is_empty() {
        return Err("is empty (0 bytes)".to_string());
    }
    let reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| format!("cannot be read: {error}"))?;
    if reader.format() == Some(ImageFormat::Jpeg) && !jpeg_has_end(bytes) {
        return Err("is truncated: the JPEG's end is missing".to_string());
    }
    let mut decoder = reader.into_decoder().map_err(|e| explain(path, &e))?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        return Err(format!("has no pixels ({width} x {height})"));
    }
    if pixels > max_pixels {
        return Err(format!(
            "has {width} x {height} pixels, more than data.max_pixels = {max_pixels}"
        ));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(max_pixels.saturating_mul(16).saturating_add(1 << 26));
    decoder.set_limits(limits).map_err(|e| explain(path, &e))?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| explain(path, &e))?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    let bytes = match channels {
        1 => image.into_luma8().into_raw(),
        _ => image.into_rgb8().into_raw(),
    };
    Ok(Pixels {
        width,
        height,
        channels,
        bytes,
    })
}

/// Whether the end marker follows the first scan. The decoder fills what is missing with grey
/// and says nothing, which would train on half a picture in silence.
fn jpeg_has_end(bytes: &[u8]) -> bool {
    let mut at = 2;
    while at + 4 <= bytes.len() {
        if bytes[at] != 0xFF {
            return true; // no valid segment here: the decoder has the last word
        }
        match bytes[at + 1] {
            0xFF => at += 1,
            0xDA => return bytes[at..].windows(2).any(|pair| pair == [0xFF, 0xD9]),
            0x01 | 0xD0..=0xD7 => at += 2,
            _ => at += 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]])),
        }
    }
    false
}

fn explain(path: &Path, error: &image::ImageError) -> String {
    match std::fs::metadata(path) {
        Ok(meta) if meta.len() == 0 => return "is empty (0 bytes)".to_string(),
        _ => {}
    }
    match error {
        image::ImageError::Unsupported(_) if !looks_like_picture(path) => {
            let what = if is_text(path) {
                "it holds text"
            } else {
                "unknown content"
            };
            format!("is not a picture ({what})")
        }
        other => format!("cannot be decoded: {}", one_line(&other.to_string())),
    }
}

fn looks_like_picture(path: &Path) -> bool {
    head(path).is_some_and(|head| image::guess_format(&head).is_ok())
}

fn is_text(path: &Path) -> bool {
    head(path).is_some_and(|head| {
        std::str::from_utf8(&head).map_or_else(|e| e.error_len().is_none(), |_| true)
            && !head.contains(&0)
    })
}

fn head(path: &Path) -> Option<Vec<u8>> {
    use std::io::Read;
    let mut head = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(512).read_to_end(&mut head).ok()?;
    Some(head)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
