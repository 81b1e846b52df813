//! Paths as text and back, also those that are not UTF-8: experiments, JSON and messages are text.
//!
//! A byte that is not UTF-8 becomes one private character (Python's "surrogateescape" has no place in
//! Rust's strings), which [`visible`](super::visible) shows as `\xFF`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

/// The private character for byte 0; those for 0x80 to 0xFF are used.
const BYTE_0: u32 = 0x10_FE00;

/// The byte of a private character.
pub fn hidden_byte(c: char) -> Option<u8> {
    let byte = (c as u32).checked_sub(BYTE_0)?;
    u8::try_from(byte).ok().filter(|byte| *byte >= 0x80)
}

fn stand_in(byte: u8) -> char {
    char::from_u32(BYTE_0 + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// A path as text that [`text_path`] turns back into the same path.
pub fn path_text(path: &Path) -> Cow<'_, str> {
    if let Some(text) = path.to_str() {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|byte| stand_in(*byte)));
    }
    Cow::Owned(out)
}

/// The path of a text.
pub fn text_path(text: &str) -> PathBuf {
    #[cfg(unix)]
    if text.contains(|c| hidden_byte(c).is_some()) {
        use std::os::unix::ffi::OsStringExt;
        let mut bytes = Vec::with_capacity(text.len());
        for c in text.chars() {
            match hidden_byte(c) {
                Some(byte) => bytes.push(byte),
                None => bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        return PathBuf::from(std::ffi::OsString::from_vec(bytes));
    }
    PathBuf::from(text)
}

/// Reads an option that is a path.
///
/// # Errors
/// A value that is no text.
pub fn read_path<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    Ok(text_path(&String::deserialize(from)?))
}

/// Reads an option that may be a path.
///
/// # Errors
/// A value that is no text.
pub fn read_optional_path<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(|text| text_path(&text)))
}

/// Reads an option that is a list of paths.
///
/// # Errors
/// A value that is no list of texts.
pub fn read_paths<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PathBuf>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    Ok(texts.iter().map(|text| text_path(text)).collect())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn any_path_comes_back() {
        for bytes in [
            &b"photos/caf\xE9"[..],
            b"\xFF\xFE/a",
            "näh/\u{10FE00}".as_bytes(),
        ] {
            let path = Path::new(std::ffi::OsStr::from_bytes(bytes));
            assert_eq!(text_path(&path_text(path)), path);
        }
    }
}
