//! Reading whole files.

use std::io::ErrorKind;
use std::path::Path;

use crate::storage::{read_bounded, read_regular};

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
/// Why it cannot be read, in words that follow its name.
pub fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    read_regular(path, most).map_err(|error| in_words(path, most, &error))
}

/// Reads what the user named, of at most `most` bytes: a file, or the end of a pipe.
///
/// # Errors
/// Why it cannot be read, in words that follow its name.
pub fn read_named(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    read_bounded(path, most).map_err(|error| in_words(path, most, &error))
}

fn in_words(path: &Path, most: u64, error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::FileTooLarge => match path.metadata() {
            Ok(meta) if meta.len() > most => too_large(meta.len()),
            _ => format!(
                "has more than {most} bytes, which is more than a picture of data.max_pixels needs"
            ),
        },
        _ => format!("cannot be read: {error}"),
    }
}

/// Why a file of `len` bytes is not read.
pub fn too_large(len: u64) -> String {
    format!("has {len} bytes, more than a picture of data.max_pixels needs")
}

/// A text without the byte-order mark that some editors put before it: it is no part of the first word.
pub fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}
