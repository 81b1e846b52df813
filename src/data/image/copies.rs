//! Finds files with the same content without decoding them, so that a random split keeps copies on one side.

use std::collections::HashMap;

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_128;

use super::samples::{Place, Split};
use crate::data::core::random::hash_text;

/// Bytes by which files of one size are compared.
const COMPARED: u64 = 1 << 20;

/// A digest of each sample: of its name, or of the first name among samples with the same content, and how many
/// samples are copies of others.
pub fn digests(split: &Split) -> (Vec<u64>, usize) {
    let sizes: Vec<u64> = (0..split.len())
        .into_par_iter()
        .map(|index| match &split.samples[index].place {
            Place::File(_) => split.stamp(index).map_or(u64::MAX, |stamp| stamp.size),
            Place::Entry { len, .. } => u64::from(*len),
            Place::Raw { .. } => 0,
        })
        .collect();
    let mut counts: HashMap<u64, usize> = HashMap::with_capacity(sizes.len());
    for size in &sizes {
        *counts.entry(*size).or_default() += 1;
    }
    let contents: Vec<Option<u128>> = (0..split.len())
        .into_par_iter()
        .map(|index| {
            let alone = counts.get(&sizes[index]).is_none_or(|count| *count < 2);
            // Empty files and those that cannot be read are no copies of each other.
            let raw = matches!(split.samples[index].place, Place::Raw { .. });
            if alone || sizes[index] == u64::MAX || (sizes[index] == 0 && !raw) {
                return None;
            }
            let bytes = split.read_begin(index, COMPARED).ok()?;
            Some(xxh3_128(&bytes) ^ u128::from(sizes[index]))
        })
        .collect();
    let mut first: HashMap<u128, String> = HashMap::new();
    for (index, content) in contents.iter().enumerate() {
        if let Some(content) = content {
            let name = split.name(index);
            let known = first.entry(*content).or_insert_with(|| name.clone());
            if name < *known {
                *known = name;
            }
        }
    }
    let mut copies = 0;
    let digests = contents.iter().enumerate().map(|(index, content)| {
        let name = split.name(index);
        match content.and_then(|content| first.get(&content)) {
            Some(leader) => {
                copies += usize::from(*leader != name);
                hash_text(leader)
            }
            None => hash_text(&name),
        }
    });
    let digests = digests.collect();
    (digests, copies)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn copies_have_the_digest_of_the_first_of_them() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let names = ["b.png", "a.png", "c.png", "d.png", "e.png"];
        for (name, text) in names.iter().zip(["same", "same", "else", "", ""]) {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        let files = names
            .iter()
            .map(|name| (Path::new(name).into(), 0))
            .collect();
        let split = Split::of_files(folder.path().to_path_buf(), files);
        let (digests, copies) = digests(&split);
        let expected: Vec<u64> = ["a.png", "a.png", "c.png", "d.png", "e.png"]
            .map(hash_text)
            .to_vec();
        assert_eq!((digests, copies), (expected, 1));
    }
}
