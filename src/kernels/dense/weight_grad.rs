//! `dW = x' dy`, a few rows at a time: they are handed on while they lie in the first cache, to be
//! stored, or to an optimizer that needs no stored gradient.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::shape::DenseShape;
use crate::device::simd::{arch, store};
use crate::kernels::scratch::with_scratch;

/// Rows of the gradient (features) that are made at a time.
const ROWS: usize = 12;

/// Rows of one piece of work.
pub const PART_ROWS: usize = 2 * ROWS;

/// Overwrites `out`, `[features, units]`.
pub fn weight_grad(shape: &DenseShape, input: &[f32], grad: &[f32], out: &mut [f32]) {
    out.par_chunks_mut((ROWS * shape.units).max(1))
        .enumerate()
        .for_each(|(index, out)| {
            arch().dispatch(Rows {
                shape,
                input,
                grad,
                first: index * ROWS,
                out,
            });
        });
}

/// Makes the gradient a few rows at a time. `parts` belong to [`PART_ROWS`] rows each; `take` gets
/// a part, where in it the rows begin (a number of values), and the rows.
pub fn for_each_rows<T: Send>(
    shape: &DenseShape,
    input: &[f32],
    grad: &[f32],
    parts: impl IndexedParallelIterator<Item = T>,
    take: impl Fn(&mut T, usize, &[f32]) + Sync,
) {
    parts.enumerate().for_each(|(index, mut part)| {
        let begin = index * PART_ROWS;
        let end = (begin + PART_ROWS).min(shape.features);
        with_scratch(ROWS * shape.units, |out| {
            for first in (begin..end).step_by(ROWS) {
                let rows = ROWS.min(end - first);
                let out = &mut out[..rows * shape.units];
                arch().dispatch(Rows {
                    shape,
                    input,
                    grad,
                    first,
                    out,
                });
                take(&mut part, (first - begin) * shape.units, out);
            }
        });
    });
}

/// Some rows of the gradient of the weights.
struct Rows<'a> {
    shape: &'a DenseShape,
    /// `[batch][features]`
    input: &'a [f32],
    /// `[batch][units]`
    grad: &'a [f32],
    /// The first row: a feature.
    first: usize,
    /// `[rows][units]`
    out: &'a mut [f32],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let units = self.shape.units;
        let rows = self.out.len() / units;
        let mut unit = 0;
        while unit < units {
            let wide = units - unit >= 2 * S::F32_LANES;
            let most = if S::REGISTER_COUNT >= 32 { 12 } else { 4 };
            let mut row = 0;
            while row < rows {
                let many = rows - row >= most;
                match (many, wide, most) {
                    (true, true, 12) => self.tile::<S, 12, 2>(simd, row, unit),
                    (true, true, _) => self.tile::<S, 4, 2>(simd, row, unit),
                    (true, false, 12) => self.tile::<S, 12, 1>(simd, row, unit),
                    (true, false, _) => self.tile::<S, 4, 1>(simd, row, unit),
                    (false, true, _) => self.tile::<S, 1, 2>(simd, row, unit),
                    (false, false, _) => self.tile::<S, 1, 1>(simd, row, unit),
                }
                row += if many { most } else { 1 };
            }
            unit += if wide { 2 * S::F32_LANES } else { S::F32_LANES };
        }
    }
}

impl Rows<'_> {
    /// `N` rows, `V` vectors of units (with `V = 1` perhaps not a whole one).
    #[inline(always)]
    fn tile<S: Simd, const N: usize, const V: usize>(&mut self, simd: S, row: usize, unit: usize) {
        let DenseShape {
            features, units, ..
        } = *self.shape;
        let lanes = S::F32_LANES;
        let wide = lanes.min(units - unit);
        let mut sums = [[simd.splat_f32s(0.0); V]; N];
        let samples = self.input.chunks_exact(features);
        for (input, grad) in samples.zip(self.grad.chunks_exact(units)) {
            let mut grads = [simd.splat_f32s(0.0); V];
            if wide == lanes {
                let (vectors, _) = S::as_simd_f32s(&grad[unit..unit + V * lanes]);
                grads.copy_from_slice(vectors);
            } else {
                grads[0] = simd.partial_load_f32s(&grad[unit..unit + wide]);
            }
            let from = self.first + row;
            let values: &[f32; N] = input[from..from + N].as_array().expect("N long");
            for (sums, value) in sums.iter_mut().zip(values) {
                let value = simd.splat_f32s(*value);
                for (sum, grad) in sums.iter_mut().zip(&grads) {
                    *sum = simd.mul_add_e_f32s(value, *grad, *sum);
                }
            }
        }
        for (n, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                let at = (row + n) * units + unit + v * lanes;
                store::<S>(simd, &mut self.out[at..at + wide], *sum);
            }
        }
    }
}
