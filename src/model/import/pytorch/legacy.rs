//! The container before PyTorch 1.6 (`_use_new_zipfile_serialization=False`): pickles of a magic number, the protocol,
//! the system, the object and the storages' keys, and behind them of each storage the count of its values and their
//! bytes.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

use super::super::error::ImportFault;
use super::super::number_type::ByteOrder;
use super::super::pickle::input::Input;
use super::super::pickle::value::{Heap, Id, Value};
use super::super::pickle::{MAX_PICKLE, read_pickle};
use super::container::{Container, Storages};
use super::view::storage_widths;
use crate::storage::positional::{Section, read_at};

/// The number with which such files begin.
const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
/// The pickle of [`MAGIC`] in protocol 2, with which PyTorch writes.
const MAGIC_PICKLE: &[u8] = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.";
/// The protocol that follows it.
const PROTOCOL: u64 = 1001;
/// Bytes of the count of a storage's values.
const COUNT: u64 = 8;

/// Whether a file begins as such files do.
pub fn is_legacy(begin: &[u8]) -> bool {
    begin.starts_with(MAGIC_PICKLE)
        || begin.starts_with(b"L119547037146038801333356L\n.")
        || begin.starts_with(b"\x80") && begin.windows(10).any(|part| part == &MAGIC_PICKLE[4..14])
}

/// Reads the pickles, and where the storages lie.
///
/// # Errors
/// Damage.
pub fn read(file: &Arc<File>) -> Result<Container, ImportFault> {
    let size = file.metadata()?.len();
    let mut from = BufReader::with_capacity(1 << 16, Section::new(file, 0, size));
    let mut heap = Heap::default();
    let mut at = 0;
    let mut next = |heap: &mut Heap| -> Result<Id, ImportFault> {
        let mut input = Input::new(&mut from, MAX_PICKLE);
        let read = read_pickle(&mut input, heap);
        let used = input.used();
        let id = read.map_err(|mut error| {
            error.at += at;
            error
        })?;
        at += used;
        Ok(id)
    };
    let magic = next(&mut heap)?;
    let protocol = next(&mut heap)?;
    if !matches!(heap.get(magic), Value::Int(MAGIC)) || heap.size(protocol) != Some(PROTOCOL) {
        return Err(ImportFault::Kind("a pickle that torch.save did not write"));
    }
    let system = next(&mut heap)?;
    let order = match heap.entry(system, "little_endian").map(|id| heap.get(id)) {
        Some(Value::Bool(false)) => ByteOrder::Big,
        _ => ByteOrder::Little,
    };
    let root = next(&mut heap)?;
    let keys = next(&mut heap)?;
    let keys = heap.items(keys).unwrap_or_default();
    let keys: Vec<&str> = keys.iter().filter_map(|key| heap.text(*key)).collect();
    let storages = places(file, &heap, &keys, at, size)?;
    Ok(Container {
        storages: Box::new(Parts {
            file: file.clone(),
            storages,
        }),
        heap,
        root,
        order,
    })
}

/// Where the bytes of each storage lie, and how many they are.
fn places(
    file: &File,
    heap: &Heap,
    keys: &[&str],
    begin: u64,
    size: u64,
) -> Result<HashMap<String, (u64, u64)>, ImportFault> {
    let mut widths: HashMap<String, u64> = HashMap::new();
    for (key, width) in storage_widths(heap) {
        if *widths.entry(key).or_insert(width) != width {
            return Err(ImportFault::Damaged(
                "it takes one storage for numbers of two types".into(),
            ));
        }
    }
    let mut places = HashMap::new();
    let mut at = begin;
    for key in keys {
        let cut = || ImportFault::Damaged("it is cut: not all its storages are there".into());
        if at + COUNT > size {
            return Err(cut());
        }
        let mut count = [0; COUNT as usize];
        read_at(file, &mut count, at)?;
        at += COUNT;
        let width = widths.get(*key).copied().unwrap_or(1);
        let len = u64::from_le_bytes(count).checked_mul(width);
        let len = len.filter(|len| *len <= size - at).ok_or_else(cut)?;
        places.insert(key.to_string(), (at, len));
        at += len;
    }
    Ok(places)
}

/// Storages that lie one after another in a file.
struct Parts {
    file: Arc<File>,
    /// First byte and length of each.
    storages: HashMap<String, (u64, u64)>,
}

impl Storages for Parts {
    fn size(&self, key: &str) -> Option<u64> {
        self.storages.get(key).map(|(_, len)| *len)
    }

    fn bytes(&self, key: &str, offset: u64, len: u64) -> Result<Vec<u8>, ImportFault> {
        let place = self.storages.get(key);
        let (begin, _) = place.ok_or_else(|| ImportFault::Missing(key.to_string()))?;
        let mut bytes = vec![0; len as usize];
        read_at(&self.file, &mut bytes, begin + offset)?;
        Ok(bytes)
    }
}
