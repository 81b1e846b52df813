//! The pictures of one split: decoded once where they can be kept, loaded from several threads.

use std::cell::RefCell;
use std::path::Path;

use rayon::prelude::*;

use super::augment::{Augmentation, Mix};
use super::batch::{SampleId, Shape};
use super::cache::{Adding, Budget, Cache, Key, Slot, name_of, open_disk};
use super::dataset::{Dataset, Progress, ReadingOrder, Skipped};
use super::decode::Pixels;
use super::files::Split;
use super::image_folder::same_classes;
use super::listing::list_classes;
use super::preprocess::{ChannelSums, ImagePreprocess};
use super::webdataset::labelled_archives;

/// A split whose samples were decoded where they are kept.
pub struct Decoded {
    /// The samples that can be used, as far as they were decoded.
    pub split: Split,
    /// Those that cannot.
    pub skipped: Vec<Skipped>,
    /// Sums over the pixels, where asked for.
    pub sums: ChannelSums,
    /// What the user should know.
    pub notices: Vec<String>,
    cache: Cache,
}

/// What one sample, or several together, left behind.
#[derive(Default)]
struct Found {
    sums: ChannelSums,
    failed: Vec<(usize, String)>,
}

impl Found {
    fn of(index: usize, result: Result<ChannelSums, String>) -> Found {
        match result {
            Ok(sums) => Found {
                sums,
                failed: Vec::new(),
            },
            Err(reason) => Found {
                sums: ChannelSums::default(),
                failed: vec![(index, reason)],
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
/// in the cache file. Where `fit` asks for sums over all pixels, the rest is decoded too.
pub fn decode_all(
    split: Split,
    preprocess: &ImagePreprocess,
    budget: Budget,
    fit: bool,
    progress: &dyn Progress,
) -> Decoded {
    let record = preprocess.shape().num_elements();
    let len = split.len();
    let in_memory = (budget.memory / record as u64).min(len as u64) as usize;
    let mut memory = vec![0; in_memory * record];
    let mut slots = vec![Slot::NONE; len];
    let decode = |index: usize| preprocess.decode(&split.read(index, usize::MAX)?);
    let found = memory
        .par_chunks_exact_mut(record)
        .zip(&mut slots[..in_memory])
        .enumerate()
        .map(|(index, (pixels, slot))| {
            let picture = decode(index);
            progress.tick();
            Found::of(
                index,
                picture.map(|picture| {
                    pixels.copy_from_slice(&picture.bytes);
                    *slot = Slot::memory(index as u32);
                    sums_of(&picture, fit)
                }),
            )
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
        .enumerate()
        .map(|(offset, slot)| {
            let index = in_memory + offset;
            let result = match &adding {
                Some(adding) => keep_on_disk(&split, index, preprocess, adding, fit, slot),
                None if fit => decode(index).map(|picture| sums_of(&picture, fit)),
                None => Ok(ChannelSums::default()),
            };
            progress.tick();
            Found::of(index, result)
        })
        .reduce(Found::default, Found::merge);
    if adding.as_ref().is_some_and(Adding::has_failed) {
        notices.push(
            "the cache file cannot be written any further (is the disk full?); the pictures that \
             are not in it are decoded in every epoch"
                .into(),
        );
    }
    let mut found = found.merge(rest);
    found.failed.sort_unstable();
    let disk = adding.map(Adding::finish);
    let cache = Cache::new(record, memory, disk, slots);
    leave_out(split, found, notices, cache)
}

fn sums_of(picture: &Pixels, fit: bool) -> ChannelSums {
    let mut sums = ChannelSums::default();
    if fit {
        sums.add(picture);
    }
    sums
}

fn open_adding(
    split: &Split,
    preprocess: &ImagePreprocess,
    num_samples: usize,
    limit: u64,
    notices: &mut Vec<String>,
) -> Option<Adding> {
    let wait = || eprintln!("waiting for another run that decodes the same pictures");
    match open_disk(&split.root, preprocess, num_samples, limit, &wait) {
        Ok(adding) => Some(adding),
        Err(error) => {
            notices.push(format!(
                "no cache file can be written ({error}); the pictures beyond the memory's budget \
                 are decoded in every epoch. KILN_CACHE_DIR chooses another folder"
            ));
            None
        }
    }
}

/// Finds a sample in the cache file, or decodes and adds it.
fn keep_on_disk(
    split: &Split,
    index: usize,
    preprocess: &ImagePreprocess,
    adding: &Adding,
    fit: bool,
    slot: &mut Slot,
) -> Result<ChannelSums, String> {
    let name = name_of(split, index);
    let stamp = split.stamp(index).ok_or("cannot be read")?;
    let mut picture = preprocess.blank();
    let stored = |slot: u32, picture: &mut Pixels| {
        !fit || adding.records().read(slot, name, &mut picture.bytes)
    };
    if let Some(found) = adding.find(name, stamp)
        && stored(found, &mut picture)
    {
        *slot = Slot::disk(found);
        return Ok(sums_of(&picture, fit));
    }
    let bytes = split.read(index, usize::MAX)?;
    let key = Key::new(name, stamp, &bytes);
    if let Some(found) = adding.find_content(&key)
        && stored(found, &mut picture)
    {
        *slot = Slot::disk(found);
        return Ok(sums_of(&picture, fit));
    }
    let picture = preprocess.decode(&bytes)?;
    if let Some(added) = adding.add(&key, &picture.bytes) {
        *slot = Slot::disk(added);
    }
    Ok(sums_of(&picture, fit))
}

/// Leaves out the samples that failed.
fn leave_out(split: Split, found: Found, notices: Vec<String>, mut cache: Cache) -> Decoded {
    let mut keep = vec![true; split.len()];
    let mut skipped = Vec::new();
    for (index, reason) in found.failed {
        keep[index] = false;
        let name = split.full_name(index);
        skipped.push(Skipped { name, reason });
    }
    cache.retain(&keep);
    Decoded {
        split: split.filter(&keep),
        skipped,
        sums: found.sums,
        notices,
        cache,
    }
}

impl Decoded {
    /// Bytes kept in memory.
    pub fn memory_bytes(&self) -> u64 {
        self.cache.memory_bytes()
    }

    /// The samples for the loader.
    pub fn into_dataset(
        self,
        preprocess: &ImagePreprocess,
        augmentation: Option<Augmentation>,
        order: ReadingOrder,
    ) -> ImageDataset {
        ImageDataset {
            split: self.split,
            cache: self.cache,
            preprocess: preprocess.clone(),
            augmentation,
            order,
        }
    }
}

/// The pictures of one split.
pub struct ImageDataset {
    split: Split,
    cache: Cache,
    preprocess: ImagePreprocess,
    augmentation: Option<Augmentation>,
    order: ReadingOrder,
}

impl ImageDataset {
    /// A labelled folder (or tar archives, by a name or pattern that ends with ".tar") for
    /// evaluation, whose pictures are decoded as they are asked for: its classes must be
    /// `classes`, by name.
    ///
    /// # Errors
    /// A folder without classes, or with other classes; in words that follow the folder's name.
    pub fn labelled(
        folder: &Path,
        classes: &[String],
        preprocess: &ImagePreprocess,
    ) -> Result<ImageDataset, String> {
        let split = if folder.extension().is_some_and(|e| e == "tar") && !folder.is_dir() {
            labelled_archives(folder, classes)?
        } else {
            let listing = list_classes(folder)?;
            same_classes(classes, &listing.classes, "the model", "the folder")?;
            Split::of_files(folder.to_path_buf(), listing.files)
        };
        let record = preprocess.shape().num_elements();
        let slots = vec![Slot::NONE; split.len()];
        Ok(ImageDataset {
            split,
            cache: Cache::new(record, Vec::new(), None, slots),
            preprocess: preprocess.clone(),
            augmentation: None,
            order: ReadingOrder::Any,
        })
    }
}

thread_local! {
    /// The sample in work, decoded; its memory is used again and again.
    static PICTURE: RefCell<Pixels> = const {
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
        self.split.samples[index].class as usize
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

    fn mix(&self) -> Option<&Mix> {
        self.augmentation.as_ref()?.mix()
    }

    fn load(&self, index: usize, epoch: Option<u64>, out: &mut [f32]) -> Result<(), String> {
        PICTURE.with_borrow_mut(|picture| {
            (picture.height, picture.width) = (self.preprocess.size[0], self.preprocess.size[1]);
            picture.channels = self.preprocess.channels;
            self.cache
                .read(&self.split, index, &mut picture.bytes, |bytes| {
                    Ok(self.preprocess.decode(bytes)?.bytes)
                })?;
            match (&self.augmentation, epoch) {
                (Some(augmentation), Some(epoch)) => {
                    let sample = u64::from(self.id(index));
                    self.preprocess
                        .write_warped(picture, augmentation, epoch, sample, out);
                }
                _ => self.preprocess.write(picture, out),
            }
            Ok(())
        })
    }
}
