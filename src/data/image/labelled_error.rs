//! Errors of labelled images for evaluating a model.

use thiserror::Error;

use super::labelling::error::Failure;
use super::labelling::pattern::PatternError;
use super::sources::labelled::MismatchError;
use super::sources::webdataset::error::ArchivesError;
use crate::data::core::class_names::DifferentClasses;
use crate::data::files::error::ListingError;

/// Why labelled images do not fit a model, in words that follow the path.
#[derive(Debug, Error)]
pub enum LabelledImagesError {
    /// A folder that cannot be listed.
    #[error(transparent)]
    Listing(#[from] ListingError),
    /// Other classes than those of the model.
    #[error(transparent)]
    Classes(#[from] DifferentClasses),
    /// A pattern that the model file claims, and that is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Tables that cannot be used.
    #[error(transparent)]
    Labels(#[from] Failure),
    /// Files that hold many images.
    #[error(transparent)]
    Blocks(#[from] MismatchError),
    /// Archives.
    #[error(transparent)]
    Archives(#[from] ArchivesError),
    /// Folders of classes without an image.
    #[error("holds no image of {0}")]
    NoImage(String),
    /// A folder without the tables that the labels came from in training.
    #[error(
        "is a folder without folders of the model's classes; the model was trained with labels of a table: \
         name the table, beside which the images lie, or say it with --labels"
    )]
    NoTable,
    /// No name that fits the pattern of training.
    #[error(
        "holds no image whose name fits data.label_pattern = {0:?} of the model, and no folder of its classes"
    )]
    NoFit(String),
    /// A table of no use.
    #[error("has no row that can be used")]
    NoRow,
    /// A label that the model does not know.
    #[error("does not fit the model: it has the label {label:?}, but the model knows {known}")]
    Label {
        /// The label.
        label: String,
        /// Those of the model.
        known: String,
    },
    /// Several labels where the model predicts one class.
    #[error(
        "does not fit the model: it gives images several labels, the model knows one class each"
    )]
    SeveralLabels,
}
