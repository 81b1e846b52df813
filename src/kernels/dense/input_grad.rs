//! `dx = dy W'`: samples lie across the lanes, so that the weights are read as they are stored.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::shape::DenseShape;
use crate::config::Precision;
use crate::device::simd::{arch, num_lanes};
use crate::kernels::bf16::{Operands, is_native, pair, round_all, tile};
use crate::kernels::scratch::with_scratch;

/// Features that a task takes.
const FEATURES: usize = 48;

/// Samples of a block at most: two of the widest vectors.
const MAX_WIDE: usize = 32;

/// Overwrites `out`, `[batch, features]`; `grad` is `[batch, units]`.
pub fn input_grad(
    shape: &DenseShape,
    weight: &[f32],
    grad: &[f32],
    out: &mut [f32],
    precision: Precision,
) {
    let DenseShape {
        batch,
        features,
        units,
    } = *shape;
    if out.is_empty() {
        return;
    }
    let arch = arch();
    let wide = 2 * num_lanes(arch);
    let blocks = batch.div_ceil(wide);
    with_scratch(blocks * units * wide, |turned| {
        let pairs = match precision {
            Precision::F32 => {
                turn(grad, units, wide, turned);
                None
            }
            Precision::Bf16 => {
                turn_pairs(grad, units, wide, bytemuck::cast_slice_mut(turned));
                Some(is_native())
            }
        };
        // Tasks own some columns of the result: the rows are cut and dealt out.
        let tasks = features.div_ceil(FEATURES);
        let mut columns: Vec<Vec<&mut [f32]>> =
            (0..tasks).map(|_| Vec::with_capacity(batch)).collect();
        for row in out.chunks_exact_mut(features) {
            for (column, part) in columns.iter_mut().zip(row.chunks_mut(FEATURES)) {
                column.push(part);
            }
        }
        columns
            .into_par_iter()
            .zip(weight.par_chunks(FEATURES * units))
            .for_each(|(out, weight)| {
                let run = |weight: &[f32]| {
                    arch.dispatch(Columns {
                        units,
                        features: out[0].len(),
                        weight,
                        grad: turned,
                        pairs,
                        out,
                    });
                };
                if pairs.is_none() {
                    return run(weight);
                }
                with_scratch(FEATURES * units.div_ceil(2), |rounded| {
                    let halves: &mut [u16] = bytemuck::cast_slice_mut(rounded);
                    let rows = halves.chunks_exact_mut(units.next_multiple_of(2));
                    for (to, from) in rows.zip(weight.chunks_exact(units)) {
                        to[units..].fill(0);
                        round_all(from, to);
                    }
                    run(rounded);
                });
            });
    });
}

/// `[batch][units]` to `[block][unit][sample of the block]`, filled up with zeros.
fn turn(grad: &[f32], units: usize, wide: usize, turned: &mut [f32]) {
    turned
        .par_chunks_mut(units * wide)
        .zip(grad.par_chunks(units * wide))
        .for_each(|(turned, grad)| {
            turned.fill(0.0);
            for (sample, grads) in grad.chunks_exact(units).enumerate() {
                for (unit, &grad) in grads.iter().enumerate() {
                    turned[unit * wide + sample] = grad;
                }
            }
        });
}

/// The same for pairs of units, as bf16.
fn turn_pairs(grad: &[f32], units: usize, wide: usize, turned: &mut [u32]) {
    for (turned, grad) in turned
        .chunks_mut(units * wide)
        .zip(grad.chunks(units * wide))
    {
        turned.fill(0);
        for (sample, grads) in grad.chunks_exact(units).enumerate() {
            for (index, both) in grads.chunks(2).enumerate() {
                let second = both.get(1).copied().unwrap_or(0.0);
                turned[index * wide + sample] = pair(both[0], second);
            }
        }
    }
}

struct Columns<'a> {
    units: usize,
    features: usize,
    /// `[feature][unit]`, or bf16 with rows filled up to whole pairs.
    weight: &'a [f32],
    /// `[block][unit or pair of units][sample of the block]`
    grad: &'a [f32],
    /// Where `grad` holds pairs of bf16: whether the CPU multiplies them.
    pairs: Option<bool>,
    /// Of each sample the features.
    out: Vec<&'a mut [f32]>,
}

impl WithSimd for Columns<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let features = self.features;
        let wide = 2 * S::F32_LANES;
        let most = if S::REGISTER_COUNT >= 32 { 12 } else { 4 };
        for block in 0..self.out.len().div_ceil(wide) {
            let mut feature = 0;
            while feature < features {
                let many = features - feature >= most;
                match (many, most) {
                    (true, 12) => self.tile::<S, 12>(simd, block, feature),
                    (true, _) => self.tile::<S, 4>(simd, block, feature),
                    (false, _) => self.tile::<S, 1>(simd, block, feature),
                }
                feature += if many { most } else { 1 };
            }
        }
    }
}

impl Columns<'_> {
    /// `N` features of one block of samples.
    #[inline(always)]
    fn tile<S: Simd, const N: usize>(&mut self, simd: S, block: usize, feature: usize) {
        let wide = 2 * S::F32_LANES;
        let sums = match self.pairs {
            None => self.sum::<S, N>(simd, block, feature),
            Some(native) => self.sum_pairs::<S, N>(simd, native, block, feature),
        };
        let first = block * wide;
        let count = wide.min(self.out.len() - first);
        let mut values = [[0.0f32; MAX_WIDE]; N];
        for (values, sum) in values.iter_mut().zip(&sums) {
            let (vectors, _) = S::as_mut_simd_f32s(&mut values[..wide]);
            vectors.copy_from_slice(sum);
        }
        for (sample, out) in self.out[first..first + count].iter_mut().enumerate() {
            let out: &mut [f32; N] = out[feature..feature + N].as_mut_array().expect("N long");
            for (out, values) in out.iter_mut().zip(&values) {
                *out = values[sample];
            }
        }
    }

    #[inline(always)]
    fn sum<S: Simd, const N: usize>(
        &self,
        simd: S,
        block: usize,
        feature: usize,
    ) -> [[S::f32s; 2]; N] {
        let wide = 2 * S::F32_LANES;
        let units = self.units;
        let mut weights: [&[f32]; N] = [&[]; N];
        for (n, weights) in weights.iter_mut().enumerate() {
            *weights = &self.weight[(feature + n) * units..][..units];
        }
        let grad = &self.grad[block * units * wide..][..units * wide];
        let (pairs, _) = S::as_simd_f32s(grad).0.as_chunks::<2>();
        let mut sums = [[simd.splat_f32s(0.0); 2]; N];
        for (unit, pair) in pairs.iter().enumerate() {
            for (sum, weights) in sums.iter_mut().zip(&weights) {
                // SAFETY: `unit < pairs.len() == units`, and every row of weights is that long.
                let weight = simd.splat_f32s(unsafe { *weights.get_unchecked(unit) });
                sum[0] = simd.mul_add_e_f32s(weight, pair[0], sum[0]);
                sum[1] = simd.mul_add_e_f32s(weight, pair[1], sum[1]);
            }
        }
        sums
    }

    #[inline(always)]
    fn sum_pairs<S: Simd, const N: usize>(
        &self,
        simd: S,
        native: bool,
        block: usize,
        feature: usize,
    ) -> [[S::f32s; 2]; N] {
        let wide = 2 * S::F32_LANES;
        let pairs = self.units.div_ceil(2);
        let grad = &self.grad[block * self.units * wide..][..pairs * wide];
        let mut at = [0; N];
        for (n, at) in at.iter_mut().enumerate() {
            *at = (feature + n) * 2 * pairs;
        }
        let operands = Operands {
            inputs: bytemuck::cast_slice(self.weight),
            at,
            segments: 1,
            stride: 0,
            pairs,
            weights: bytemuck::cast_slice(grad),
        };
        let mut sums = [[simd.splat_f32s(0.0); 2]; N];
        let values = bytemuck::cast_slice_mut(sums.as_flattened_mut());
        tile::<S, N>(simd, native, &operands, values);
        sums
    }
}
