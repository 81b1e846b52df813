//! Bounds the length of a row while reading; validates delimiter and quote.

use std::cell::Cell;
use std::io::Read;
use std::rc::Rc;

use super::content::FromBeginning;
use super::error::TableError;
use super::layout::MAX_ROW;

/// A file that ends with an error where a row does not end.
pub struct Bounded {
    pub(super) file: FromBeginning,
    pub(super) read: u64,
    pub(super) row_begin: Rc<Cell<u64>>,
    /// What was read last.
    pub(super) chunk: Vec<u8>,
}

impl Bounded {
    /// The byte before a place, where it is among those read last.
    pub(super) fn byte_before(&self, place: u64) -> Option<u8> {
        let begin = self.read - self.chunk.len() as u64;
        let index = place.checked_sub(begin + 1)?;
        self.chunk.get(usize::try_from(index).ok()?).copied()
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.read.saturating_sub(self.row_begin.get()) > MAX_ROW {
            let message = format!(
                "a row has more than {} MB; is a quote never closed?",
                MAX_ROW >> 20
            );
            return Err(std::io::Error::other(message));
        }
        let count = self.file.read(buffer)?;
        self.read += count as u64;
        if count > 0 {
            self.chunk.clear();
            self.chunk.extend_from_slice(&buffer[..count]);
        }
        Ok(count)
    }
}

/// A delimiter or quote as a byte.
///
/// # Errors
/// A character of several bytes, or a line end.
pub fn sign(sign: char, key: &'static str) -> Result<u8, TableError> {
    let byte = u8::try_from(sign).ok().filter(u8::is_ascii);
    byte.filter(|byte| !byte.is_ascii_control() || *byte == b'\t')
        .ok_or(TableError::Sign { key, sign })
}

/// The most frequent of the usual delimiters in the first line, outside of quotes.
pub fn guess_delimiter(begin: &[u8], quote: Option<u8>) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    for &byte in begin {
        if Some(byte) == quote {
            quoted = !quoted;
        } else if byte == b'\n' && !quoted {
            break;
        } else if !quoted && let Some(found) = counts.iter_mut().find(|(d, _)| *d == byte) {
            found.1 += 1;
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    counts
        .iter()
        .find(|(_, count)| *count == most)
        .map_or(b',', |(delimiter, _)| *delimiter)
}
