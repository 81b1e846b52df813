//! Errors of reading tables.

use std::path::PathBuf;

use thiserror::Error;

use super::arff::ArffError;
use super::delimited::KeepError;
use super::layout::{MAX_ROW, UnknownEncoding};
use super::row_error::RowError;
use super::spreadsheet_error::SpreadsheetError;
use crate::console::Show as _;

/// Why a file is no table that can be read, in words that follow its name.
#[derive(Debug, Error)]
pub enum TableError {
    /// The system refuses.
    #[error("cannot be read: {0}")]
    Io(std::io::Error),
    /// Text that is not delimited.
    #[error("cannot be read: {0}")]
    Csv(csv::Error),
    /// A folder.
    #[error("is a folder, expected a file of rows")]
    Folder,
    /// No bytes.
    #[error("is empty (0 bytes)")]
    Empty,
    /// A compressed file of no bytes.
    #[error("is empty (a compressed file of 0 bytes)")]
    EmptyPacked,
    /// A damaged compressed file.
    #[error("cannot be unpacked (gzip): {0}")]
    Gzip(std::io::Error),
    /// A compressed file that unpacks to too much.
    #[error("unpacks to more than {} MB; unpack it first, if that is right", .most >> 20)]
    Inflated {
        /// The limit, bytes.
        most: u64,
    },
    /// A converted table that cannot be stored.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// Bytes of another encoding.
    #[error("is not written in {0}")]
    Encoding(&'static str),
    /// An encoding that is not known.
    #[error(transparent)]
    UnknownEncoding(#[from] UnknownEncoding),
    /// Bytes that are no text.
    #[error("holds bytes of 0, so it is no text")]
    Zeros,
    /// What is wrong with a spreadsheet.
    #[error(transparent)]
    Spreadsheet(#[from] SpreadsheetError),
    /// What is wrong with an ARFF file as a whole.
    #[error(transparent)]
    Arff(ArffError),
    /// What is wrong with a line of an ARFF file.
    #[error("line {line}: {error}")]
    ArffLine {
        /// Its number, from 1.
        line: u64,
        /// What is wrong.
        error: ArffError,
    },
    /// A line that is too long.
    #[error("line {line}: has more than {} MB", MAX_ROW >> 20)]
    LongLine {
        /// Its number, from 1.
        line: u64,
    },
    /// Delimiter and quote that cannot be distinguished.
    #[error("cannot be read: data.delimiter and data.quote are the same")]
    SameSigns,
    /// A sign of more than one byte.
    #[error("cannot be read with {key} = {sign:?}, expected an ASCII sign")]
    Sign {
        /// The key that gives it.
        key: &'static str,
        /// The sign.
        sign: char,
    },
    /// No row.
    #[error("has no rows")]
    NoRows,
    /// Another number of columns than training had, where they have no names.
    #[error(
        "has {found} columns, expected {width} as the table trained on: without a header, columns are matched by \
         position"
    )]
    Width {
        /// Columns that there are.
        found: usize,
        /// Columns of training.
        width: usize,
    },
    /// Two columns of one name.
    #[error(
        "names two columns {name:?}: numbers {first} and {second}; where the first line is a row, header = false"
    )]
    TwoColumns {
        /// The name.
        name: String,
        /// The number of the first, from 1.
        first: usize,
        /// That of the other.
        second: usize,
    },
    /// What is wrong with a row.
    #[error("line {line}: {error}")]
    Line {
        /// The line in which it begins, from 1.
        line: u64,
        /// What is wrong.
        error: RowError,
    },
    /// What is wrong with the row that was asked for.
    #[error(transparent)]
    Row(#[from] RowError),
    /// Other rows than before.
    #[error("has changed since it was looked through")]
    Changed,
}

/// Why the files of a table cannot be used, in words that begin with the name of one.
#[derive(Debug, Error)]
pub enum FilesError {
    /// One that cannot be read.
    #[error("{} {error}", .path.shown())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: TableError,
    },
    /// A pattern of no use.
    #[error("{} {error}", .path.shown())]
    Pattern {
        /// The pattern.
        path: PathBuf,
        /// The reason.
        error: PatternError,
    },
    /// Other columns than those of the first file.
    #[error("{} {difference}; the files of one table have the columns of {}", .path.shown(), .first.shown())]
    Columns {
        /// The file.
        path: PathBuf,
        /// The first file.
        first: PathBuf,
        /// What is different.
        difference: Difference,
    },
    /// A column that is needed and missing.
    #[error("{} has no column {name:?}; it has {there}", .path.shown())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        name: String,
        /// The columns that there are.
        there: String,
    },
}

/// What is different between the columns of two files.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Difference {
    /// Some are missing.
    #[error("has no column {0}")]
    Less(String),
    /// There are more.
    #[error("has more columns: {0}")]
    More(String),
    /// Some are missing, and others are there.
    #[error("has no column {0} but {1}")]
    Other(String, String),
}

/// Why a pattern names no files, in words that follow it.
#[derive(Debug, Error)]
pub enum PatternError {
    /// It is none.
    #[error("is no pattern of files: {0}")]
    None(glob::PatternError),
    /// Nothing fits it.
    #[error("fits no file")]
    NoFile,
}

// Not by `#[from]`: what an error shows of its cause is not shown again as the cause.
impl From<std::io::Error> for TableError {
    fn from(error: std::io::Error) -> TableError {
        TableError::Io(error)
    }
}

impl From<csv::Error> for TableError {
    fn from(error: csv::Error) -> TableError {
        TableError::Csv(error)
    }
}

impl TableError {
    /// The error of a file.
    pub fn of(self, path: &std::path::Path) -> FilesError {
        FilesError::File {
            path: path.to_path_buf(),
            error: self,
        }
    }
}
