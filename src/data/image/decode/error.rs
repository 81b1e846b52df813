//! Errors of decoding an image. Each message follows the image's name.

use std::error::Error;

use image::ImageError;
use thiserror::Error;

use crate::data::files::error::FileError;

/// Why an image cannot be read, decoded or resized.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Its file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file that holds it is gone.
    #[error("cannot be read")]
    Gone,
    /// No bytes.
    #[error("is empty (0 bytes)")]
    Empty,
    /// A format that is known and not decoded.
    #[error("is {0}")]
    Format(&'static str),
    /// A text.
    #[error("is not an image (it holds text)")]
    Text,
    /// Something else.
    #[error("is not an image (unknown content)")]
    Unknown,
    /// A JPEG without its last marker.
    #[error("is truncated: the JPEG's end is missing")]
    NoEnd,
    /// A width or height of 0.
    #[error("has no pixels ({width} x {height})")]
    NoPixels {
        /// Pixels per row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// More pixels than the experiment allows.
    #[error("has {width} x {height} pixels, more than data.max_pixels = {limit}")]
    TooManyPixels {
        /// Pixels per row.
        width: u32,
        /// Rows.
        height: u32,
        /// The most pixels.
        limit: u64,
    },
    /// More pixels than its format makes of its bytes.
    #[error(
        "is truncated or damaged: its {len} bytes cannot hold the {width} x {height} pixels that it claims"
    )]
    Impossible {
        /// The size, bytes.
        len: usize,
        /// Pixels per row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// A tag of a TIFF that claims more than there is.
    #[error("cannot be decoded: its tag {tag} claims {count} values, more than the file holds")]
    Tag {
        /// The number of the tag.
        tag: u64,
        /// The values that it claims.
        count: u64,
    },
    /// What the decoder finds.
    #[error("cannot be decoded: {}", one_line(.0))]
    Decoder(ImageError),
    /// Values far from those of the training images.
    #[error(
        "has values of {} to {}, but the training images had {} to {}, by which all are scaled; bring it to their \
         range",
        .found[0], .found[1], .trained[0], .trained[1]
    )]
    Range {
        /// The least and the largest value.
        found: [u16; 2],
        /// Those of the training images.
        trained: [u16; 2],
    },
    /// An uncompressed image without its head.
    #[error("is no image")]
    NoHead,
    /// An uncompressed image of another size than its head says.
    #[error("has {len} bytes for {width} x {height} pixels")]
    RawSize {
        /// The size, bytes.
        len: usize,
        /// Pixels per row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// A size that the resizer refuses.
    #[error("cannot be resized: {0}")]
    Resize(Box<dyn Error + Send + Sync>),
}

fn one_line(error: &ImageError) -> String {
    let text = error.to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
