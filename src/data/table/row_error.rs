//! Errors of a row of a table, or of a field in it.

use thiserror::Error;

use crate::data::core::class_names::LabelError;

/// Why a row cannot be used, in words that follow its line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RowError {
    /// More or fewer fields than columns.
    #[error("has {found} fields, expected {expected} as in the first line; {}", hint(.last.as_deref()))]
    Fields {
        /// Fields that there are.
        found: usize,
        /// Columns.
        expected: usize,
        /// The column of the last field, where there are fewer.
        last: Option<String>,
    },
    /// A field of another encoding.
    #[error(
        "column {column:?} is not written in {encoding}; data.encoding = \"windows-1252\" or another reads it"
    )]
    Encoding {
        /// Its column.
        column: String,
        /// The expected encoding.
        encoding: String,
    },
    /// What is wrong with an input.
    #[error("column {column:?} {error}")]
    Input {
        /// Its column.
        column: String,
        /// What is wrong.
        error: FieldError,
    },
    /// What is wrong with a target.
    #[error("target {column:?} {error}")]
    Target {
        /// Its column.
        column: String,
        /// What is wrong.
        error: FieldError,
    },
    /// No flag, where several columns are the labels of images.
    #[error("column {column:?} is {field:?}, expected 0 or 1, as several columns are labels")]
    Flag {
        /// Its column.
        column: String,
        /// What it holds.
        field: String,
    },
}

fn hint(last: Option<&str>) -> String {
    match last {
        Some(last) => format!("the last of them is column {last:?}"),
        None => "a field with a delimiter in it must stand in quotes".to_string(),
    }
}

/// Why a field cannot be used, in words that follow its column's name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FieldError {
    /// Nothing, where something is needed.
    #[error("is missing")]
    Missing,
    /// A word in place of a number.
    #[error("is {0:?}, expected a number")]
    NotNumber(String),
    /// A number that is not finite.
    #[error("is {0:?}, expected a finite number")]
    NotFinite(String),
    /// A number that scaling makes infinite.
    #[error("is {0:?}, too far from the training rows")]
    Far(String),
    /// A category that training did not have.
    #[error("is {field:?}, which training did not have; it had {known}")]
    Unseen {
        /// The category.
        field: String,
        /// Those of training.
        known: String,
    },
    /// A label that is no class.
    #[error(transparent)]
    Class(#[from] LabelError),
    /// A label that is no flag.
    #[error("is {0:?}, expected a label: 0 or 1")]
    Flag(String),
}
