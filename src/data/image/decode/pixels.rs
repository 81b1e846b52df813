//! Decoded pixels, and the options of decoding.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::image::decode::deep::DeepRange;

/// Pixels of 8 bits, `[height, width, channels]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Pixels per row.
    pub width: usize,
    /// Rows of pixels.
    pub height: usize,
    /// Values per pixel: 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Row after row.
    pub bytes: Vec<u8>,
}

/// The header of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Pixels per row, as stored.
    pub width: u32,
    /// Rows of pixels, as stored.
    pub height: u32,
    /// 1 for grey, 3 for colour; alpha does not count.
    pub channels: usize,
    /// Whether there are 16 bits per channel.
    pub deep: bool,
}

/// How transparent pixels are handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Alpha {
    /// Alpha is left out; the colours stay as stored (Pillow's `convert("RGB")`).
    #[default]
    Drop,
    /// Blended onto white.
    White,
    /// Blended onto black.
    Black,
}

/// The options of decoding an image file.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Values per pixel: 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// How transparent pixels are handled.
    pub alpha: Alpha,
    /// Larger images are refused.
    pub max_pixels: u64,
    /// The values of 16-bit channels that become 0 and 255; default: all of them.
    pub deep: Option<DeepRange>,
    /// Of an image of (width, height): the factor by which it may shrink while it is decoded, at
    /// most 1.
    pub shrink: &'a (dyn Fn(u32, u32) -> f64 + Sync),
}
