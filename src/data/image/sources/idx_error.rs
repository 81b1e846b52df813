//! Errors of reading an IDX file. Each message follows the file's name.

use thiserror::Error;

use crate::data::files::error::{FileError, SizeError};
use crate::data::files::size::MAX_SIDE;

/// Why an IDX file cannot be used.
#[derive(Debug, Error)]
pub enum IdxError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A size that is not acceptable.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// It ends within its head.
    #[error("is truncated: its head is not whole")]
    Head,
    /// It does not begin as IDX files do.
    #[error(
        "is no IDX file: it begins with {0:02x?}, expected 00 00, a type (08 to 0e) and the \
         number of dimensions"
    )]
    Magic([u8; 4]),
    /// A product of sizes that no file holds.
    #[error("claims {0:?} values, which no file holds")]
    Impossible(Vec<usize>),
    /// Fewer bytes than the head claims.
    #[error(
        "is truncated: it holds {found} of the {claimed} bytes that its head claims ({sizes:?})"
    )]
    Short {
        /// Bytes of values that there are.
        found: u64,
        /// Bytes of values that the head claims.
        claimed: u64,
        /// The sizes that the head claims.
        sizes: Vec<usize>,
    },
    /// More bytes than the head claims.
    #[error("holds more bytes than the {claimed} that its head claims ({sizes:?})")]
    Long {
        /// Bytes of values that the head claims.
        claimed: u64,
        /// The sizes that the head claims.
        sizes: Vec<usize>,
    },
    /// Labels in place of images.
    #[error("holds labels (1 dimension), expected images (3 dimensions)")]
    LabelsNotImages,
    /// Sizes that are not those of images.
    #[error("has the sizes {0:?}, expected images")]
    Sizes(Vec<usize>),
    /// Pixels of another type.
    #[error("holds values of type {0:02x}, expected unsigned bytes (08)")]
    PixelType(u8),
    /// No image.
    #[error("holds no image ({0:?})")]
    Empty(Vec<usize>),
    /// Images that are too large to be held in memory as they are.
    #[error("claims images of {0:?}, more than {MAX_SIDE} a side")]
    Side([usize; 3]),
    /// Images in place of labels.
    #[error("has {0} dimensions, expected labels (1 dimension); is it the file of the images?")]
    ImagesNotLabels(usize),
    /// Labels of another type.
    #[error("holds values of type {0:02x}, expected whole numbers")]
    LabelType(u8),
    /// A label that is no number of a class.
    #[error("holds a label below 0 or above a million")]
    Label,
}
