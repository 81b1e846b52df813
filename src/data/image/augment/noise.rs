//! Noise: a normal deviate for every value.

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Deserialize;

use super::change::Noise;
use super::operation::Augment;
use super::{Change, Frame};
use crate::data::core::random::{Purpose, Rng};

/// Normally distributed noise on every value, its standard deviation random, up to this many grey
/// levels.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct GaussianNoise(#[schemars(range(min = 0, max = 255))] f64);

impl Augment for GaussianNoise {
    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        change.noise = Some(Noise {
            deviation: rng.range(0.0, self.0) as f32,
            seed: rng.next_u64(),
        });
    }
}

/// Bits that pick a deviate from the table; five picks come from one random word.
const BITS: usize = 12;

/// A random word holds 64 bits.
const PICKS: usize = 64 / BITS;

/// Deviates with mean 0 and variance 1: drawn once, each with its opposite, and picked from ever
/// after. To draw 67,500 of them anew would take longer than everything else that is done to a sample.
fn deviates() -> &'static [f32] {
    static TABLE: OnceLock<Vec<f32>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut rng = Rng::new(0, Purpose::Augment, &[]);
        let half: Vec<f64> = (0..1 << (BITS - 1)).map(|_| rng.normal()).collect();
        let variance = half.iter().map(|x| x * x).sum::<f64>() / half.len() as f64;
        let unit = half.iter().map(|x| (x / variance.sqrt()) as f32);
        unit.flat_map(|x| [x, -x]).collect()
    })
}

impl Noise {
    /// Adds the noise of row `row`.
    #[inline(always)]
    pub fn add(&self, row: usize, levels: &mut [f32]) {
        let table = deviates();
        let mut rng = Rng::new(self.seed, Purpose::Augment, &[row as u64]);
        for chunk in levels.chunks_mut(PICKS) {
            let mut bits = rng.next_u64();
            for level in chunk {
                *level += self.deviation * table[bits as usize % (1 << BITS)];
                bits >>= BITS;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_the_deviation_asked_for_and_no_mean() {
        let noise = Noise {
            deviation: 10.0,
            seed: 1,
        };
        let mut levels = vec![0f32; 100_000];
        noise.add(3, &mut levels);
        let mean = levels.iter().sum::<f32>() / 1e5;
        let square = levels.iter().map(|x| x * x).sum::<f32>() / 1e5;
        assert!(mean.abs() < 0.2, "mean {mean}");
        assert!(
            (square.sqrt() - 10.0).abs() < 0.2,
            "deviation {}",
            square.sqrt()
        );
        let mut other = vec![0f32; 100];
        noise.add(4, &mut other);
        assert_ne!(other, levels[..100], "each row has its own");
    }
}
