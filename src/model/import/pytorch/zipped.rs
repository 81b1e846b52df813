//! The zip archive of PyTorch 1.6 and later: `NAME/data.pkl`, and a member `NAME/data/KEY` for each storage.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use super::super::error::ImportFault;
use super::super::number_type::ByteOrder;
use super::super::pickle::input::Input;
use super::super::pickle::value::Heap;
use super::super::pickle::{MAX_PICKLE, read_pickle};
use super::container::{Container, Storages};
use crate::storage::Zip;

/// The most bytes of a storage.
const MAX_STORAGE: u64 = 16 << 30;

/// Whether an archive has the pickle of `torch.save`.
pub fn is_pytorch(zip: &Zip) -> bool {
    pickle_name(zip).is_some()
}

fn pickle_name(zip: &Zip) -> Option<&str> {
    let names = zip.members().iter().map(|member| &*member.name);
    names
        .filter(|name| *name == "data.pkl" || name.ends_with("/data.pkl"))
        .min_by_key(|name| name.len())
}

/// Reads the pickle of an archive.
///
/// # Errors
/// Damage.
pub fn read(zip: Zip) -> Result<Container, ImportFault> {
    let name = pickle_name(&zip).unwrap_or("data.pkl").to_string();
    let folder = name.trim_end_matches("data.pkl");
    let mut members: HashMap<String, usize> = HashMap::new();
    for (place, member) in zip.members().iter().enumerate() {
        if members.insert(member.name.clone(), place).is_some() {
            return Err(ImportFault::Damaged(
                "its archive has two members of one name".into(),
            ));
        }
    }
    let small = |name: &str, limit: u64| match members.get(name) {
        Some(place) => zip
            .bytes(*place, limit)
            .map_err(|error| ImportFault::zip(name, error)),
        None => Ok(Vec::new()),
    };
    let order = match &*small(&format!("{folder}byteorder"), 16)? {
        b"big" => ByteOrder::Big,
        _ => ByteOrder::Little,
    };
    let pickle = small(&name, MAX_PICKLE)?;
    let mut heap = Heap::default();
    let root = read_pickle(&mut Input::new(&mut &*pickle, MAX_PICKLE), &mut heap)?;
    let prefix = format!("{folder}data/");
    let storages = members
        .iter()
        .filter_map(|(name, place)| Some((name.strip_prefix(&prefix)?.to_string(), *place)))
        .collect();
    Ok(Container {
        heap,
        root,
        storages: Box::new(Members {
            zip,
            storages,
            checked: Mutex::default(),
        }),
        order,
    })
}

/// Storages that are members of an archive.
struct Members {
    zip: Zip,
    /// The member of each key.
    storages: HashMap<String, usize>,
    /// Members whose checksum was found to be right.
    checked: Mutex<HashSet<usize>>,
}

impl Storages for Members {
    fn size(&self, key: &str) -> Option<u64> {
        let member = &self.zip.members()[*self.storages.get(key)?];
        let is_possible = member.is_possible() && member.size <= MAX_STORAGE;
        is_possible.then_some(member.size)
    }

    fn bytes(&self, key: &str, offset: u64, len: u64) -> Result<Vec<u8>, ImportFault> {
        let place = *self
            .storages
            .get(key)
            .ok_or_else(|| ImportFault::Missing(key.to_string()))?;
        let member = &self.zip.members()[place];
        let checked = || self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let read = match checked().contains(&place) {
            true => self.zip.part(place, offset, len, false),
            false => self.zip.part(place, offset, len, true),
        };
        let bytes = read.map_err(|error| ImportFault::zip(&member.name, error))?;
        checked().insert(place);
        Ok(bytes)
    }
}
