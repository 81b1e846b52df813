//! Decodes the images of a split in parallel, into memory and the cache file.

use std::sync::Arc;

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_128;

use super::audit::Traits;
use super::augment::Augmentation;
use super::cache::{Adding, Budget, Cache, Description, Key, Slot, name_of, open_disk};
use super::dataset::ImageDataset;
use super::decode::error::DecodeError;
use super::decode::pixels::Pixels;
use super::preprocess::{ChannelSums, ImagePreprocess};
use super::samples::Split;
use crate::data::core::dataset::{Progress, ReadingOrder, Skipped};

/// A split whose samples were decoded where they are kept.
pub struct Decoded {
    /// The samples that can be used, as far as they were decoded.
    pub split: Split,
    /// Those that cannot.
    pub skipped: Vec<Skipped>,
    /// Sums over the pixels, where asked for.
    pub sums: ChannelSums,
    /// Notices.
    pub notices: Vec<String>,
    /// The traits of each sample, if it was decoded and they were requested.
    pub traits: Vec<Traits>,
    pub(super) preprocess: ImagePreprocess,
    pub(super) cache: Cache,
}

/// What decoding computes beside the samples.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gather {
    /// Sums over all pixels.
    pub sums: bool,
    /// Traits, for the audit.
    pub traits: bool,
}

/// Sums and failures of one sample, or of several together.
#[derive(Default)]
pub struct Found {
    sums: ChannelSums,
    failed: Vec<(usize, String)>,
}

impl Found {
    fn of(index: usize, result: Result<ChannelSums, DecodeError>) -> Found {
        match result {
            Ok(sums) => Found {
                sums,
                failed: Vec::new(),
            },
            Err(error) => Found {
                sums: ChannelSums::default(),
                failed: vec![(index, error.to_string())],
            },
        }
    }

    fn merge(mut self, mut other: Found) -> Found {
        self.failed.append(&mut other.failed);
        Found {
            sums: self.sums.merge(other.sums),
            failed: self.failed,
        }
    }
}

/// Decodes in parallel every sample that `budget` allows to keep: the first ones in memory, the others
/// in the cache file. Where sums over all pixels are asked for, the rest is decoded too.
pub fn decode_all(
    split: Split,
    preprocess: &ImagePreprocess,
    budget: Budget,
    gather: Gather,
    progress: &dyn Progress,
) -> Decoded {
    let record = preprocess.shape().num_elements();
    let len = split.len();
    let in_memory = (budget.memory / record as u64).min(len as u64) as usize;
    let mut memory = vec![0; in_memory * record];
    let mut slots = vec![Slot::NONE; len];
    let mut traits = vec![Traits::default(); if gather.traits { len } else { 0 }];
    let worker = Worker {
        split: &split,
        preprocess,
        gather,
    };
    // Without traits there is no list to note them in.
    let noted_in_memory = in_memory.min(traits.len());
    let (first, second) = traits.split_at_mut(noted_in_memory);
    let found = memory
        .par_chunks_exact_mut(record)
        .zip(&mut slots[..in_memory])
        .zip(places(first, in_memory))
        .enumerate()
        .map(|(index, ((pixels, slot), noted))| {
            let result = worker.decode(index).map(|(bytes, image)| {
                pixels.copy_from_slice(&image.bytes);
                *slot = Slot::memory(index as u32);
                worker.look(index, &bytes, &image, noted)
            });
            progress.tick();
            Found::of(index, result)
        })
        .reduce(Found::default, Found::merge);
    let mut notices = Vec::new();
    let adding = (in_memory < len && budget.disk > 0)
        .then(|| {
            open_adding(
                &split,
                preprocess,
                len - in_memory,
                budget.disk,
                &mut notices,
            )
        })
        .flatten();
    let rest = slots[in_memory..]
        .par_iter_mut()
        .zip(places(second, len - in_memory))
        .enumerate()
        .map(|(offset, (slot, noted))| {
            let index = in_memory + offset;
            let result = match &adding {
                Some(adding) => worker.keep_on_disk(index, adding, slot, noted),
                None if gather.sums => worker
                    .decode(index)
                    .map(|(bytes, image)| worker.look(index, &bytes, &image, noted)),
                None => worker.hash(index, noted),
            };
            progress.tick();
            Found::of(index, result)
        })
        .reduce(Found::default, Found::merge);
    if adding.as_ref().is_some_and(Adding::has_failed) {
        notices.push(
            "the cache file cannot be written any further (is the disk full?); the images that \
             are not in it are decoded in every epoch"
                .into(),
        );
    }
    let mut found = found.merge(rest);
    found.failed.sort_unstable();
    let cache = Cache::new(record, memory, adding.map(Adding::finish), slots);
    let decoded = Decoded {
        split,
        skipped: Vec::new(),
        sums: found.sums,
        notices,
        traits,
        preprocess: preprocess.clone(),
        cache,
    };
    decoded.without(found.failed)
}

/// A place for each of `len` samples, or none for any of them.
pub fn places(
    traits: &mut [Traits],
    len: usize,
) -> impl IndexedParallelIterator<Item = Option<&mut Traits>> {
    let none = if traits.is_empty() { len } else { 0 };
    let noted = traits.par_iter_mut().map(Some);
    noted.chain(rayon::iter::repeat_n((), none).map(|()| None))
}

/// What decodes the samples of a split.
struct Worker<'a> {
    split: &'a Split,
    preprocess: &'a ImagePreprocess,
    gather: Gather,
}

impl Worker<'_> {
    fn decode(&self, index: usize) -> Result<(Vec<u8>, Pixels), DecodeError> {
        let bytes = self.split.read(index, self.preprocess.max_bytes())?;
        let image = self.preprocess.decode(&bytes)?;
        Ok((bytes, image))
    }

    fn sums(&self, image: &Pixels) -> ChannelSums {
        let mut sums = ChannelSums::default();
        if self.gather.sums {
            sums.add(image);
        }
        sums
    }

    /// Records traits and sums, as far as they are asked for.
    fn look(
        &self,
        index: usize,
        bytes: &[u8],
        image: &Pixels,
        noted: Option<&mut Traits>,
    ) -> ChannelSums {
        if let Some(noted) = noted {
            *noted = Traits::of(&self.split.file_name(index), bytes, image);
        }
        self.sums(image)
    }

    /// Records the traits of a file that is only decoded on demand. Archives are not read just for that.
    fn hash(&self, index: usize, noted: Option<&mut Traits>) -> Result<ChannelSums, DecodeError> {
        if let Some(noted) = noted
            && self.split.shards.is_empty()
        {
            let bytes = self.split.read(index, self.preprocess.max_bytes())?;
            *noted = Traits::of_header(&self.split.file_name(index), &bytes)?;
        }
        Ok(ChannelSums::default())
    }

    /// Finds a sample in the cache file, or decodes and adds it.
    fn keep_on_disk(
        &self,
        index: usize,
        adding: &Adding,
        slot: &mut Slot,
        noted: Option<&mut Traits>,
    ) -> Result<ChannelSums, DecodeError> {
        let name = name_of(self.split, index);
        let stamp = self.split.stamp(index).ok_or(DecodeError::Gone)?;
        let mut image = self.preprocess.blank();
        let mut stored =
            |slot: u32| !self.gather.sums || adding.records().read(slot, name, &mut image.bytes);
        let mut bytes = Vec::new();
        let mut found = adding.find(name, stamp).filter(|(slot, _)| stored(*slot));
        if found.is_none() {
            bytes = self.split.read(index, self.preprocess.max_bytes())?;
            let same = adding.find_content(name, stamp, xxh3_128(&bytes));
            found = same.filter(|(slot, _)| stored(*slot));
        }
        let traits = match found {
            Some((number, traits)) => {
                *slot = Slot::disk(number);
                traits
            }
            None => {
                image = self.preprocess.decode(&bytes)?;
                let traits = Traits::of(&self.split.file_name(index), &bytes, &image);
                let key = Key {
                    name,
                    stamp,
                    traits,
                };
                if let Some(added) = adding.add(&key, &image.bytes) {
                    *slot = Slot::disk(added);
                }
                traits
            }
        };
        if let Some(noted) = noted {
            *noted = traits;
        }
        Ok(self.sums(&image))
    }
}

fn open_adding(
    split: &Split,
    preprocess: &ImagePreprocess,
    num_samples: usize,
    limit: u64,
    notices: &mut Vec<String>,
) -> Option<Adding> {
    let wait = || crate::say!("waiting for another run that decodes the same images");
    let description = Description::new(&split.root, preprocess);
    match open_disk(&description, num_samples, limit, &wait) {
        Ok(adding) => Some(adding),
        Err(error) => {
            notices.push(format!(
                "no cache file can be written ({error}); the images beyond the memory's budget \
                 are decoded in every epoch. KILN_CACHE_DIR chooses another folder"
            ));
            None
        }
    }
}

impl Decoded {
    /// Keeps only the samples for which `keep` is true.
    pub fn only(mut self, keep: &[bool]) -> Decoded {
        self.cache.retain(keep);
        let mut kept = keep.iter();
        self.traits
            .retain(|_| kept.next().is_some_and(|keep| *keep));
        self.split = self.split.filter(keep);
        self
    }

    /// Leaves out the samples that failed.
    pub(super) fn without(mut self, failed: Vec<(usize, String)>) -> Decoded {
        let mut keep = vec![true; self.split.len()];
        for (index, reason) in failed {
            keep[index] = false;
            let name = self.split.full_name(index);
            self.skipped.push(Skipped { name, reason });
        }
        self.only(&keep)
    }

    /// A sample's pixels, where they are kept.
    pub fn pixels(&self, index: usize) -> Option<Pixels> {
        if !self.cache.holds(index) {
            return None;
        }
        let mut image = self.preprocess.blank();
        let decode = |bytes: &[u8]| self.preprocess.decode(bytes);
        let most = self.preprocess.max_bytes();
        let read = self
            .cache
            .read(&self.split, index, &mut image.bytes, most, decode);
        read.ok().map(|()| image)
    }

    /// Whether 16-bit channels are scaled by the range of the training split.
    pub fn scales_deep(&self) -> bool {
        self.preprocess.deep.is_some()
    }

    /// Bytes kept in memory.
    pub fn memory_bytes(&self) -> u64 {
        self.cache.memory_bytes()
    }

    /// The samples for the loader.
    pub fn into_dataset(
        self,
        preprocess: &ImagePreprocess,
        augmentation: Option<Arc<Augmentation>>,
        order: ReadingOrder,
    ) -> ImageDataset {
        ImageDataset {
            split: self.split,
            cache: self.cache,
            preprocess: preprocess.clone(),
            augmentation,
            order,
            sets: None,
        }
    }
}
