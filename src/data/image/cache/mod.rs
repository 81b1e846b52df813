//! The cache of decoded samples: in memory up to a budget, then in a file ([`disk`]) up to another; samples beyond both
//! are decoded each time they are loaded.

mod disk;
mod folder;
mod record;

use super::audit::Traits;
pub use super::cache::record::{Description, FORMAT, Key, Records};
use super::decode::error::DecodeError;
use super::decode::pixels::Pixels;
use super::samples::Split;
use crate::config::ByteSize;
use crate::console::shown;
use crate::data::core::random::hash_text;
use crate::device::{memory_limit, unknown_memory};
use crate::storage::{cache_folder, make_cache_folder};
pub use disk::Adding;
pub use folder::{CacheFile, list_caches, make_room, remove_cache};

/// The size of the cache.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// In memory, bytes.
    pub memory: u64,
    /// In all cache files together, bytes.
    pub disk: u64,
}

impl Budget {
    /// Nothing is kept.
    pub const NONE: Budget = Budget { memory: 0, disk: 0 };

    /// That of `data.cache_memory` and `data.cache_disk`, each at its default where it is not given.
    pub fn new(memory: Option<ByteSize>, disk: Option<ByteSize>, default_disk: u64) -> Budget {
        Budget {
            memory: memory.map_or_else(default_memory, |size| size.0),
            disk: disk.map_or(default_disk, |size| size.0),
        }
    }
}

/// The default of `data.cache_disk`: bytes of all cache files together.
pub const DEFAULT_DISK: u64 = 32_000_000_000;

/// A quarter of the memory that can be taken now, or 1 GiB if the system does not report it.
pub fn default_memory() -> u64 {
    let limit = memory_limit();
    if limit == unknown_memory() {
        return 1 << 30;
    }
    limit.bytes / 4
}

/// Where a sample is kept, in four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(u32);

impl Slot {
    /// Nowhere.
    pub const NONE: Slot = Slot(u32::MAX);
    const DISK: u32 = 1 << 31;

    /// In memory.
    pub fn memory(slot: u32) -> Slot {
        Slot(slot)
    }

    /// In the file.
    pub fn disk(slot: u32) -> Slot {
        Slot(slot | Self::DISK)
    }
}

/// Decoded samples of one split, by index.
pub struct Cache {
    /// Bytes of a sample.
    record: usize,
    /// Sample after sample.
    memory: Vec<u8>,
    disk: Option<Records>,
    slots: Vec<Slot>,
}

impl Cache {
    /// Samples of `record` bytes in `memory` and in a file, each at its slot.
    pub fn new(record: usize, memory: Vec<u8>, disk: Option<Records>, slots: Vec<Slot>) -> Cache {
        Cache {
            record,
            memory,
            disk,
            slots,
        }
    }

    /// Drops the samples for which `keep` is false.
    pub fn retain(&mut self, keep: &[bool]) {
        let mut keep = keep.iter();
        self.slots.retain(|_| keep.next().is_some_and(|keep| *keep));
    }

    /// Bytes held in memory.
    pub fn memory_bytes(&self) -> u64 {
        self.memory.len() as u64
    }

    /// Whether a sample is kept.
    pub fn holds(&self, index: usize) -> bool {
        self.slots[index] != Slot::NONE
    }

    /// Copies a sample to `pixels`; where it is not kept, or its record is damaged, `decode`s the
    /// bytes of its file, at most `max_bytes` (and rewrites the record).
    ///
    /// # Errors
    /// Why the sample cannot be used.
    pub fn read(
        &self,
        split: &Split,
        index: usize,
        pixels: &mut Vec<u8>,
        max_bytes: u64,
        decode: impl Fn(&[u8]) -> Result<Pixels, DecodeError>,
    ) -> Result<(), DecodeError> {
        let slot = self.slots[index];
        let on_disk = slot != Slot::NONE && slot.0 & Slot::DISK != 0;
        let number = slot.0 & !Slot::DISK;
        if slot != Slot::NONE && !on_disk {
            let begin = number as usize * self.record;
            pixels.clear();
            pixels.extend_from_slice(&self.memory[begin..begin + self.record]);
            return Ok(());
        }
        let records = self.disk.as_ref().filter(|_| on_disk);
        let name = name_of(split, index);
        if records.is_some_and(|records| records.read(number, name, pixels)) {
            return Ok(());
        }
        let bytes = split.read(index, max_bytes)?;
        let image = decode(&bytes)?;
        if let (Some(records), Some(stamp)) = (records, split.stamp(index)) {
            let traits = Traits::of(&split.file_name(index), &bytes, &image);
            let key = Key {
                name,
                stamp,
                traits,
            };
            // Where this fails too, the sample is decoded again the next time.
            let _ = records.mend(number, &key, &image.bytes);
        }
        *pixels = image.bytes;
        Ok(())
    }
}

/// The digest of a sample's name.
pub fn name_of(split: &Split, index: usize) -> u64 {
    hash_text(&split.name(index))
}

/// Opens the cache file of a description for adding, after making room for `num_records` in it. `wait` is called before
/// another run is waited for.
///
/// # Errors
/// A folder or file that cannot be written.
pub fn open_disk(
    description: &Description,
    num_records: usize,
    limit: u64,
    wait: &dyn Fn(),
) -> std::io::Result<Adding> {
    let folder = cache_folder();
    make_cache_folder(&folder)
        .map_err(|error| std::io::Error::other(format!("{}: {error}", shown(&folder))))?;
    let wanted = description.size_for(num_records);
    let most = make_room(&folder, &description.file_name(), wanted, limit);
    Adding::open(&folder, description, most, wait)
}
