//! The checksum of a model file: it detects a damaged file.
//!
//! It covers the content, not the layout of the bytes, so that it stays valid when a program rewrites the file
//! unchanged: every metadata entry of ours, and of each tensor its name, type, shape and values. Values are hashed
//! in pieces of a fixed size, several at once, so that the sum is the same for any number of threads. XXH3 detects
//! accidental damage, not forgery.

use std::collections::HashMap;

use anyhow::ensure;
use rayon::prelude::*;
use safetensors::tensor::{Dtype, SafeTensors};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// The metadata key of the checksum.
pub const CHECKSUM_KEY: &str = "kiln.checksum";

/// The prefix of our metadata keys.
const OURS: &str = "kiln";

/// The prefix that names the algorithm.
const KIND: &str = "xxh3-128:";

/// Bytes of a chunk that one thread hashes.
const PIECE: usize = 1 << 20;

/// The digest of a tensor's bytes, as a file has them.
pub fn digest(bytes: &[u8]) -> u128 {
    if bytes.len() <= PIECE {
        return xxh3_128(bytes);
    }
    let pieces: Vec<u128> = bytes.par_chunks(PIECE).map(xxh3_128).collect();
    let mut whole = Xxh3::new();
    for piece in pieces {
        whole.update(&piece.to_le_bytes());
    }
    whole.digest128()
}

/// The digest of values, as a file has them.
pub fn digest_values(values: &[f32]) -> u128 {
    if cfg!(target_endian = "little") {
        return digest(bytemuck::cast_slice(values));
    }
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    digest(&bytes)
}

/// A tensor of 32-bit floats as the checksum sees it: name, sizes, [`digest`] of its values.
pub type Summed<'a> = (&'a str, &'a [usize], u128);

/// The text of the checksum of a file with this metadata and these tensors, in any order.
pub fn checksum<'a>(
    metadata: &[(&str, &str)],
    tensors: impl Iterator<Item = Summed<'a>>,
) -> String {
    let mut metadata: Vec<&(&str, &str)> = metadata.iter().collect();
    metadata.sort_unstable();
    let mut tensors: Vec<Summed<'a>> = tensors.collect();
    tensors.sort_unstable();
    let mut sum = Xxh3::new();
    let mut add = |bytes: &[u8]| {
        sum.update(&(bytes.len() as u64).to_le_bytes());
        sum.update(bytes);
    };
    for (key, text) in metadata {
        add(key.as_bytes());
        add(text.as_bytes());
    }
    for (name, shape, digest) in tensors {
        add(name.as_bytes());
        let sizes: Vec<u8> = shape
            .iter()
            .flat_map(|&size| (size as u64).to_le_bytes())
            .collect();
        add(&sizes);
        add(&digest.to_le_bytes());
    }
    format!("{KIND}{:032x}", sum.digest128())
}

/// Verifies the content against the checksum. A file without one, which an older kiln wrote, is accepted.
///
/// # Errors
/// Content that has changed since the file was written.
pub fn verify(file: &SafeTensors<'_>, metadata: &HashMap<String, String>) -> anyhow::Result<()> {
    let Some(expected) = metadata.get(CHECKSUM_KEY) else {
        return Ok(());
    };
    let ours = metadata
        .iter()
        .filter(|(key, _)| key.starts_with(OURS) && *key != CHECKSUM_KEY);
    let ours: Vec<(&str, &str)> = ours.map(|(key, text)| (&**key, &**text)).collect();
    let tensors: Vec<_> = file.iter().collect();
    let is_f32 = tensors.iter().all(|(_, view)| view.dtype() == Dtype::F32);
    let summed = tensors
        .iter()
        .map(|(name, view)| (*name, view.shape(), digest(view.data())));
    ensure!(
        is_f32 && *expected == checksum(&ours, summed),
        "its checksum does not fit what it holds: the file was damaged, or changed by another program, since it \
         was written; copy it again from where it came, or train it again"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_depends_on_everything_but_the_order() {
        let metadata = [("kiln", "{}"), ("kiln.checkpoint", "{}")];
        let tensors = [("a", &[2usize, 3][..], 1u128), ("b", &[6][..], 2)];
        let sum = |metadata: &[(&str, &str)], tensors: &[Summed<'_>]| {
            checksum(metadata, tensors.iter().copied())
        };
        let expected = sum(&metadata, &tensors);
        assert_eq!(
            sum(&[metadata[1], metadata[0]], &[tensors[1], tensors[0]]),
            expected
        );
        for other in [
            sum(&metadata[..1], &tensors),
            sum(&[metadata[0], ("kiln.checkpoint", "[]")], &tensors),
            sum(&metadata, &tensors[..1]),
            sum(&metadata, &[("c", tensors[0].1, 1), tensors[1]]),
            sum(&metadata, &[("a", &[3, 2], 1), tensors[1]]),
            sum(&metadata, &[("a", tensors[0].1, 3), tensors[1]]),
        ] {
            assert_ne!(other, expected);
        }
    }

    #[test]
    fn every_piece_of_a_large_tensor_counts() {
        let mut bytes = vec![7u8; 2 * PIECE + 5];
        let whole = digest(&bytes);
        for place in [0, PIECE - 1, PIECE, 2 * PIECE + 4] {
            bytes[place] ^= 1;
            assert_ne!(digest(&bytes), whole, "{place}");
            bytes[place] ^= 1;
        }
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        assert_eq!(one.expect("a thread").install(|| digest(&bytes)), whole);
        assert_eq!(
            digest_values(&[1.0, -0.0]),
            xxh3_128(&[0, 0, 128, 63, 0, 0, 0, 128])
        );
    }
}
