//! Mean and variance of each channel.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::sums::{parts_of, vectors};
use crate::device::simd::{arch, load, prefetch, store};

/// The batch statistics of each channel.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    /// `[channels]`
    pub mean: Vec<f32>,
    /// `[channels]`: divided by the number of rows.
    pub variance: Vec<f32>,
}

/// Mean and variance of each channel. The rows come once from memory: a block's distances from its own mean are
/// summed while it is in the cache.
pub fn moments(input: &[f32], channels: usize) -> Moments {
    let rows = input.len() / channels.max(1);
    let part = |blocks: &mut dyn Iterator<Item = Range<usize>>| {
        let mut part = Spread::none(channels);
        let [mut mean, mut squares] = [vec![0.0f32; channels], vec![0.0f32; channels]];
        for rows in blocks {
            arch().dispatch(Block {
                input: &input[rows.start * channels..rows.end * channels],
                mean: &mut mean,
                squares: &mut squares,
            });
            let pairs = mean.iter().zip(&squares);
            let pairs = pairs.map(|(&mean, &squares)| (f64::from(mean), f64::from(squares)));
            part.merge(rows.len() as f64, pairs);
        }
        part
    };
    let parts: Vec<Spread> = parts_of(rows).map(|mut blocks| part(&mut blocks)).collect();
    let mut all = Spread::none(channels);
    for part in &parts {
        let pairs = part.mean.iter().zip(&part.squares);
        all.merge(part.count, pairs.map(|(&mean, &squares)| (mean, squares)));
    }
    let count = rows.max(1) as f64;
    Moments {
        mean: all.mean.iter().map(|&mean| mean as f32).collect(),
        variance: all.squares.iter().map(|s| (s / count) as f32).collect(),
    }
}

/// Count, mean and sum of squared distances from the mean, of each channel of some rows.
struct Spread {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Spread {
    fn none(channels: usize) -> Spread {
        Spread {
            count: 0.0,
            mean: vec![0.0; channels],
            squares: vec![0.0; channels],
        }
    }

    /// Takes other rows in (Chan, Golub and LeVeque, 1979).
    fn merge(&mut self, count: f64, others: impl Iterator<Item = (f64, f64)>) {
        if count == 0.0 {
            return;
        }
        let all = self.count + count;
        let own = self.mean.iter_mut().zip(&mut self.squares);
        for ((mean, squares), (other, more)) in own.zip(others) {
            let apart = other - *mean;
            *mean += apart * count / all;
            *squares += more + apart * apart * self.count * count / all;
        }
        self.count = all;
    }
}

/// Some rows: their means and their squared distances from them.
struct Block<'a> {
    input: &'a [f32],
    mean: &'a mut [f32],
    squares: &'a mut [f32],
}

impl WithSimd for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.mean.len();
        let zero = simd.splat_f32s(0.0);
        let share = simd.splat_f32s(1.0 / (self.input.len() / channels) as f32);
        for at in vectors::<S>(channels) {
            // Distances from the first row: a mean far from 0 would take the sum's last digits.
            let first = load::<S>(simd, &self.input[at.clone()]);
            let mut sum = zero;
            for row in self.input.chunks_exact(channels) {
                prefetch(row, at.start + self.input.len());
                let apart = simd.sub_f32s(load::<S>(simd, &row[at.clone()]), first);
                sum = simd.add_f32s(sum, apart);
            }
            let mean = simd.mul_add_e_f32s(sum, share, first);
            let mut sum = zero;
            for row in self.input.chunks_exact(channels) {
                let apart = simd.sub_f32s(load::<S>(simd, &row[at.clone()]), mean);
                sum = simd.mul_add_e_f32s(apart, apart, sum);
            }
            store::<S>(simd, &mut self.mean[at.clone()], mean);
            store::<S>(simd, &mut self.squares[at], sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nor does one row that is far from the others.
    #[test]
    fn a_mean_far_from_zero_takes_no_digit_from_the_variance() {
        let (rows, channels) = (5000, 3);
        let value = |row: usize, channel: usize| match channel {
            0 => 4096.0 + (row * 37 % 101) as f32 / 64.0,
            1 => f32::from(row == 0),
            _ => 0.25,
        };
        let values = (0..rows).flat_map(|row| (0..channels).map(move |c| value(row, c)));
        let found = moments(&values.collect::<Vec<f32>>(), channels);
        for channel in 0..channels {
            let values: Vec<f64> = (0..rows)
                .map(|row| f64::from(value(row, channel)))
                .collect();
            let mean = values.iter().sum::<f64>() / rows as f64;
            let squares = values.iter().map(|x| (x - mean) * (x - mean));
            let variance = squares.sum::<f64>() / rows as f64;
            let (found_mean, found) = (found.mean[channel], found.variance[channel]);
            let apart = |found: f32, exact: f64| (f64::from(found) - exact).abs();
            assert!(
                apart(found_mean, mean) <= 1e-7 * mean,
                "{found_mean}, {mean}"
            );
            assert!(
                apart(found, variance) <= 2e-6 * variance,
                "{found}, {variance}"
            );
        }
    }

    #[test]
    fn no_row_has_no_moments() {
        let found = moments(&[], 2);
        assert_eq!((found.mean, found.variance), (vec![0.0; 2], vec![0.0; 2]));
    }
}
