//! Labelled samples as a model takes them.

use std::sync::Arc;

use super::core::dataset::{Dataset, Skipped};
use super::core::left_out::LeftOut;

/// Labelled samples as a model takes them.
pub struct Labelled {
    /// The samples.
    pub dataset: Arc<dyn Dataset>,
    /// Those that cannot be used.
    pub skipped: Vec<Skipped>,
    /// What is no sample.
    pub left_out: LeftOut,
    /// What the user should know.
    pub notices: Vec<String>,
    /// What may be wrong with the files.
    pub warnings: Vec<String>,
}
