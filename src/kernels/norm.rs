//! Batch normalisation on the CPU, on plain slices: rows of channels (`[.., channels]`), each
//! channel scaled by its mean and variance over all rows.
//!
//! Sums run over fixed parts of the rows, in blocks whose totals are kept in 64 bits: the bits do
//! not depend on the number of threads.

use rayon::prelude::*;

/// Parts of the rows.
const PARTS: usize = 32;

/// Rows that are added up in 32 bits.
const BLOCK: usize = 128;

/// What a batch says of each channel.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    /// `[channels]`
    pub mean: Vec<f32>,
    /// `[channels]`: divided by the number of rows.
    pub variance: Vec<f32>,
}

/// Sums over all rows; `add` adds one row to `K` sums of each channel.
fn sums<const K: usize>(
    rows: usize,
    channels: usize,
    add: impl Fn(usize, &mut [Vec<f32>; K]) + Sync,
) -> [Vec<f64>; K] {
    let parts: Vec<[Vec<f64>; K]> = (0..PARTS)
        .into_par_iter()
        .map(|part| {
            let range = part * rows / PARTS..(part + 1) * rows / PARTS;
            let mut totals: [Vec<f64>; K] = std::array::from_fn(|_| vec![0.0; channels]);
            let mut block: [Vec<f32>; K] = std::array::from_fn(|_| vec![0.0; channels]);
            for begin in range.clone().step_by(BLOCK) {
                block.iter_mut().for_each(|sums| sums.fill(0.0));
                (begin..(begin + BLOCK).min(range.end)).for_each(|row| add(row, &mut block));
                for (totals, block) in totals.iter_mut().zip(&block) {
                    for (total, sum) in totals.iter_mut().zip(block) {
                        *total += f64::from(*sum);
                    }
                }
            }
            totals
        })
        .collect();
    let mut all: [Vec<f64>; K] = std::array::from_fn(|_| vec![0.0; channels]);
    for part in &parts {
        for (all, part) in all.iter_mut().zip(part) {
            for (all, part) in all.iter_mut().zip(part) {
                *all += part;
            }
        }
    }
    all
}

/// Mean and variance of each channel.
pub fn moments(input: &[f32], channels: usize) -> Moments {
    let rows = input.len() / channels.max(1);
    let count = rows.max(1) as f64;
    let [totals] = sums(rows, channels, |row, [sums]| {
        for (sum, x) in sums.iter_mut().zip(&input[row * channels..]) {
            *sum += x;
        }
    });
    let mean: Vec<f32> = totals.iter().map(|total| (total / count) as f32).collect();
    let [totals] = sums(rows, channels, |row, [sums]| {
        for ((sum, x), mean) in sums.iter_mut().zip(&input[row * channels..]).zip(&mean) {
            *sum += (x - mean) * (x - mean);
        }
    });
    let variance = totals.iter().map(|total| (total / count) as f32).collect();
    Moments { mean, variance }
}

/// `gamma (x - mean) / sqrt(variance + epsilon) + beta`
pub fn normalise(
    input: &[f32],
    moments: &Moments,
    gamma: &[f32],
    beta: &[f32],
    epsilon: f32,
) -> Vec<f32> {
    let channels = gamma.len();
    let scales: Vec<f32> = scales(moments, epsilon);
    let scales: Vec<f32> = scales.iter().zip(gamma).map(|(s, g)| s * g).collect();
    let mut out = vec![0.0; input.len()];
    let len = (channels * BLOCK).max(1);
    out.par_chunks_mut(len)
        .zip(input.par_chunks(len))
        .for_each(|(out, input)| {
            let rows = out.chunks_exact_mut(channels);
            for (out, input) in rows.zip(input.chunks_exact(channels)) {
                for channel in 0..channels {
                    let centred = input[channel] - moments.mean[channel];
                    out[channel] = centred * scales[channel] + beta[channel];
                }
            }
        });
    out
}

fn scales(moments: &Moments, epsilon: f32) -> Vec<f32> {
    let variances = moments.variance.iter();
    variances.map(|v| 1.0 / (v + epsilon).sqrt()).collect()
}

/// Gradients of a normalisation.
pub struct NormGrad {
    /// As the input.
    pub input: Vec<f32>,
    /// `[channels]`
    pub gamma: Vec<f32>,
    /// `[channels]`
    pub beta: Vec<f32>,
}

/// `grad` is the gradient of the output; `own` says whether the moments are the batch's, so that
/// the gradient passes through them too.
pub fn gradients(
    input: &[f32],
    moments: &Moments,
    gamma: &[f32],
    epsilon: f32,
    grad: &[f32],
    own: bool,
) -> NormGrad {
    let channels = gamma.len();
    let rows = input.len() / channels.max(1);
    let scales = scales(moments, epsilon);
    let mean = &moments.mean;
    let [beta, centred] = sums(rows, channels, |row, [beta, centred]| {
        let at = row * channels;
        let (x, grad) = (&input[at..at + channels], &grad[at..at + channels]);
        for channel in 0..channels {
            beta[channel] += grad[channel];
            centred[channel] += grad[channel] * (x[channel] - mean[channel]);
        }
    });
    let count = rows.max(1) as f64;
    let through = if own { 1.0 / count } else { 0.0 };
    let beta_mean: Vec<f32> = beta.iter().map(|sum| (sum * through) as f32).collect();
    let pairs = centred.iter().zip(&scales);
    let gamma_grad: Vec<f32> = pairs.map(|(sum, s)| (sum * f64::from(*s)) as f32).collect();
    let slopes: Vec<f32> = gamma_grad
        .iter()
        .zip(&scales)
        .map(|(sum, scale)| sum * through as f32 * scale)
        .collect();
    let mut out = vec![0.0; input.len()];
    let len = (channels * BLOCK).max(1);
    out.par_chunks_mut(len)
        .zip(input.par_chunks(len))
        .zip(grad.par_chunks(len))
        .for_each(|((out, input), grad)| {
            let rows = out.chunks_exact_mut(channels);
            let rows = rows.zip(input.chunks_exact(channels));
            for ((out, x), grad) in rows.zip(grad.chunks_exact(channels)) {
                for channel in 0..channels {
                    let along = (x[channel] - mean[channel]) * slopes[channel];
                    let rest = grad[channel] - beta_mean[channel] - along;
                    out[channel] = gamma[channel] * scales[channel] * rest;
                }
            }
        });
    NormGrad {
        input: out,
        gamma: gamma_grad,
        beta: beta.iter().map(|&sum| sum as f32).collect(),
    }
}
