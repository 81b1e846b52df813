//! The samples of a split: files in a folder, entries of tar archives, or raw images in memory.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::decode::raw::RawBlock;
use crate::console::path_text;
use crate::data::core::batch::SampleId;
use crate::data::core::dataset::ReadingOrder;
use crate::data::core::random::hash_text;
use crate::data::files::error::FileError;
use crate::data::files::read::read_file;
use crate::storage::open_regular;
use crate::storage::positional::read_at;

/// One image. A million of them take some 80 MB.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Where its bytes lie.
    pub place: Place,
    /// The index of its class.
    pub class: u32,
    /// Its place in the listing.
    pub id: SampleId,
}

/// Where the bytes of a sample lie.
#[derive(Clone, Debug)]
pub enum Place {
    /// A file, below the split's root.
    File(Box<Path>),
    /// A part of an archive.
    Entry {
        /// The name within the archive.
        name: Box<str>,
        /// The index of the archive.
        shard: u32,
        /// Bytes.
        len: u32,
        /// From the archive's beginning, bytes.
        offset: u64,
    },
    /// One of the images of a block.
    Raw {
        /// The index of the block.
        block: u32,
        /// Its number within the block.
        number: u32,
    },
}

/// Metadata that changes when a file changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Bytes.
    pub size: u64,
    /// When the content was last changed, nanoseconds.
    pub modified: u64,
    /// When anything about the file was last changed (0 if the system does not report it); nobody can
    /// set this one back.
    pub changed: u64,
}

impl Stamp {
    fn of(meta: &Metadata) -> Stamp {
        let modified = meta.modified().ok();
        let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        #[cfg(unix)]
        let changed = {
            use std::os::unix::fs::MetadataExt;
            (meta.ctime() as u64)
                .wrapping_mul(1_000_000_000)
                .wrapping_add(meta.ctime_nsec() as u64)
        };
        #[cfg(not(unix))]
        let changed = 0;
        Stamp {
            size: meta.len(),
            modified: since.map_or(0, |since| since.as_nanos() as u64),
            changed,
        }
    }
}

/// The samples of one split.
#[derive(Clone, Debug)]
pub struct Split {
    /// The folder of the split, or what names its archives.
    pub root: PathBuf,
    /// The archives, where there are any.
    pub shards: Vec<PathBuf>,
    /// Images in memory, where there are any.
    pub blocks: Vec<Arc<RawBlock>>,
    /// In the listing's order.
    pub samples: Vec<Sample>,
}

impl Split {
    /// Numbers the files of a listing.
    pub fn of_files(root: PathBuf, files: Vec<(Box<Path>, u32)>) -> Split {
        let number = |(index, (path, class)): (usize, (Box<Path>, u32))| Sample {
            place: Place::File(path),
            class,
            id: index as SampleId,
        };
        Split {
            root,
            shards: Vec::new(),
            blocks: Vec::new(),
            samples: files.into_iter().enumerate().map(number).collect(),
        }
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    fn block(&self, block: u32) -> &RawBlock {
        &self.blocks[block as usize]
    }

    /// All images of blocks, the classes of which are listed beside them.
    pub fn of_blocks(root: PathBuf, blocks: Vec<(RawBlock, Vec<u32>)>) -> Split {
        let mut samples = Vec::new();
        for (number, (_, classes)) in (0..).zip(&blocks) {
            let first = samples.len();
            let places = classes.iter().enumerate().map(|(index, &class)| Sample {
                place: Place::Raw {
                    block: number,
                    number: index as u32,
                },
                class,
                id: (first + index) as SampleId,
            });
            samples.extend(places);
        }
        Split {
            root,
            shards: Vec::new(),
            blocks: blocks
                .into_iter()
                .map(|(block, _)| Arc::new(block))
                .collect(),
            samples,
        }
    }

    /// Samples of each class.
    pub fn counts(&self, num_classes: usize) -> Vec<usize> {
        let mut counts = vec![0; num_classes];
        for sample in &self.samples {
            counts[sample.class as usize] += 1;
        }
        counts
    }

    /// The sample's name within the split, as text; see [`crate::console`] for what may be in it.
    pub fn name(&self, index: usize) -> String {
        match &self.samples[index].place {
            Place::File(path) => path_text(path).into_owned(),
            Place::Entry { name, shard, .. } => {
                let shard = self.shards[*shard as usize].file_name().unwrap_or_default();
                format!("{}:{name}", shard.to_string_lossy())
            }
            Place::Raw { block, number } => self.block(*block).name(*number as usize),
        }
    }

    /// The sample's name with its folder, for messages.
    pub fn full_name(&self, index: usize) -> String {
        match &self.samples[index].place {
            Place::File(path) => path_text(&self.root.join(path)).into_owned(),
            Place::Entry { name, shard, .. } => {
                format!("{}:{name}", path_text(&self.shards[*shard as usize]))
            }
            Place::Raw { block, number } => {
                format!("{} #{number}", path_text(&self.block(*block).path))
            }
        }
    }

    /// The file that holds the sample.
    fn file(&self, index: usize) -> PathBuf {
        match &self.samples[index].place {
            Place::File(path) => self.root.join(path),
            Place::Entry { shard, .. } => self.shards[*shard as usize].clone(),
            Place::Raw { block, .. } => self.block(*block).path.clone(),
        }
    }

    /// The name of the sample's own file.
    pub fn file_name(&self, index: usize) -> PathBuf {
        match &self.samples[index].place {
            Place::File(path) => path.to_path_buf(),
            Place::Entry { name, .. } => PathBuf::from(&**name),
            // Without an extension that could be wrong.
            Place::Raw { .. } => PathBuf::new(),
        }
    }

    /// Reads the sample's bytes.
    ///
    /// # Errors
    /// Why they cannot be read; among it more than `most` bytes.
    pub fn read(&self, index: usize, most: u64) -> Result<Vec<u8>, FileError> {
        match &self.samples[index].place {
            Place::File(path) => read_file(&self.root.join(path), most),
            Place::Entry { len, .. } if u64::from(*len) > most => {
                Err(FileError::LargeImage { len: (*len).into() })
            }
            Place::Entry { .. } => self.read_begin(index, u64::MAX),
            Place::Raw { block, number } => Ok(self.block(*block).image(*number as usize)),
        }
    }

    /// Reads at most the first `most` of the sample's bytes.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn read_begin(&self, index: usize, most: u64) -> Result<Vec<u8>, FileError> {
        if let Place::Raw { block, number } = &self.samples[index].place {
            return Ok(self.block(*block).image(*number as usize));
        }
        let path = self.file(index);
        let read = || -> std::io::Result<Vec<u8>> {
            let file = open_regular(&path)?;
            let (offset, len) = match &self.samples[index].place {
                Place::File(_) => (0, file.metadata()?.len()),
                Place::Entry { offset, len, .. } => (*offset, u64::from(*len)),
                Place::Raw { .. } => (0, 0), // given above
            };
            let mut bytes = vec![0; len.min(most) as usize];
            read_at(&file, &mut bytes, offset)?;
            Ok(bytes)
        };
        read().map_err(FileError::Io)
    }

    /// The stamp of the file that holds the sample.
    pub fn stamp(&self, index: usize) -> Option<Stamp> {
        self.file(index)
            .metadata()
            .ok()
            .map(|meta| Stamp::of(&meta))
    }

    /// A digest of names, sizes and classes, in order.
    pub fn fingerprint(&self) -> String {
        let sizes: Vec<u64> = (0..self.len())
            .into_par_iter()
            .map(|index| match &self.samples[index].place {
                Place::Entry { len, .. } => u64::from(*len),
                Place::File(_) => self.stamp(index).map_or(0, |stamp| stamp.size),
                Place::Raw { block, number } => {
                    xxh3_64(&self.block(*block).image(*number as usize))
                }
            })
            .collect();
        let digest = sizes
            .iter()
            .enumerate()
            .fold(0u64, |digest, (index, size)| {
                let (name, class) = (self.name(index), self.samples[index].class);
                hash_text(&format!("{digest:x} {name} {size} {class}"))
            });
        format!("{digest:016x}")
    }

    /// In which order the samples are best read: archives in sequence, but for a buffer.
    pub fn reading_order(&self, buffer: usize) -> ReadingOrder {
        let mut ends = vec![0; self.shards.len()];
        for (index, sample) in self.samples.iter().enumerate() {
            match &sample.place {
                Place::File(_) | Place::Raw { .. } => return ReadingOrder::Any,
                Place::Entry { shard, .. } => ends[*shard as usize] = index + 1,
            }
        }
        for shard in 1..ends.len() {
            ends[shard] = ends[shard].max(ends[shard - 1]); // none of it was left
        }
        ReadingOrder::Shards { ends, buffer }
    }

    /// The samples for which `keep` is true.
    pub fn filter(mut self, keep: &[bool]) -> Split {
        let mut keep = keep.iter();
        self.samples
            .retain(|_| keep.next().is_some_and(|keep| *keep));
        self
    }
}
