//! The concatenation of two image datasets.

use std::sync::Arc;

use super::dataset::ImageDataset;
use crate::data::core::batch::{SampleId, Shape};
use crate::data::core::dataset::{Dataset, MixSamples, SampleError};

/// The samples of one dataset, then those of the other.
pub struct Joined {
    /// Those that come first.
    pub first: Arc<ImageDataset>,
    /// Those behind them.
    pub second: Arc<ImageDataset>,
}

impl Joined {
    fn place(&self, index: usize) -> (&ImageDataset, usize) {
        match index.checked_sub(self.first.len()) {
            None => (&*self.first, index),
            Some(index) => (&*self.second, index),
        }
    }
}

impl Dataset for Joined {
    fn len(&self) -> usize {
        self.first.len() + self.second.len()
    }

    fn shape(&self) -> Shape {
        self.first.shape()
    }

    fn class(&self, index: usize) -> usize {
        let (dataset, index) = self.place(index);
        dataset.class(index)
    }

    fn add_row(&self, index: usize, out: &mut Vec<f32>) {
        let (dataset, index) = self.place(index);
        dataset.add_row(index, out);
    }

    fn has_labels(&self) -> bool {
        self.first.has_labels()
    }

    fn id(&self, index: usize) -> SampleId {
        let (dataset, index) = self.place(index);
        dataset.id(index)
    }

    fn name(&self, index: usize) -> String {
        let (dataset, index) = self.place(index);
        dataset.name(index)
    }

    fn num_views(&self) -> Option<u64> {
        self.first.num_views()
    }

    fn mix(&self) -> Option<&dyn MixSamples> {
        self.first.mix()
    }

    fn load(&self, index: usize, epoch: Option<u64>, out: &mut [f32]) -> Result<(), SampleError> {
        let (dataset, index) = self.place(index);
        dataset.load(index, epoch, out)
    }
}
