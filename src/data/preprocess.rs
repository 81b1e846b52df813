//! The fitted preprocessing of all modalities.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::data::Shape;
use crate::data::core::task::Task;
use crate::data::image::preprocess::{ImagePreprocess, MAX_MAX_PIXELS, MAX_SIZE};
use crate::data::table::{EmbeddedColumn, Layout, TablePreprocess, TablePreprocessError};
use crate::data::text::{TextPreprocess, TextPreprocessError};

/// The fitted preprocessing of a kind of data, as the model file holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preprocessor {
    /// Images.
    Image(ImagePreprocess),
    /// Rows of a table.
    Table(TablePreprocess),
    /// Texts.
    Text(TextPreprocess),
}

impl Preprocessor {
    /// The net's input.
    pub fn shape(&self) -> Shape {
        match self {
            Preprocessor::Image(image) => image.shape(),
            Preprocessor::Table(table) => table.shape(),
            Preprocessor::Text(text) => text.shape(),
        }
    }

    /// The inputs that are numbers of categories, which the net embeds.
    pub fn embedded(&self) -> Vec<EmbeddedColumn> {
        match self {
            Preprocessor::Table(table) => table.embedded(),
            Preprocessor::Image(_) | Preprocessor::Text(_) => Vec::new(),
        }
    }

    /// The name of a sample in messages: singular and plural.
    pub fn what(&self) -> [&'static str; 2] {
        match self {
            Preprocessor::Image(_) => ["file", "files"],
            Preprocessor::Table(_) => ["row", "rows"],
            Preprocessor::Text(_) => ["text", "texts"],
        }
    }

    /// The layout of the tables of samples; `None` for images.
    pub fn layout_mut(&mut self) -> Option<&mut Layout> {
        match self {
            Preprocessor::Image(_) => None,
            Preprocessor::Table(table) => Some(&mut table.layout),
            Preprocessor::Text(text) => Some(&mut text.layout),
        }
    }

    /// Validates untrusted metadata against the model's prediction task.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn check_task(&self, task: &Task) -> Result<(), PreprocessError> {
        let targets = match self {
            Preprocessor::Image(_)
                if task.classes().is_empty() && !matches!(task, Task::MultiLabel(_)) =>
            {
                return Err(PreprocessError::ImageTask(task.what()));
            }
            Preprocessor::Image(_) => return Ok(()),
            Preprocessor::Table(table) => &table.targets,
            Preprocessor::Text(text) => &text.targets,
        };
        if targets.len() == task.num_targets() {
            return Ok(());
        }
        Err(PreprocessError::Targets {
            found: targets.len(),
            what: task.what(),
            expected: task.num_targets(),
        })
    }

    /// Validates untrusted metadata.
    ///
    /// # Errors
    /// What is impossible.
    pub fn check(&self) -> Result<(), PreprocessError> {
        let image = match self {
            Preprocessor::Image(image) => image,
            Preprocessor::Table(table) => return Ok(table.check()?),
            Preprocessor::Text(text) => return Ok(text.check()?),
        };
        let sizes = image.size.iter().all(|size| (1..=MAX_SIZE).contains(size));
        let channels = [1, 3].contains(&image.channels);
        let lengths = image.mean.len() == image.channels && image.std.len() == image.channels;
        let numbers = image.divide_by > 0.0
            && image.divide_by.is_finite()
            && image.mean.iter().all(|mean| mean.is_finite())
            && image.std.iter().all(|std| *std > 0.0 && std.is_finite());
        if !(1..=MAX_MAX_PIXELS).contains(&image.max_pixels) {
            return Err(PreprocessError::MaxPixels(image.max_pixels));
        }
        let deep = image.deep.is_none_or(|range| range.is_valid());
        let crop = image.crop > 0.0 && image.crop <= 1.0;
        if sizes && channels && lengths && numbers && deep && crop {
            return Ok(());
        }
        Err(PreprocessError::Image(Box::new(image.clone())))
    }
}

/// What is wrong with fitted preprocessing, in words that follow "preprocessing".
#[derive(Debug, Error)]
pub enum PreprocessError {
    /// A task that images cannot have.
    #[error("is of images, which have classes or labels, not {0}")]
    ImageTask(&'static str),
    /// Columns of targets that are not those of the task.
    #[error("names {found} columns as targets, but the net's {what} need {expected}")]
    Targets {
        /// Columns that there are.
        found: usize,
        /// What the task predicts.
        what: &'static str,
        /// Columns that it needs.
        expected: usize,
    },
    /// A limit out of range.
    #[error("is impossible: max_pixels = {0}, expected 1 to {MAX_MAX_PIXELS}")]
    MaxPixels(u64),
    /// Sizes or statistics of images that no training gives.
    #[error("is impossible: {0:?}")]
    Image(Box<ImagePreprocess>),
    /// What is impossible of tables.
    #[error(transparent)]
    Table(#[from] TablePreprocessError),
    /// What is impossible of texts.
    #[error(transparent)]
    Text(#[from] TextPreprocessError),
}
