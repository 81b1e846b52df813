//! The trait of a data source, and the steps from an experiment to datasets: survey, prepare.

use std::fmt::Debug;
use std::sync::Arc;

use super::audit::Audit;
use crate::config::{Fault, Preprocess};
use crate::data::core::batch::Shape;
use crate::data::core::dataset::{Dataset, Progress, Skipped, Summary};
use crate::data::core::task::Task;
use crate::data::preprocess::Preprocessor;

/// Both splits, decoded once, ready for the loader.
pub struct Datasets {
    /// The prediction task.
    pub task: Task,
    /// The training split, with the augmentation of the experiment.
    pub train: Arc<dyn Dataset>,
    /// The validation split.
    pub valid: Arc<dyn Dataset>,
    /// The fitted preprocessing.
    pub preprocess: Preprocessor,
    /// Samples that could not be used.
    pub skipped: Vec<Skipped>,
    /// Notices.
    pub notices: Vec<String>,
    /// The findings of the audit, if it was requested.
    pub audit: Option<Audit>,
    /// A digest of the names and sizes of the training samples.
    pub fingerprint: String,
}

/// A kind of data, as the experiment describes it.
pub trait Source: Debug + Send + Sync {
    /// The shape of a sample, if the experiment alone determines it.
    fn declared_shape(&self) -> Option<Shape>;

    /// Lists the samples and reads file headers; decodes nothing.
    ///
    /// # Errors
    /// Missing folders, no classes, classes that differ between the splits, no samples.
    fn survey(self: Box<Self>, seed: u64) -> Result<Box<dyn Survey>, Vec<Fault>>;
}

/// A listed dataset.
pub trait Survey: Send {
    /// Classes and counts.
    fn summary(&self) -> &Summary;

    /// The shape of a sample, now known.
    fn shape(&self) -> Shape;

    /// The inputs that are numbers of categories, which the net embeds.
    fn embedded(&self) -> Vec<crate::data::EmbeddedColumn> {
        Vec::new()
    }

    /// The typical height and width of the stored images; `None` if the samples are not images.
    fn typical_size(&self) -> Option<[usize; 2]> {
        None
    }

    /// Whether samples can be read in any order as fast as in sequence.
    fn any_order(&self) -> bool {
        true
    }

    /// Checks what is to be done to every sample against the samples' shape.
    ///
    /// # Errors
    /// Impossible statistics.
    fn check(&self, preprocess: &Preprocess) -> Result<(), Vec<Fault>>;

    /// A few training samples, evenly spaced in the listing, for a preview: pixel values, not scaled; and those that
    /// cannot be used.
    fn few(
        self: Box<Self>,
        num_samples: usize,
        augmentation: Option<super::image::augment::Augmentation>,
    ) -> (Arc<dyn Dataset>, Vec<Skipped>);

    /// Decodes every sample once, fits the preprocessing on the training split, and leaves out
    /// (by name) what cannot be used.
    ///
    /// # Errors
    /// A class of which no sample can be used.
    fn prepare(
        self: Box<Self>,
        preprocess: &Preprocess,
        augmentation: Option<super::image::augment::Augmentation>,
        audit: bool,
        progress: &dyn Progress,
    ) -> Result<Datasets, Vec<Fault>>;

    /// Decodes every sample and audits the data; keeps the images of the first `num_images` pairs.
    fn audit(self: Box<Self>, num_images: usize, progress: &dyn Progress) -> Audit;
}
