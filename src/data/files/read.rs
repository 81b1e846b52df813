//! Reading whole files.

use std::io::ErrorKind;
use std::path::Path;

use super::error::FileError;
use crate::storage::{read_bounded, read_regular};

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
/// Why it cannot be read.
pub fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    read_regular(path, most).map_err(|error| of_image(path, most, error))
}

/// Reads what the user named, of at most `most` bytes: a file, or the end of a pipe.
///
/// # Errors
/// Why it cannot be read.
pub fn read_named(path: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    read_bounded(path, most).map_err(|error| of_image(path, most, error))
}

fn of_image(path: &Path, most: u64, error: std::io::Error) -> FileError {
    match error.kind() {
        ErrorKind::FileTooLarge => match path.metadata() {
            Ok(meta) if meta.len() > most => FileError::LargeImage { len: meta.len() },
            _ => FileError::EndlessImage { most },
        },
        _ => FileError::Io(error),
    }
}

/// A text without the byte-order mark that some editors put before it: it is no part of the first word.
pub fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}
