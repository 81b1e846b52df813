//! The audit: problems of a dataset, found before training: Copies and look-alikes within and
//! across the splits, blank and misnamed images, unbalanced classes, sizes.
//!
//! It is computed from the [`Traits`] that decoding records of each image, so it adds little time.

mod pairs;
mod perceptual_hash;
mod traits;

use super::decode_all::Decoded;
use crate::data::audit::{Audit, Named, Pair, SplitFigures};

pub use super::audit::perceptual_hash::{look, similarity};
pub use traits::Traits;

/// The correlation of grey levels from which two images count as the same photograph. Re-saved JPEGs
/// of quality 50 and resized ones lie above 0.99; different photographs of one scene below.
const ALIKE: f64 = 0.985;
/// The same for images of few pixels, which differ less: different digits of MNIST reach 0.994, copies in CIFAR-10
/// 0.999.
const ALIKE_SMALL: f64 = 0.995;
/// Height or width below which an image has few pixels.
const SMALL: u32 = 64;

/// Audits decoded splits; keeps the images of the first `num_images` pairs.
pub fn examine(classes: &[String], splits: &[&Decoded], num_images: usize) -> Audit {
    let mut audit = Audit {
        classes: classes.to_vec(),
        ..Audit::default()
    };
    let mut places = Vec::new();
    let mut all = Vec::new();
    for (split, decoded) in splits.iter().enumerate() {
        audit.splits.push(figures(decoded, classes.len()));
        audit.unusable.extend(decoded.skipped.iter().cloned());
        for (index, traits) in decoded.traits.iter().enumerate() {
            if traits.has(Traits::SEEN | Traits::HASHED) {
                places.push((split, index));
                all.push(*traits);
            }
        }
    }
    let named = |place: usize| {
        let (split, index) = places[place];
        let samples = &splits[split].split;
        Named {
            split,
            index,
            name: samples.name(index),
            class: samples.samples[index].class as usize,
        }
    };
    let with = |flag: u32| -> Vec<Named> {
        let marked = (0..all.len()).filter(|&place| all[place].has(flag));
        marked.map(named).collect()
    };
    audit.misnamed = with(Traits::MISNAMED);
    audit.blank = with(Traits::BLANK);
    if splits.iter().any(|decoded| decoded.scales_deep()) {
        audit.narrow = with(Traits::DEEP);
    }
    let pixels = |place: usize| {
        let (split, index) = places[place];
        splits[split].pixels(index)
    };
    let mut found: Vec<(usize, usize, f64, bool)> = pairs::same_bytes(&all)
        .into_iter()
        .map(|(one, other)| (one, other, 1.0, true))
        .collect();
    let mut alike = Vec::new();
    for (one, other) in pairs::near_looks(&all) {
        let (Some(first), Some(second)) = (pixels(one), pixels(other)) else {
            continue;
        };
        let similarity = similarity(&first, &second);
        let side = |place: usize| all[place].height.min(all[place].width);
        let small = side(one).max(side(other)) < SMALL;
        if similarity >= if small { ALIKE_SMALL } else { ALIKE } {
            alike.push((one, other, similarity, false));
        }
    }
    alike.sort_by(|a, b| b.2.total_cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1))));
    found.extend(alike);
    // Leaks first: they are what the list is read for.
    found.sort_by_key(|&(one, other, ..)| places[one].0 == places[other].0);
    for (rank, (one, other, similarity, same_bytes)) in found.into_iter().enumerate() {
        let images = (rank < num_images).then(|| pixels(one).zip(pixels(other)));
        audit.pairs.push(Pair {
            one: named(one),
            other: named(other),
            similarity,
            same_bytes,
            images: images.flatten(),
        });
    }
    audit
}

fn figures(decoded: &Decoded, num_classes: usize) -> SplitFigures {
    let seen = decoded
        .traits
        .iter()
        .filter(|traits| traits.has(Traits::SEEN));
    let sizes: Vec<(u32, u32, bool)> = seen
        .map(|traits| (traits.height, traits.width, traits.has(Traits::GREY)))
        .collect();
    let spread = |of: fn(&(u32, u32, bool)) -> u32| {
        let mut values: Vec<u32> = sizes.iter().map(of).collect();
        values.sort_unstable();
        let middle = values.get(values.len() / 2);
        [values.first(), middle, values.last()].map(|value| value.copied().unwrap_or_default())
    };
    SplitFigures {
        num_samples: decoded.split.len(),
        num_seen: sizes.len(),
        counts: decoded.split.counts(num_classes),
        heights: spread(|size| size.0),
        widths: spread(|size| size.1),
        num_grey: sizes.iter().filter(|size| size.2).count(),
    }
}
