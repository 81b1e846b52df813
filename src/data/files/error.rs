//! Errors of reading files and folders. Each message follows the name of its file or folder.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::console::Show as _;

/// Why a file is not read.
#[derive(Debug, Error)]
pub enum FileError {
    /// The system refuses.
    #[error("cannot be read: {0}")]
    Io(io::Error),
    /// More bytes than an image of the allowed pixels has.
    #[error("has {len} bytes, more than an image of data.max_pixels needs")]
    LargeImage {
        /// The size, bytes.
        len: u64,
    },
    /// A stream that goes on beyond the limit.
    #[error("has more than {most} bytes, which is more than an image of data.max_pixels needs")]
    EndlessImage {
        /// The limit, bytes.
        most: u64,
    },
    /// A file that should be small.
    #[error("has {len} bytes, expected at most {most}")]
    Long {
        /// The size, bytes.
        len: u64,
        /// The limit, bytes.
        most: u64,
    },
    /// A size that is not acceptable.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// Less than the size that was read before.
    #[error("became shorter while it was read")]
    Shorter,
}

/// Why a size that a file claims is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SizeError {
    /// More than compression can make of the file.
    #[error("is damaged: its {len} bytes cannot hold the {claimed} bytes that its head claims")]
    Impossible {
        /// Of the file, bytes.
        len: u64,
        /// After unpacking, bytes.
        claimed: u64,
    },
    /// More than is allowed without being asked for.
    #[error(
        "has {len} bytes and would unpack to {claimed}, more than {most}. If it is to be trusted, set \
         data.max_unpacked = {claimed}, or unpack it before"
    )]
    Unpacked {
        /// Of the file, bytes.
        len: u64,
        /// After unpacking, bytes.
        claimed: u64,
        /// The limit, bytes.
        most: u64,
    },
    /// More than the machine has free.
    #[error("needs {bytes} bytes of memory, and {free} {why}; split it into several files")]
    Memory {
        /// What is needed.
        bytes: u64,
        /// What is free.
        free: u64,
        /// What limits it, in words that follow the number.
        why: &'static str,
    },
}

/// Why a folder cannot be listed, or is none of samples.
#[derive(Debug, Error)]
pub enum ListingError {
    /// There is nothing of that name.
    #[error("does not exist")]
    Missing,
    /// A file in place of a folder.
    #[error("is a file, expected {expected}")]
    File {
        /// What should be there.
        expected: &'static str,
    },
    /// Something else in place of a folder of texts.
    #[error("is no folder, expected one folder a class")]
    NoFolder,
    /// A folder that the system does not list.
    #[error("cannot be listed ({}): {error}", .folder.shown())]
    Unlisted {
        /// The folder.
        folder: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// Folders below folders, beyond a sensible depth.
    #[error(
        "nests more than {most} folders at {}; is a link pointing upwards?",
        .folder.shown()
    )]
    Deep {
        /// The depth at which a loop of links is suspected.
        most: usize,
        /// The deepest folder.
        folder: PathBuf,
    },
    /// A class whose name is no text.
    #[error("holds the folder {}, whose name is not valid Unicode; rename it", .folder.shown())]
    ClassName {
        /// Its folder.
        folder: PathBuf,
    },
    /// The same of a folder that is deeper.
    #[error("holds {path:?}, a name that is not valid Unicode; rename it")]
    LeafName {
        /// A file in it.
        path: PathBuf,
    },
    /// No folder of a class.
    #[error("{}, expected one folder a class", holds(*.loose))]
    NoClasses {
        /// Images beside where the folders should be.
        loose: usize,
    },
    /// No folder of a class with texts.
    #[error("holds no folder with .txt files; it looks like train/good/1.txt")]
    NoTexts,
    /// No sample at all.
    #[error(transparent)]
    NoSamples(#[from] Nothing),
    /// Splits without one for training.
    #[error(
        "holds the folders {names}, but none for training; expected one called train, or folders of classes"
    )]
    NoTraining {
        /// The names of the folders.
        names: String,
    },
}

fn holds(loose: usize) -> String {
    match loose {
        0 => "holds no folders".to_string(),
        1 => "holds an image but no folders".to_string(),
        n => format!("holds {n} images but no folders"),
    }
}

/// What a folder without samples holds instead.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Nothing {
    /// Nothing.
    #[error("is empty, expected images, or text files, in one folder a class")]
    Empty,
    /// Folders alone.
    #[error("holds {0} folders without any file, expected images in one folder a class")]
    Folders(usize),
    /// Other files.
    #[error("holds no images and no text files, but {0}")]
    Others(String),
}
