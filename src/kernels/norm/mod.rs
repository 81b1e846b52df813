//! Batch normalisation on the CPU, on plain slices: rows of channels (`[.., channels]`), each channel scaled by its
//! mean and variance over all rows; a ReLU and 2 x 2 max pooling may follow in the same pass.
//!
//! Sums run over fixed parts of the rows, in blocks whose totals are kept in 64 bits: the bits do
//! not depend on the number of threads. The backward passes work out again which outputs a ReLU shut and which pixel
//! of a cell was the largest: that costs less than to keep it.

mod moments;
mod pooled;
mod rows;

use std::ops::Range;

use pulp::Simd;
use rayon::prelude::*;

pub use moments::{Moments, moments};
pub use pooled::{normalise_and_pool, pooled_gradients};
pub use rows::{gradients, normalise};

use crate::device::simd::load;

/// Parts of the rows.
const PARTS: usize = 32;

/// Rows that are added up in 32 bits.
const BLOCK: usize = 128;

/// Blocks of the rows of each part, in order.
fn parts_of(
    rows: usize,
) -> impl IndexedParallelIterator<Item = impl Iterator<Item = Range<usize>>> {
    (0..PARTS).into_par_iter().map(move |part| {
        let range = part * rows / PARTS..(part + 1) * rows / PARTS;
        let end = range.end;
        let blocks = range.step_by(BLOCK);
        blocks.map(move |begin| begin..(begin + BLOCK).min(end))
    })
}

/// The channels of each vector. To be looped over: the body of a closure may stay a function of its own, and then it
/// is compiled without the vectors' instructions.
#[inline(always)]
fn vectors<S: Simd>(channels: usize) -> impl Iterator<Item = Range<usize>> {
    let firsts = (0..channels).step_by(S::F32_LANES);
    firsts.map(move |first| first..(first + S::F32_LANES).min(channels))
}

/// Two sums of each channel over all rows; `add` makes those of a block.
fn sums(
    rows: usize,
    channels: usize,
    add: impl Fn(Range<usize>, [&mut [f32]; 2]) + Sync,
) -> [Vec<f64>; 2] {
    let part = |blocks: &mut dyn Iterator<Item = Range<usize>>| {
        let mut totals = [vec![0.0f64; channels], vec![0.0f64; channels]];
        let mut block = [vec![0.0f32; channels], vec![0.0f32; channels]];
        for rows in blocks {
            add(rows, block.each_mut().map(|sums| &mut sums[..]));
            for (totals, block) in totals.iter_mut().zip(&block) {
                for (total, sum) in totals.iter_mut().zip(block) {
                    *total += f64::from(*sum);
                }
            }
        }
        totals
    };
    let parts: Vec<[Vec<f64>; 2]> = parts_of(rows).map(|mut blocks| part(&mut blocks)).collect();
    let mut all = [vec![0.0f64; channels], vec![0.0f64; channels]];
    for part in &parts {
        for (all, part) in all.iter_mut().zip(part) {
            for (all, part) in all.iter_mut().zip(part) {
                *all += part;
            }
        }
    }
    all
}

/// What is done to the values of each channel: `(x - mean) * scale + beta`.
pub struct Affine<'a> {
    mean: &'a [f32],
    /// `gamma / sqrt(variance + epsilon)`
    scale: Vec<f32>,
    /// `1 / sqrt(variance + epsilon)`
    shrink: Vec<f32>,
    beta: &'a [f32],
}

impl<'a> Affine<'a> {
    /// By these moments.
    pub fn new(moments: &'a Moments, gamma: &[f32], beta: &'a [f32], epsilon: f32) -> Affine<'a> {
        let variances = moments.variance.iter();
        let shrink: Vec<f32> = variances.map(|v| 1.0 / (v + epsilon).sqrt()).collect();
        Affine {
            mean: &moments.mean,
            scale: shrink.iter().zip(gamma).map(|(s, g)| s * g).collect(),
            shrink,
            beta,
        }
    }

    fn channels(&self) -> usize {
        self.scale.len()
    }

    /// A vector of channels.
    #[inline(always)]
    fn vector<S: Simd>(&self, simd: S, at: Range<usize>) -> AffineVector<S> {
        AffineVector {
            mean: load::<S>(simd, &self.mean[at.clone()]),
            scale: load::<S>(simd, &self.scale[at.clone()]),
            beta: load::<S>(simd, &self.beta[at]),
        }
    }
}

/// An [`Affine`] of one vector of channels.
#[derive(Clone, Copy)]
struct AffineVector<S: Simd> {
    mean: S::f32s,
    scale: S::f32s,
    beta: S::f32s,
}

impl<S: Simd> AffineVector<S> {
    #[inline(always)]
    fn centred(&self, simd: S, x: S::f32s) -> S::f32s {
        simd.sub_f32s(x, self.mean)
    }

    #[inline(always)]
    fn of(&self, simd: S, x: S::f32s) -> S::f32s {
        simd.mul_add_e_f32s(self.centred(simd, x), self.scale, self.beta)
    }
}

/// Where a ReLU is shut: `value` there is 0. Not for what is not a number, so that it stays visible.
#[inline(always)]
fn open<S: Simd>(simd: S, y: S::f32s, value: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    simd.select_f32s(simd.less_than_or_equal_f32s(y, zero), zero, value)
}

/// Gradients of gamma and beta, and what the gradient of the input needs of them.
pub struct NormSums {
    /// `[channels]`
    pub gamma: Vec<f32>,
    /// `[channels]`
    pub beta: Vec<f32>,
    /// The mean gradient, 0 where the moments are given.
    mean: Vec<f32>,
    /// By how much it changes with the distance from the mean.
    slope: Vec<f32>,
}

impl NormSums {
    fn new(
        [beta, centred]: [Vec<f64>; 2],
        rows: usize,
        affine: &Affine<'_>,
        own: bool,
    ) -> NormSums {
        let through = if own { 1.0 / rows.max(1) as f64 } else { 0.0 };
        let pairs = centred.iter().zip(&affine.shrink);
        let gamma: Vec<f32> = pairs.map(|(sum, s)| (sum * f64::from(*s)) as f32).collect();
        let slopes = gamma.iter().zip(&affine.shrink);
        NormSums {
            mean: beta.iter().map(|sum| (sum * through) as f32).collect(),
            slope: slopes.map(|(sum, s)| sum * through as f32 * s).collect(),
            beta: beta.iter().map(|&sum| sum as f32).collect(),
            gamma,
        }
    }

    /// A vector of channels.
    #[inline(always)]
    fn vector<S: Simd>(&self, simd: S, affine: AffineVector<S>, at: Range<usize>) -> Through<S> {
        Through {
            affine,
            mean: load::<S>(simd, &self.mean[at.clone()]),
            slope: load::<S>(simd, &self.slope[at]),
        }
    }
}

/// What makes gradients of outputs into those of inputs, for one vector of channels.
#[derive(Clone, Copy)]
struct Through<S: Simd> {
    affine: AffineVector<S>,
    mean: S::f32s,
    slope: S::f32s,
}

impl<S: Simd> Through<S> {
    /// `scale (grad - mean - slope (x - its mean))`
    #[inline(always)]
    fn input(&self, simd: S, x: S::f32s, grad: S::f32s) -> S::f32s {
        let rest = simd.sub_f32s(grad, self.mean);
        let centred = self.affine.centred(simd, x);
        let rest = simd.negate_mul_add_e_f32s(centred, self.slope, rest);
        simd.mul_f32s(self.affine.scale, rest)
    }
}
