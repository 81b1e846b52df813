//! Errors of files that hold many labelled images. Each message begins with the name of a file.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::idx_error::IdxError;
use super::numpy::error::NumpyError;
use crate::console::Show as _;
use crate::data::files::error::FileError;

/// Why labelled images in files that hold many cannot be used.
#[derive(Debug, Error)]
pub enum BlockError {
    /// A folder that cannot be read.
    #[error("{}, which cannot be read: {error}", .path.shown())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// What is wrong with an IDX file.
    #[error("{}, which {error}", .path.shown())]
    Idx {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: IdxError,
    },
    /// What is wrong with a file of NumPy's arrays.
    #[error("{}, which {error}", .path.shown())]
    Numpy {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: NumpyError,
    },
    /// What is wrong with a binary file of CIFAR.
    #[error("{}, which {error}", .path.shown())]
    Cifar {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: CifarError,
    },
    /// A folder without a file of images.
    #[error("{}, which holds no file such as {example}", .path.shown())]
    NoFile {
        /// The folder.
        path: PathBuf,
        /// A usual name.
        example: String,
    },
    /// A folder with several files of images.
    #[error("{}, which holds several files of images ({names}); name one", .path.shown())]
    SeveralFiles {
        /// The folder.
        path: PathBuf,
        /// The files.
        names: String,
    },
    /// Images without a file of labels.
    #[error("{}, beside which there is no {labels} with the labels", .images.shown())]
    NoLabels {
        /// The file of the images.
        images: PathBuf,
        /// The expected name of the file of the labels.
        labels: String,
    },
    /// An array of images, and nothing that names the labels.
    #[error(
        "{}, an array of images; name the file of the labels with train_labels (valid_labels)",
        .path.shown()
    )]
    ImagesAlone {
        /// The file of the images.
        path: PathBuf,
    },
    /// Not as many labels as images.
    #[error(
        "{} with {num_images} {what}, but {} has {num_labels} labels",
        .images.shown(), .labels.shown()
    )]
    Counts {
        /// The file of the images.
        images: PathBuf,
        /// The images in it.
        num_images: usize,
        /// What the images are called.
        what: &'static str,
        /// The file of the labels.
        labels: PathBuf,
        /// The labels in it.
        num_labels: usize,
    },
    /// A label beyond the classes.
    #[error(
        "{}, whose label {label} of image {index} is none of the {num_classes} classes 0 to {}",
        .path.shown(), .num_classes.saturating_sub(1)
    )]
    Label {
        /// The file.
        path: PathBuf,
        /// The label.
        label: u32,
        /// The place of the image, from 0.
        index: usize,
        /// The classes that there are.
        num_classes: usize,
    },
    /// A file without an image.
    #[error("holds no image")]
    NoImage,
}

/// Why a binary file of CIFAR cannot be used, in words that follow its name.
#[derive(Debug, Error)]
pub enum CifarError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A size that is not that of whole images.
    #[error(
        "has {len} bytes, expected a multiple of {record} ({head} for the label and {} for the image)",
        .record - .head
    )]
    Size {
        /// Of the file, bytes.
        len: u64,
        /// Of an image with its labels, bytes.
        record: usize,
        /// Of the labels, bytes.
        head: usize,
    },
}
