//! The pictures of one split: files, decoded once, loaded from several threads.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::augment::{Augmentation, Mix};
use super::batch::{SampleId, Shape};
use super::cache::{Cache, default_budget};
use super::dataset::{Dataset, Progress, Skipped};
use super::image_folder::same_classes;
use super::listing::list_classes;
use super::preprocess::{ChannelSums, ImagePreprocess};
use super::random::hash_text;

/// The path below `root`, for people.
pub fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}

/// One picture.
#[derive(Clone, Debug)]
pub struct ImageFile {
    /// Where it lies.
    pub path: PathBuf,
    /// The index of its class.
    pub class: usize,
    /// Its place in the listing.
    pub id: SampleId,
}

/// The files of one split.
#[derive(Clone, Debug)]
pub struct Split {
    /// The folder of the split.
    pub root: PathBuf,
    /// In the listing's order.
    pub files: Vec<ImageFile>,
}

impl Split {
    /// Numbers the files of a listing.
    pub fn new(root: PathBuf, files: Vec<(PathBuf, usize)>) -> Split {
        let files = files
            .into_iter()
            .enumerate()
            .map(|(index, (path, class))| ImageFile {
                path,
                class,
                id: index as SampleId,
            })
            .collect();
        Split { root, files }
    }

    /// Pictures of each class.
    pub fn counts(&self, num_classes: usize) -> Vec<usize> {
        let mut counts = vec![0; num_classes];
        for file in &self.files {
            counts[file.class] += 1;
        }
        counts
    }

    /// A digest of the relative names and sizes, in order.
    pub fn fingerprint(&self) -> String {
        let digest = self.files.iter().fold(0u64, |digest, file| {
            let size = file.path.metadata().map_or(0, |meta| meta.len());
            let name = relative(&file.path, &self.root);
            hash_text(&format!("{digest:x} {name} {size} {}", file.class))
        });
        format!("{digest:016x}")
    }
}

/// A split of which every file was decoded once.
pub struct Decoded {
    /// The files that can be used.
    pub split: Split,
    /// Those that cannot.
    pub skipped: Vec<Skipped>,
    /// Sums over the pixels, where asked for.
    pub sums: ChannelSums,
    cache: Cache,
}

/// Decodes every file once, in parallel; keeps what fits into `budget` bytes.
pub fn decode_all(
    split: Split,
    preprocess: &ImagePreprocess,
    budget: u64,
    fit: bool,
    progress: &dyn Progress,
) -> Decoded {
    let cache = Cache::new(split.files.len(), budget);
    let results: Vec<Result<ChannelSums, String>> = split
        .files
        .par_iter()
        .enumerate()
        .map(|(index, file)| {
            let picture = preprocess.load(&file.path);
            progress.tick();
            let picture = picture?;
            let mut sums = ChannelSums::default();
            if fit {
                sums.add(&picture);
            }
            cache.put(index, picture);
            Ok(sums)
        })
        .collect();
    let keep: Vec<bool> = results.iter().map(Result::is_ok).collect();
    let mut skipped = Vec::new();
    let mut sums = ChannelSums::default();
    for (file, result) in split.files.iter().zip(results) {
        match result {
            Ok(part) => sums = sums.merge(part),
            Err(reason) => skipped.push(Skipped {
                name: file.path.display().to_string(),
                reason,
            }),
        }
    }
    let files = split
        .files
        .into_iter()
        .zip(&keep)
        .filter(|(_, keep)| **keep)
        .map(|(file, _)| file)
        .collect();
    Decoded {
        split: Split {
            root: split.root,
            files,
        },
        cache: cache.retain(&keep),
        skipped,
        sums,
    }
}

impl Decoded {
    /// Bytes kept in memory.
    pub fn cache_bytes(&self) -> u64 {
        self.cache.used()
    }

    /// The samples for the loader.
    pub fn into_dataset(
        self,
        preprocess: &ImagePreprocess,
        augmentation: Option<Augmentation>,
    ) -> ImageDataset {
        ImageDataset {
            split: self.split,
            cache: self.cache,
            preprocess: preprocess.clone(),
            augmentation,
        }
    }
}

/// The pictures of one split.
pub struct ImageDataset {
    split: Split,
    cache: Cache,
    preprocess: ImagePreprocess,
    augmentation: Option<Augmentation>,
}

impl ImageDataset {
    /// A labelled folder for evaluation: its classes must be `classes`, by name.
    ///
    /// # Errors
    /// A folder without classes, or with other classes; in words that follow the folder's name.
    pub fn labelled(
        folder: &Path,
        classes: &[String],
        preprocess: &ImagePreprocess,
        progress: &dyn Progress,
    ) -> Result<(ImageDataset, Vec<Skipped>), String> {
        let listing = list_classes(folder)?;
        same_classes(classes, &listing.classes, "the model", "the folder")?;
        let split = Split::new(folder.to_path_buf(), listing.files);
        progress.begin("decoding", split.files.len());
        let decoded = decode_all(split, preprocess, default_budget(), false, progress);
        progress.end();
        let skipped = decoded.skipped.clone();
        Ok((decoded.into_dataset(preprocess, None), skipped))
    }
}

impl Dataset for ImageDataset {
    fn len(&self) -> usize {
        self.split.files.len()
    }

    fn shape(&self) -> Shape {
        self.preprocess.shape()
    }

    fn class(&self, index: usize) -> usize {
        self.split.files[index].class
    }

    fn id(&self, index: usize) -> SampleId {
        self.split.files[index].id
    }

    fn name(&self, index: usize) -> String {
        relative(&self.split.files[index].path, &self.split.root)
    }

    fn mix(&self) -> Option<&Mix> {
        self.augmentation.as_ref()?.mix()
    }

    fn load(&self, index: usize, epoch: Option<u64>, out: &mut [f32]) -> Result<(), String> {
        let file = &self.split.files[index];
        let decoded;
        let picture = match self.cache.get(index) {
            Some(picture) => picture,
            None => {
                decoded = self.preprocess.load(&file.path)?;
                &decoded
            }
        };
        match (&self.augmentation, epoch) {
            (Some(augmentation), Some(epoch)) => {
                let sample = u64::from(file.id);
                self.preprocess
                    .write_warped(picture, augmentation, epoch, sample, out);
            }
            _ => self.preprocess.write(picture, out),
        }
        Ok(())
    }
}
