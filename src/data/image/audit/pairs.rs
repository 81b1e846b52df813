//! Pairs of images that are the same file or look alike.

use std::collections::HashMap;

use rayon::prelude::*;

use super::traits::Traits;

/// Bits of the digests by which candidates may differ.
const MAX_BITS: u32 = 12;
/// Candidates share at least one of these parts of their digests.
const PARTS: u32 = 8;
const PART_BITS: u32 = 128 / PARTS;
/// Larger groups of equal parts are drawings on one background, not photographs; their members are compared with
/// their neighbours only.
const MAX_GROUP: usize = 256;
/// The most candidates that are compared.
const MAX_CANDIDATES: usize = 200_000;

/// Two of the images, by place in the list, the lower one first.
pub type Places = (usize, usize);

/// Images with the same bytes: the first of them with each of the others.
pub fn same_bytes(images: &[Traits]) -> Vec<Places> {
    let mut first: HashMap<u128, usize> = HashMap::with_capacity(images.len());
    let mut pairs = Vec::new();
    for (place, traits) in images.iter().enumerate() {
        match first.get(&traits.content) {
            Some(&earlier) => pairs.push((earlier, place)),
            None => {
                first.insert(traits.content, place);
            }
        }
    }
    pairs
}

/// Images whose digests are near, but whose bytes differ; blank images are left out.
pub fn near_looks(images: &[Traits]) -> Vec<Places> {
    let mut pairs: Vec<Places> = (0..PARTS)
        .into_par_iter()
        .flat_map_iter(|part| {
            let key = |place: u32| {
                let look = images[place as usize].look >> (part * PART_BITS);
                (look as u64 & ((1 << PART_BITS) - 1), place)
            };
            let seen = (0..images.len() as u32).filter(|&place| {
                let traits = &images[place as usize];
                traits.has(Traits::SEEN) && !traits.has(Traits::BLANK)
            });
            let mut keys: Vec<(u64, u32)> = seen.map(key).collect();
            keys.sort_unstable();
            let mut found = Vec::new();
            for group in keys.chunk_by(|a, b| a.0 == b.0) {
                for (at, one) in group.iter().enumerate() {
                    let end = group.len().min(at + MAX_GROUP);
                    for other in &group[at + 1..end] {
                        let (a, b) = (&images[one.1 as usize], &images[other.1 as usize]);
                        let near = (a.look ^ b.look).count_ones() <= MAX_BITS;
                        if near && a.content != b.content {
                            found.push((one.1 as usize, other.1 as usize));
                        }
                    }
                }
            }
            found
        })
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs.truncate(MAX_CANDIDATES);
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traits(content: u128, look: u128) -> Traits {
        Traits {
            content,
            look,
            flags: Traits::SEEN,
            ..Traits::default()
        }
    }

    #[test]
    fn copies_are_paired_with_the_first_of_them() {
        let images = [traits(1, 0), traits(2, 0), traits(1, 0), traits(1, 0)];
        assert_eq!(same_bytes(&images), [(0, 2), (0, 3)]);
    }

    #[test]
    fn digests_that_differ_in_few_bits_are_candidates() {
        let look = 0x0123_4567_89AB_CDEF_0F1E_2D3C_4B5A_6978;
        let images = [
            traits(1, look),
            traits(2, look ^ 0b111 ^ 0b11 << 60),
            traits(3, !look),
            traits(1, look),
            traits(4, look ^ 0xFFFF),
        ];
        // The first and the fourth are copies; the last differs in 16 bits.
        assert_eq!(near_looks(&images), [(0, 1), (1, 3)]);
        let mut blank = images;
        blank[1].flags |= Traits::BLANK;
        assert!(near_looks(&blank).is_empty());
    }
}
