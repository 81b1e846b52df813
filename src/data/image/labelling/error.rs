//! Errors of the labels of image files.

use std::path::PathBuf;

use thiserror::Error;

use super::pattern::PatternError;
use super::rows::RowsError;
use crate::console::Show as _;
use crate::data::core::class_names::DifferentClasses;
use crate::data::files::error::ListingError;

/// A key of `[data]` that cannot be used, and why.
#[derive(Debug, Error)]
#[error("{error}")]
pub struct Failure {
    /// The key.
    pub key: &'static str,
    /// What is wrong with it.
    pub error: LabellingError,
}

/// Why the labels of image files cannot be used, in words that follow the key.
#[derive(Debug, Error)]
pub enum LabellingError {
    /// A pattern of names beside a table.
    #[error("is there beside data.label_files, expected one of them")]
    TwoWays,
    /// A folder that cannot be listed.
    #[error("is {}, which {error}", .root.shown())]
    Folder {
        /// The folder.
        root: PathBuf,
        /// The reason.
        error: ListingError,
    },
    /// Other classes than those of training.
    #[error(transparent)]
    Classes(#[from] DifferentClasses),
    /// A pattern that is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A folder in which no name fits the pattern.
    #[error(
        "is {}, which holds no image whose name fits data.label_pattern = {pattern:?}",
        .root.shown()
    )]
    NoFit {
        /// The folder.
        root: PathBuf,
        /// The pattern.
        pattern: String,
    },
    /// Tables that cannot be read.
    #[error("is {0}")]
    Rows(RowsError),
    /// No table.
    #[error("is missing")]
    NoTable,
    /// Tables that name no image of the folder.
    #[error(
        "is {}, which holds no image that a row of data.label_files speaks of (the first row has {first:?} in the column \
         of images)",
        .root.shown()
    )]
    NoImage {
        /// The folder.
        root: PathBuf,
        /// The image named by the first row.
        first: String,
    },
    /// A label that training lacks.
    #[error("holds {}, whose label is {label:?}, which no image of training has ({known})", .path.shown())]
    Label {
        /// The image.
        path: PathBuf,
        /// Its label, as messages show it.
        label: String,
        /// The labels of training.
        known: String,
    },
}

impl LabellingError {
    /// The failure of a key.
    pub fn of(self, key: &'static str) -> Failure {
        Failure { key, error: self }
    }
}
