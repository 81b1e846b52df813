//! The images of one split: decoded once where they can be kept, loaded from several threads.

use std::cell::RefCell;
use std::sync::Arc;

use super::augment::Augmentation;
use super::cache::{Cache, Slot};
use super::decode::pixels::Pixels;
use super::preprocess::ImagePreprocess;
use super::samples::Split;
use crate::data::core::batch::{SampleId, Shape};
use crate::data::core::dataset::{Dataset, MixSamples, ReadingOrder, SampleError};

/// The images of one split.
pub struct ImageDataset {
    pub(super) split: Split,
    pub(super) cache: Cache,
    pub(super) preprocess: ImagePreprocess,
    pub(super) augmentation: Option<Arc<Augmentation>>,
    pub(super) order: ReadingOrder,
    /// Where an image may have several labels: those of each set.
    pub(super) sets: Option<Arc<Vec<Vec<bool>>>>,
}

impl ImageDataset {
    /// The same, where the indices of the samples' classes are those of sets of labels.
    pub fn with_labels(mut self, sets: Option<Arc<Vec<Vec<bool>>>>) -> ImageDataset {
        self.sets = sets;
        self
    }

    /// Samples that are decoded on demand, for evaluation.
    pub fn undecoded(split: Split, preprocess: &ImagePreprocess) -> ImageDataset {
        let record = preprocess.shape().num_elements();
        let slots = vec![Slot::NONE; split.len()];
        ImageDataset {
            split,
            cache: Cache::new(record, Vec::new(), None, slots),
            preprocess: preprocess.clone(),
            augmentation: None,
            order: ReadingOrder::Any,
            sets: None,
        }
    }
}

thread_local! {
/// The decoded image of the current sample; the buffer is reused.
    static IMAGE: RefCell<Pixels> = const {
        RefCell::new(Pixels { width: 0, height: 0, channels: 0, bytes: Vec::new() })
    };
}

impl Dataset for ImageDataset {
    fn len(&self) -> usize {
        self.split.len()
    }

    fn shape(&self) -> Shape {
        self.preprocess.shape()
    }

    fn class(&self, index: usize) -> usize {
        match self.sets {
            None => self.split.samples[index].class as usize,
            Some(_) => 0,
        }
    }

    fn add_row(&self, index: usize, out: &mut Vec<f32>) {
        if let Some(sets) = &self.sets {
            let set = &sets[self.split.samples[index].class as usize];
            out.extend(set.iter().map(|held| f32::from(u8::from(*held))));
        }
    }

    fn has_labels(&self) -> bool {
        self.sets.is_some()
    }

    fn id(&self, index: usize) -> SampleId {
        self.split.samples[index].id
    }

    fn name(&self, index: usize) -> String {
        self.split.name(index)
    }

    fn reading_order(&self) -> &ReadingOrder {
        &self.order
    }

    fn num_views(&self) -> Option<u64> {
        match &self.augmentation {
            None => Some(1),
            Some(augmentation) => augmentation.num_views(),
        }
    }

    fn mix(&self) -> Option<&dyn MixSamples> {
        let mix = self.augmentation.as_ref()?.mix()?;
        Some(mix)
    }

    fn load(&self, index: usize, epoch: Option<u64>, out: &mut [f32]) -> Result<(), SampleError> {
        IMAGE.with_borrow_mut(|image| {
            (image.height, image.width) = (self.preprocess.size[0], self.preprocess.size[1]);
            image.channels = self.preprocess.channels;
            let decode = |bytes: &[u8]| self.preprocess.decode(bytes);
            let most = self.preprocess.max_bytes();
            self.cache
                .read(&self.split, index, &mut image.bytes, most, decode)?;
            match (&self.augmentation, epoch) {
                (Some(augmentation), Some(epoch)) => {
                    let sample = u64::from(self.id(index));
                    self.preprocess
                        .write_warped(image, augmentation, epoch, sample, out);
                }
                _ => self.preprocess.write(image, out),
            }
            Ok(())
        })
    }
}
