//! Errors of reading a spreadsheet.

use thiserror::Error;

use super::delimited::KeepError;
use crate::storage::ZipError;

/// Why a spreadsheet cannot be read, in words that follow its name.
#[derive(Debug, Error)]
pub enum SpreadsheetError {
    /// The binary format of old.
    #[error("is an old spreadsheet (xls), which is not read; save it as .xlsx or export it as CSV")]
    Old,
    /// A damaged archive.
    #[error("is a zip archive or a spreadsheet, and {0}; export it as CSV")]
    Zip(ZipError),
    /// Another archive.
    #[error("is a zip archive and no spreadsheet (xlsx, ods); unpack it, or export it as CSV")]
    Other,
    /// A damaged member.
    #[error("holds {name}, which {error}; export it as CSV")]
    Member {
        /// Its name.
        name: String,
        /// What is wrong with it.
        error: ZipError,
    },
    /// No cell that holds something.
    #[error("is a spreadsheet without a row")]
    Empty,
    /// Too many cells.
    #[error("is a spreadsheet of more than {most} cells; export it as CSV")]
    Large {
        /// The most cells.
        most: u64,
    },
    /// A converted table that cannot be stored.
    #[error(transparent)]
    Keep(#[from] KeepError),
}
