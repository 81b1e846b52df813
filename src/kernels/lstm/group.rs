//! The samples that one thread works on, and the products of their rows.

use pulp::{Simd, WithSimd};

use super::product::Product;
use crate::kernels::lstm::shape::{LstmShape, Masks, Weights};

/// Samples that one thread works on.
#[derive(Clone, Copy)]
pub struct Group<'a> {
    pub shape: LstmShape,
    pub weights: Weights<'a>,
    pub masks: &'a Masks,
    /// The first sample's place in the batch.
    pub first: usize,
    pub backwards: bool,
}

impl Group<'_> {
    /// The time step that comes at place `index`.
    pub fn step(&self, index: usize) -> usize {
        match self.backwards {
            true => self.shape.steps - 1 - index,
            false => index,
        }
    }

    /// A sample's mask for a gate.
    #[inline(always)]
    pub fn mask<'m>(
        &self,
        masks: &'m [f32],
        width: usize,
        sample: usize,
        gate: usize,
    ) -> &'m [f32] {
        let at = ((self.first + sample) * 4 + gate) * width;
        &masks[at..at + width]
    }

    /// `z += (rows * mask of each gate) matrix`, for `places` rows of every sample; `rows` are `[places,
    /// batch, width]`, `z` `[places, batch, 4 units]`.
    #[inline(always)]
    pub fn project<S: Simd>(
        &self,
        simd: S,
        rows: &[f32],
        masks: &[f32],
        matrix: &[f32],
        z: &mut [f32],
    ) {
        let units = self.shape.units;
        let width = matrix.len() / (4 * units);
        let count = z.len() / (4 * units);
        if masks.is_empty() {
            Product {
                sizes: [count, width, 4 * units],
                a: rows,
                a_steps: [width, 1],
                b: matrix,
                b_step: 4 * units,
                c: z,
                c_step: 4 * units,
                add: true,
            }
            .with_simd(simd);
            return;
        }
        let mut masked = vec![0.0; rows.len()];
        for gate in 0..4 {
            self.apply(rows, masks, width, gate, &mut masked);
            Product {
                sizes: [count, width, units],
                a: &masked,
                a_steps: [width, 1],
                b: &matrix[gate * units..],
                b_step: 4 * units,
                c: &mut z[gate * units..],
                c_step: 4 * units,
                add: true,
            }
            .with_simd(simd);
        }
    }

    /// `out = rows * mask of a gate`.
    #[inline(always)]
    pub fn apply(&self, rows: &[f32], masks: &[f32], width: usize, gate: usize, out: &mut [f32]) {
        let batch = self.shape.batch;
        let pairs = rows.chunks_exact(width).zip(out.chunks_exact_mut(width));
        for (place, (row, out)) in pairs.enumerate() {
            let mask = self.mask(masks, width, place % batch, gate);
            for ((out, x), mask) in out.iter_mut().zip(row).zip(mask) {
                *out = x * mask;
            }
        }
    }

    /// `grad += (dz turned) * mask`: the gradient of the rows that [`project`](Self::project) took.
    #[inline(always)]
    pub fn project_back<S: Simd>(
        &self,
        simd: S,
        dz: &[f32],
        masks: &[f32],
        turned: &[f32],
        grad: &mut [f32],
    ) {
        let units = self.shape.units;
        let width = turned.len() / (4 * units);
        let count = dz.len() / (4 * units);
        if masks.is_empty() {
            Product {
                sizes: [count, 4 * units, width],
                a: dz,
                a_steps: [4 * units, 1],
                b: turned,
                b_step: width,
                c: grad,
                c_step: width,
                add: true,
            }
            .with_simd(simd);
            return;
        }
        let batch = self.shape.batch;
        let mut part = vec![0.0; grad.len()];
        for gate in 0..4 {
            Product {
                sizes: [count, units, width],
                a: &dz[gate * units..],
                a_steps: [4 * units, 1],
                b: &turned[gate * units * width..],
                b_step: width,
                c: &mut part,
                c_step: width,
                add: false,
            }
            .with_simd(simd);
            let pairs = grad.chunks_exact_mut(width).zip(part.chunks_exact(width));
            for (place, (grad, part)) in pairs.enumerate() {
                let mask = self.mask(masks, width, place % batch, gate);
                for ((grad, part), mask) in grad.iter_mut().zip(part).zip(mask) {
                    *grad += part * mask;
                }
            }
        }
    }

    /// `(rows * mask)' dz`: the gradient of a matrix.
    #[inline(always)]
    pub fn matrix_grad<S: Simd>(
        &self,
        simd: S,
        rows: &[f32],
        masks: &[f32],
        width: usize,
        dz: &[f32],
    ) -> Vec<f32> {
        let units = self.shape.units;
        let count = dz.len() / (4 * units);
        let mut grad = vec![0.0; width * 4 * units];
        if count == 0 {
            return grad; // of the recurrent weights, where there is one step only
        }
        if masks.is_empty() {
            Product {
                sizes: [width, count, 4 * units],
                a: rows,
                a_steps: [1, width],
                b: dz,
                b_step: 4 * units,
                c: &mut grad,
                c_step: 4 * units,
                add: false,
            }
            .with_simd(simd);
            return grad;
        }
        let mut masked = vec![0.0; rows.len()];
        for gate in 0..4 {
            self.apply(rows, masks, width, gate, &mut masked);
            Product {
                sizes: [width, count, units],
                a: &masked,
                a_steps: [1, width],
                b: &dz[gate * units..],
                b_step: 4 * units,
                c: &mut grad[gate * units..],
                c_step: 4 * units,
                add: false,
            }
            .with_simd(simd);
        }
        grad
    }

    /// `[batch, steps, width]` to `[places, batch, width]`, in the order in which the steps come.
    #[inline(always)]
    pub fn by_place(&self, rows: &[f32], width: usize) -> Vec<f32> {
        let LstmShape { batch, steps, .. } = self.shape;
        let mut out = vec![0.0; rows.len()];
        for (index, out) in out.chunks_exact_mut((batch * width).max(1)).enumerate() {
            for (sample, out) in out.chunks_exact_mut(width).enumerate() {
                let at = (sample * steps + self.step(index)) * width;
                out.copy_from_slice(&rows[at..at + width]);
            }
        }
        out
    }

    /// The way back, from `[places, batch, width]`.
    #[inline(always)]
    pub fn by_sample(&self, places: &[f32], width: usize, out: &mut [f32]) {
        let LstmShape { batch, steps, .. } = self.shape;
        for (index, row) in places.chunks_exact((batch * width).max(1)).enumerate() {
            for (sample, row) in row.chunks_exact(width).enumerate() {
                let at = (sample * steps + self.step(index)) * width;
                out[at..at + width].copy_from_slice(row);
            }
        }
    }
}

/// `to += part`.
pub fn add(to: &mut [f32], part: &[f32]) {
    to.iter_mut().zip(part).for_each(|(to, part)| *to += part);
}
