//! MixUp (Zhang and others, 2017) and CutMix (Yun and others, 2019): samples of a batch mixed in
//! pairs, with labels in the same shares.
//!
//! The samples of a batch are paired at random; of each pair both are mixed with each other, which
//! needs no copy of the batch. (The papers' programs mix each sample with another of a random order.)
//! Where the batch is odd, one sample stays alone. One share is drawn for the whole batch, from a
//! Beta distribution, as in the papers' programs.

use std::collections::BTreeMap;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::options::options;
use crate::config::{Fault, Path, read, schema_of};
use crate::data::core::batch::{HostBatch, HostTargets, Shape};
use crate::data::core::dataset::MixSamples;
use crate::data::core::random::{Purpose, Rng, hash_text};

/// Samples and labels are mixed in pairs: `share * one + (1 - share) * other`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mixup {
    /// The share is drawn from Beta(alpha, alpha): small values mix little.
    #[serde(default = "default_mixup")]
    #[schemars(range(min = 0.001, max = 1000))]
    alpha: f64,
}

/// A rectangle of each image is swapped with that of its partner, labels follow the areas.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cutmix {
    /// The share of the area that is kept is drawn from Beta(alpha, alpha).
    #[serde(default = "default_cutmix")]
    #[schemars(range(min = 0.001, max = 1000))]
    alpha: f64,
}

fn default_mixup() -> f64 {
    0.2
}

fn default_cutmix() -> f64 {
    1.0
}

/// What is done to batches; with both, one of the two for each batch, by a draw.
#[derive(Clone, Debug, Default)]
pub struct Mix {
    /// Mixes all values.
    pub mixup: Option<Mixup>,
    /// Swaps rectangles.
    pub cutmix: Option<Cutmix>,
    /// All draws follow from it.
    pub seed: u64,
}

impl Mix {
    /// The keys `mixup` and `cutmix`.
    ///
    /// # Errors
    /// Impossible values.
    pub fn read(
        table: &BTreeMap<String, Value>,
        seed: u64,
        path: &Path,
    ) -> Result<Mix, Vec<Fault>> {
        Ok(Mix {
            mixup: one(table, "mixup", path)?,
            cutmix: one(table, "cutmix", path)?,
            seed,
        })
    }

    /// Checks against the shape of the samples.
    ///
    /// # Errors
    /// Anything on what is no image: rows and texts are not mixed.
    pub fn check(&self, shape: Shape, path: &Path) -> Result<(), Vec<Fault>> {
        let fault = |key: &str, message| Err(vec![Fault::new(path.key(key), message).at_key()]);
        match shape {
            Shape::Image { .. } => Ok(()),
            _ if self.cutmix.is_some() => {
                fault("cutmix", "is for images, which the samples are not")
            }
            _ if self.mixup.is_some() => fault("mixup", "is for images, which the samples are not"),
            _ => Ok(()),
        }
    }

    /// Whether nothing is to be mixed.
    pub fn is_empty(&self) -> bool {
        self.mixup.is_none() && self.cutmix.is_none()
    }
}

/// The options of one key; `true` stands for the defaults.
fn one<T: JsonSchema + DeserializeOwned>(
    table: &BTreeMap<String, Value>,
    key: &str,
    path: &Path,
) -> Result<Option<T>, Vec<Fault>> {
    let Some(value) = table.get(key) else {
        return Ok(None);
    };
    let options = options(value, &schema_of::<T>());
    read(options, &path.key(key)).map(Some)
}

impl MixSamples for Mix {
    fn apply(&self, batch: &mut HostBatch, shape: Shape, num_classes: usize, epoch: u64) {
        let name = batch.ids.iter().fold(hash_text("mix"), |name, &id| {
            name.rotate_left(5) ^ hash_text("id").wrapping_mul(u64::from(id) + 1)
        });
        let mut rng = Rng::new(self.seed, Purpose::Augment, &[epoch, name]);
        let cut = match (&self.mixup, &self.cutmix) {
            (Some(_), Some(_)) => rng.uniform() < 0.5,
            (None, Some(_)) => true,
            (Some(_), None) => false,
            (None, None) => return,
        };
        let alpha = match cut {
            true => self.cutmix.as_ref().map(|cutmix| cutmix.alpha),
            false => self.mixup.as_ref().map(|mixup| mixup.alpha),
        };
        let share = beta(&mut rng, alpha.unwrap_or(1.0));
        let mut order: Vec<usize> = (0..batch.ids.len()).collect();
        rng.shuffle(&mut order);
        let share = match (cut, shape) {
            (
                true,
                Shape::Image {
                    height,
                    width,
                    channels,
                },
            ) => {
                let cut = Cut::draw(&mut rng, share, height, width);
                let row = width * channels;
                mix_pairs(&mut batch.input, shape, &order, |one, other| {
                    cut.swap(one, other, row, channels);
                });
                1.0 - cut.area() as f64 / (height * width) as f64
            }
            _ => {
                mix_pairs(&mut batch.input, shape, &order, |one, other| {
                    blend(one, other, share as f32);
                });
                share
            }
        };
        label(batch, &order, share as f32, num_classes);
    }
}

/// Calls `mix` with the two samples of each pair.
fn mix_pairs(
    input: &mut [f32],
    shape: Shape,
    order: &[usize],
    mix: impl Fn(&mut [f32], &mut [f32]) + Sync,
) {
    let samples = input.chunks_exact_mut(shape.num_elements());
    let mut samples: Vec<Option<&mut [f32]>> = samples.map(Some).collect();
    let pairs: Vec<_> = order
        .chunks_exact(2)
        .filter_map(|pair| samples[pair[0]].take().zip(samples[pair[1]].take()))
        .collect();
    pairs
        .into_par_iter()
        .for_each(|(one, other)| mix(one, other));
}

fn blend(one: &mut [f32], other: &mut [f32], share: f32) {
    for (one, other) in one.iter_mut().zip(other) {
        let (a, b) = (*one, *other);
        *one = share * a + (1.0 - share) * b;
        *other = share * b + (1.0 - share) * a;
    }
}

/// Writes the shares of the classes, `[batch, classes]`.
fn label(batch: &mut HostBatch, order: &[usize], share: f32, num_classes: usize) {
    let own = batch.targets.classes().to_vec();
    let mut classes = own.clone();
    let mut shares = vec![0.0; own.len() * num_classes];
    for (sample, &class) in own.iter().enumerate() {
        shares[sample * num_classes + class as usize] = 1.0;
    }
    for pair in order.chunks_exact(2) {
        for (sample, partner) in [(pair[0], pair[1]), (pair[1], pair[0])] {
            let row = &mut shares[sample * num_classes..(sample + 1) * num_classes];
            row[own[sample] as usize] = share;
            row[own[partner] as usize] += 1.0 - share;
            if share < 0.5 {
                classes[sample] = own[partner];
            }
        }
    }
    batch.targets = HostTargets::Mixed { classes, shares };
}

/// A rectangle of pixels.
struct Cut {
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
}

impl Cut {
    /// A rectangle of the image's own ratio about a random pixel, cut off at the edges; without that
    /// its area would be `1 - share`.
    fn draw(rng: &mut Rng, share: f64, height: usize, width: usize) -> Cut {
        let side = (1.0 - share).sqrt();
        let mut range = |size: usize| {
            let half = (side * size as f64) as usize / 2;
            let centre = rng.below(size);
            centre.saturating_sub(half)..(centre + half).min(size)
        };
        Cut {
            rows: range(height),
            columns: range(width),
        }
    }

    fn area(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    fn swap(&self, one: &mut [f32], other: &mut [f32], row: usize, channels: usize) {
        for at in self.rows.clone().map(|index| index * row) {
            let values = at + self.columns.start * channels..at + self.columns.end * channels;
            one[values.clone()].swap_with_slice(&mut other[values]);
        }
    }
}

/// A draw from Beta(alpha, alpha).
fn beta(rng: &mut Rng, alpha: f64) -> f64 {
    let (a, b) = (gamma(rng, alpha), gamma(rng, alpha));
    // Both are 0 to the last bit where alpha is tiny: then either one or the other is kept whole.
    if a + b > 0.0 {
        a / (a + b)
    } else {
        (rng.uniform() < 0.5).into()
    }
}

/// A draw from Gamma(shape, 1), by Marsaglia and Tsang (2000).
fn gamma(rng: &mut Rng, shape: f64) -> f64 {
    if shape < 1.0 {
        return gamma(rng, shape + 1.0) * rng.uniform().powf(1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = rng.normal();
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && (1.0 - rng.uniform()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape::Image {
        height: 6,
        width: 8,
        channels: 1,
    };

    /// Sample i is even, of level i and class i % 3.
    fn batch(ids: std::ops::Range<u32>) -> HostBatch {
        let level = |id: u32| [id as f32; 48];
        HostBatch {
            input: ids.clone().flat_map(level).collect(),
            targets: HostTargets::Classes(ids.clone().map(|id| id % 3).collect()),
            ids: ids.collect(),
            ..HostBatch::default()
        }
    }

    fn mixed(mix: &Mix, epoch: u64) -> HostBatch {
        let mut batch = batch(0..5);
        mix.apply(&mut batch, SHAPE, 3, epoch);
        batch
    }

    fn soft(batch: &HostBatch) -> (&[u32], &[f32]) {
        match &batch.targets {
            HostTargets::Mixed { classes, shares } => (classes, shares),
            other => panic!("no soft labels: {other:?}"),
        }
    }

    fn mixup() -> Mix {
        Mix {
            mixup: Some(Mixup { alpha: 1.0 }),
            ..Mix::default()
        }
    }

    fn cutmix() -> Mix {
        Mix {
            cutmix: Some(Cutmix { alpha: 1.0 }),
            ..Mix::default()
        }
    }

    #[test]
    fn values_and_labels_are_mixed_in_the_same_shares() {
        for (mix, epoch) in [mixup(), cutmix()]
            .iter()
            .flat_map(|m| (0..20).map(move |e| (m, e)))
        {
            let batch = mixed(mix, epoch);
            let (classes, shares) = soft(&batch);
            for sample in 0..5 {
                let row = &shares[sample * 3..(sample + 1) * 3];
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{row:?}");
                let most = row.iter().copied().fold(0.0, f32::max);
                assert_eq!(row[classes[sample] as usize], most);
            }
            // What one of a pair gives the other gets: the sum of all stays.
            let sum: f32 = batch.input.iter().sum();
            assert!((sum - 480.0).abs() < 0.05, "{sum}");
        }
    }

    #[test]
    fn cutmix_keeps_whole_pixels_and_counts_them() {
        let batch = mixed(&cutmix(), 3);
        let (_, shares) = soft(&batch);
        for sample in 0..5 {
            let values = &batch.input[sample * 48..(sample + 1) * 48];
            let own = values
                .iter()
                .filter(|&&value| value == sample as f32)
                .count();
            let other = values.iter().find(|&&value| value != sample as f32);
            let partner = other.map_or(sample, |&value| value as usize);
            let mut expected = [0.0; 3];
            expected[sample % 3] += own as f32 / 48.0;
            expected[partner % 3] += 1.0 - own as f32 / 48.0;
            for (found, expected) in shares[sample * 3..].iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6, "{shares:?}");
            }
        }
    }

    #[test]
    fn the_draw_is_a_function_of_epoch_and_samples() {
        let both = Mix {
            cutmix: cutmix().cutmix,
            ..mixup()
        };
        assert_eq!(mixed(&both, 1).input, mixed(&both, 1).input);
        assert_ne!(mixed(&both, 1).input, mixed(&both, 2).input);
        let mut lone = batch(7..8);
        mixup().apply(&mut lone, SHAPE, 3, 0);
        assert_eq!(lone.input, [7.0; 48]);
        assert_eq!(soft(&lone).1, [0.0, 1.0, 0.0]);
    }

    #[test]
    fn beta_has_the_moments_of_the_beta_distribution() {
        let mut rng = Rng::new(1, Purpose::Augment, &[]);
        for alpha in [0.2, 1.0, 4.0] {
            let draws: Vec<f64> = (0..20_000).map(|_| beta(&mut rng, alpha)).collect();
            let mean = draws.iter().sum::<f64>() / 2e4;
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 2e4;
            let expected = 0.25 / (2.0 * alpha + 1.0);
            assert!((mean - 0.5).abs() < 0.01, "alpha {alpha}: mean {mean}");
            assert!(
                (variance - expected).abs() < 0.005,
                "alpha {alpha}: {variance}"
            );
        }
    }
}
