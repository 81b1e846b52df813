//! Where features are kept: in memory up to a budget, beyond it in a cache file. The file also keeps them for later runs
//! over the same samples and frozen layers, as decoded images are kept.

use std::io;

use crate::data::Shape;
use crate::data::image::audit::Traits;
use crate::data::image::cache::{Adding, Budget, Description, FORMAT, Key, Records, open_disk};
use crate::data::image::samples::Stamp;
use crate::storage::cache_folder;

/// Features by the number of their record.
pub struct FeatureStore {
    /// Values of a record.
    len: usize,
    /// The first records.
    memory: Vec<f32>,
    /// The records behind those in memory.
    file: Option<Records>,
    /// Of those: the place in the file, and the name there.
    places: Vec<Option<(u32, u64)>>,
}

/// Features that were damaged in the cache file, in words that follow the sample's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("has damaged features in the cache file; kiln cache clear")]
pub struct DamagedFeatures;

impl FeatureStore {
    /// Copies a record to `out`.
    ///
    /// # Errors
    /// A cache file that was damaged since.
    pub fn read(&self, record: usize, out: &mut [f32]) -> Result<(), DamagedFeatures> {
        let in_memory = self.memory.len() / self.len;
        if record < in_memory {
            out.copy_from_slice(&self.memory[record * self.len..][..self.len]);
            return Ok(());
        }
        let place = self.places[record - in_memory];
        let (records, (slot, name)) = self.file.as_ref().zip(place).ok_or(DamagedFeatures)?;
        let mut bytes = Vec::new();
        match records.read(slot, name, &mut bytes) {
            true => from_bytes(&bytes, out),
            false => return Err(DamagedFeatures),
        }
        Ok(())
    }
}

/// Fills a store.
pub struct Writer {
    store: FeatureStore,
    /// The cache file, where there is one.
    adding: Option<Adding>,
}

impl Writer {
    /// An empty store for `num_records` records of `shape`. `layers` is the digest of what computes them.
    ///
    /// # Errors
    /// A cache file that is needed, since memory does not hold all, and cannot be written.
    pub fn new(
        layers: u128,
        shape: Shape,
        num_records: usize,
        budget: Budget,
    ) -> io::Result<Writer> {
        let len = shape.num_elements();
        let bytes = len * size_of::<f32>();
        let in_memory = (budget.memory / bytes as u64).min(num_records as u64) as usize;
        let description = Description {
            format: FORMAT,
            root: format!("features of frozen layers {layers:032x}"),
            record: bytes,
            pixels: format!("{shape}, 32-bit floats"),
        };
        let adding = match open(&description, num_records, budget.disk) {
            Ok(adding) => adding,
            Err(error) if in_memory < num_records => return Err(error),
            Err(_) => None,
        };
        Ok(Writer {
            store: FeatureStore {
                len,
                memory: vec![0.0; in_memory * len],
                file: None,
                places: vec![None; num_records - in_memory],
            },
            adding,
        })
    }

    /// Takes over the features of an input that the cache file knows; false where it does not.
    pub fn take(&mut self, record: usize, input: u128) -> bool {
        let Some(adding) = &self.adding else {
            return false;
        };
        let name = input as u64;
        let Some((slot, traits)) = adding.find(name, STAMP) else {
            return false;
        };
        let mut bytes = Vec::new();
        if traits.content != input || !adding.records().read(slot, name, &mut bytes) {
            return false;
        }
        match self
            .store
            .memory
            .chunks_exact_mut(self.store.len)
            .nth(record)
        {
            Some(values) => from_bytes(&bytes, values),
            None => self.place(record, (slot, name)),
        }
        true
    }

    /// Keeps the features of an input.
    ///
    /// # Errors
    /// A cache file that is full or cannot be written, where memory does not hold them.
    pub fn put(&mut self, record: usize, input: u128, values: &[f32]) -> io::Result<()> {
        let name = input as u64;
        let key = Key {
            name,
            stamp: STAMP,
            traits: Traits {
                content: input,
                ..Traits::default()
            },
        };
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let slot = self
            .adding
            .as_ref()
            .and_then(|adding| adding.add(&key, &bytes));
        match self
            .store
            .memory
            .chunks_exact_mut(self.store.len)
            .nth(record)
        {
            Some(place) => place.copy_from_slice(values),
            None => {
                let full = || io::Error::other("the cache file holds no more");
                self.place(record, (slot.ok_or_else(full)?, name));
            }
        }
        Ok(())
    }

    fn place(&mut self, record: usize, place: (u32, u64)) {
        let in_memory = self.store.memory.len() / self.store.len;
        self.store.places[record - in_memory] = Some(place);
    }

    /// The filled store.
    pub fn finish(self) -> FeatureStore {
        FeatureStore {
            file: self.adding.map(Adding::finish),
            ..self.store
        }
    }
}

/// Records are named by their inputs, not by files.
const STAMP: Stamp = Stamp {
    size: 0,
    modified: 0,
    changed: 0,
};

/// Opens the cache file for `num_records` more records; `None` where no file may be kept.
fn open(description: &Description, num_records: usize, limit: u64) -> io::Result<Option<Adding>> {
    if limit == 0 {
        return Ok(None);
    }
    let present = std::fs::metadata(cache_folder().join(description.file_name()));
    let present = present.map_or(0, |file| description.num_samples(file.len()));
    let wait = || crate::say!("note: waiting for another run that computes the same features");
    open_disk(description, num_records + present as usize, limit, &wait).map(Some)
}

fn from_bytes(bytes: &[u8], out: &mut [f32]) {
    let (words, _) = bytes.as_chunks::<4>();
    for (out, word) in out.iter_mut().zip(words) {
        *out = f32::from_le_bytes(*word);
    }
}
