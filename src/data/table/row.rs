//! A row of a table: its fields, and where it lies in its file.

use std::borrow::Cow;

use csv::ByteRecord;
use encoding_rs::{Encoding, UTF_8};

/// Where a row lies in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowPlace {
    /// From the beginning of the file, bytes.
    pub begin: u64,
    /// Bytes.
    pub len: u32,
    /// From 1, as editors count.
    pub line: u32,
}

/// One row.
pub struct Row<'a> {
    pub(super) record: &'a ByteRecord,
    pub(super) encoding: &'static Encoding,
    /// Where it lies.
    pub place: RowPlace,
}

impl Row<'_> {
    /// A field as text, without blanks around it.
    pub fn field(&self, column: usize) -> Cow<'_, str> {
        let bytes = self.record.get(column).unwrap_or_default().trim_ascii();
        match std::str::from_utf8(bytes) {
            Ok(text) if self.encoding == UTF_8 => Cow::Borrowed(text),
            _ => self.encoding.decode_without_bom_handling(bytes).0,
        }
    }

    /// The fields as they are stored.
    pub fn bytes(&self, column: usize) -> &[u8] {
        self.record.get(column).unwrap_or_default().trim_ascii()
    }

    /// The first field that is no text in the file's encoding.
    pub(super) fn malformed(&self) -> Option<usize> {
        if self.record.as_slice().is_ascii() {
            return None;
        }
        let bad = |bytes: &[u8]| self.encoding.decode_without_bom_handling(bytes).1;
        self.record.iter().position(bad)
    }
}

/// A row by itself.
pub struct OwnedRow {
    pub(super) record: ByteRecord,
    pub(super) encoding: &'static Encoding,
    pub(super) place: RowPlace,
}

impl OwnedRow {
    /// As the others.
    pub fn row(&self) -> Row<'_> {
        Row {
            record: &self.record,
            encoding: self.encoding,
            place: self.place,
        }
    }
}
