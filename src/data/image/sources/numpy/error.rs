//! Errors of reading a file of NumPy's arrays. Each message follows the file's name.

use thiserror::Error;

use crate::data::files::error::{FileError, SizeError};
use crate::data::files::size::MAX_SIDE;
use crate::storage::ZipError;

/// Why a file of arrays, or an array in it, cannot be used.
#[derive(Debug, Error)]
pub enum NumpyError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A size that is not acceptable.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// A damaged archive.
    #[error("is no whole .npz file: it {0}; fetch it again")]
    Archive(ZipError),
    /// A damaged member of an archive.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// What is wrong with an array of several.
    #[error("holds {name}, which {error}")]
    Member {
        /// The array's name, as messages show it.
        name: String,
        /// What is wrong.
        error: Box<NumpyError>,
    },
    /// No array of the expected names.
    #[error(
        "has no array called {wanted} or the like; it has {there}. train_arrays and valid_arrays name them"
    )]
    NoArray {
        /// The likeliest of the expected names.
        wanted: String,
        /// The names that there are.
        there: String,
    },
    /// A member whose head claims more than the member has.
    #[error("claims {claimed} bytes, but has {size}")]
    MemberSize {
        /// By its own head.
        claimed: u64,
        /// By the archive's directory.
        size: u64,
    },
    /// It ends within its head.
    #[error("is truncated: its head is not whole")]
    Head,
    /// It does not begin as arrays do.
    #[error("is no NumPy array: it begins with {0:02x?}")]
    Magic([u8; 6]),
    /// A version that is not known.
    #[error("is of version {0} of NumPy's format, expected 1 to 3")]
    Version(u8),
    /// A head that is too long.
    #[error("has a head of {len} bytes, expected at most {most}")]
    LongHead {
        /// Its size, bytes.
        len: usize,
        /// The limit, bytes.
        most: usize,
    },
    /// A head that is not understood.
    #[error("has a head that is not understood ({error}): {text:?}")]
    Unclear {
        /// What is not understood of it.
        error: HeadError,
        /// The head.
        text: String,
    },
    /// Fewer bytes than the head claims.
    #[error(
        "is truncated: it holds {found} of the {claimed} bytes that its head claims ({shape:?})"
    )]
    Short {
        /// Bytes of values that there are.
        found: u64,
        /// Bytes of values that the head claims.
        claimed: u64,
        /// The shape that the head claims.
        shape: Vec<usize>,
    },
    /// More bytes than the head claims.
    #[error("holds more bytes than the {claimed} that its head claims ({shape:?})")]
    Long {
        /// Bytes of values that the head claims.
        claimed: u64,
        /// The shape that the head claims.
        shape: Vec<usize>,
    },
    /// A shape that is not that of images.
    #[error(
        "has the shape {0:?}, expected [N, height, width], [N, height, width, 1 or 3] or [N, 1 or 3, \
         height, width]"
    )]
    Shape(Vec<usize>),
    /// No image.
    #[error("holds no image ({0:?})")]
    Empty(Vec<usize>),
    /// Images that are too large to be held in memory as they are.
    #[error("claims images of {0:?}, more than {MAX_SIDE} a side")]
    Side([usize; 3]),
    /// Texts in place of images.
    #[error("holds texts, expected images")]
    Texts,
    /// A pixel that is no number.
    #[error("holds a value that is not a number, or not finite")]
    NotFinite,
    /// Pixels out of range.
    #[error("holds values from {least} to {most}, expected {expected}")]
    Range {
        /// The least value.
        least: f64,
        /// The largest value.
        most: f64,
        /// The ranges that are read.
        expected: &'static str,
    },
    /// A shape that is not that of labels.
    #[error("has labels of the shape {0:?}, expected one label for each image ([N] or [N, 1])")]
    LabelShape(Vec<usize>),
    /// A label that is no number of a class.
    #[error("holds a label that is no whole number from 0 to a million")]
    Label,
}

/// What is not understood of an array's head.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeadError {
    /// A key that is missing.
    #[error("no {0}")]
    Missing(&'static str),
    /// An order that is no truth value.
    #[error("fortran_order is neither True nor False")]
    Order,
    /// A structured type.
    #[error("a record of several values")]
    Record,
    /// A type whose quote is not closed.
    #[error("no end of descr")]
    DescrEnd,
    /// More bytes than can be.
    #[error("more values than a file holds")]
    Values,
    /// A type that is not read.
    #[error("values of type {0}")]
    Type(String),
    /// Pickled objects.
    #[error("Python objects, which are not read: save numbers, without allow_pickle")]
    Objects,
}
