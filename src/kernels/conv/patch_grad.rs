//! The gradient of weights and bias where a filter has few weights (a net's first layer): the
//! windows under a few cells are laid out once as rows of whole vectors, and every filter adds the
//! row that its maximum lies in, without a list. A last 1 in each row sums the bias.
//!
//! Split over fixed parts of the batch's rows, whose sums are added in order.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::gradient::{WeightGrad, add_parts};
use super::pack::for_each_tap;
use super::shape::{ConvShape, SHUT};
use crate::device::simd::{arch, load, num_lanes, store};
use crate::kernels::scratch::{Aligned, with_scratch};

/// Vectors of a row at most.
const MAX_VECTORS: usize = 6;

/// Cells whose windows are laid out at a time.
const CELLS: usize = 32;

/// Rows for one cell: one a place in it, and one of zeros where the ReLU is shut.
const SLOTS: usize = SHUT as usize + 1;

/// Parts of the batch; fixed, so that the bits do not depend on the number of threads.
const PARTS: usize = 32;

/// Whether windows are small enough.
pub fn patches_fit(shape: &ConvShape) -> bool {
    let lanes = num_lanes(arch());
    let most = if shape.channels < lanes {
        MAX_VECTORS
    } else {
        4
    };
    shape.taps() < most * lanes
}

pub fn patch_grad(shape: &ConvShape, input: &[f32], grad: &[f32], places: &[u8]) -> WeightGrad {
    let arch = arch();
    let lanes = num_lanes(arch);
    let patch_len = (shape.taps() + 1).next_multiple_of(lanes);
    let sums_len = shape.filters * patch_len;
    let units = shape.batch * shape.out_size()[0];
    let mut sums = Aligned::zeros(PARTS * sums_len);
    if sums_len > 0 {
        sums.par_chunks_mut(sums_len)
            .enumerate()
            .for_each(|(part, sums)| {
                let rows = part * units / PARTS..(part + 1) * units / PARTS;
                with_scratch(CELLS * SLOTS * patch_len + lanes, |patches| {
                    arch.dispatch(Part {
                        shape,
                        input,
                        grad,
                        places,
                        rows,
                        patches,
                        sums,
                    });
                });
            });
    }
    add_parts(&mut sums, sums_len);
    let mut weight = vec![0.0; shape.filters * shape.taps()];
    for_each_tap(shape, |filter, tap, to| {
        weight[to] = sums[filter * patch_len + tap];
    });
    let filters = sums[..sums_len].chunks_exact(patch_len);
    let bias = filters.map(|sums| sums[shape.taps()]).collect();
    WeightGrad { weight, bias }
}

struct Part<'a> {
    shape: &'a ConvShape,
    input: &'a [f32],
    grad: &'a [f32],
    places: &'a [u8],
    /// Rows of outputs, counted through the batch.
    rows: std::ops::Range<usize>,
    /// `[cell][slot][patch_len]`, and room for one vector.
    patches: &'a mut [f32],
    /// `[filter][patch_len]`
    sums: &'a mut [f32],
}

impl WithSimd for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let [rows, columns] = self.shape.out_size();
        let vectors = (self.shape.taps() + 1).div_ceil(S::F32_LANES);
        for index in self.rows.clone() {
            for column in (0..columns).step_by(CELLS) {
                let count = CELLS.min(columns - column);
                self.lay_out::<S>(simd, index / rows, index % rows, column, count);
                let first = (index * columns + column) * self.shape.filters;
                // As many filters at a time as registers hold sums of.
                match (vectors, S::REGISTER_COUNT >= 32) {
                    (1, _) => self.add::<S, 1, 8>(simd, first, count),
                    (2, true) => self.add::<S, 2, 8>(simd, first, count),
                    (2, false) => self.add::<S, 2, 4>(simd, first, count),
                    (3, true) => self.add::<S, 3, 8>(simd, first, count),
                    (3, false) => self.add::<S, 3, 4>(simd, first, count),
                    (4, true) => self.add::<S, 4, 4>(simd, first, count),
                    (4, false) => self.add::<S, 4, 2>(simd, first, count),
                    (5, true) => self.add::<S, 5, 4>(simd, first, count),
                    (5, false) => self.add::<S, 5, 2>(simd, first, count),
                    (6, true) => self.add::<S, 6, 4>(simd, first, count),
                    (6, false) => self.add::<S, 6, 2>(simd, first, count),
                    _ => unreachable!("`patches_fit` was asked"),
                }
            }
        }
    }
}

impl Part<'_> {
    /// Writes the windows under `count` cells.
    #[inline(always)]
    fn lay_out<S: Simd>(&mut self, simd: S, image: usize, row: usize, column: usize, count: usize) {
        let shape = self.shape;
        let lanes = S::F32_LANES;
        let cell = shape.cell();
        let span = shape.kernel[1] * shape.channels;
        let patch_len = (shape.taps() + 1).next_multiple_of(lanes);
        let input = &self.input[image * shape.image_len()..][..shape.image_len()];
        let one = simd.partial_load_f32s(&[1.0]);
        let zero = simd.splat_f32s(0.0);
        for index in 0..count {
            for slot in 0..SLOTS {
                // A row's last store may run over into the next row, which is written after.
                let mut to = (index * SLOTS + slot) * patch_len;
                if slot < cell * cell {
                    let y = row * cell + slot / cell;
                    let x = (column + index) * cell + slot % cell;
                    for u in 0..shape.kernel[0] {
                        let from = ((y + u) * shape.width + x) * shape.channels;
                        let mut left = &input[from..from + span];
                        while left.len() > lanes {
                            store::<S>(
                                simd,
                                &mut self.patches[to..to + lanes],
                                load::<S>(simd, left),
                            );
                            (to, left) = (to + lanes, &left[lanes..]);
                        }
                        let rest = simd.partial_load_f32s(left);
                        store::<S>(simd, &mut self.patches[to..to + lanes], rest);
                        to += left.len();
                    }
                    store::<S>(simd, &mut self.patches[to..to + lanes], one);
                } else if slot == usize::from(SHUT) {
                    for vector in self.patches[to..to + patch_len].chunks_exact_mut(lanes) {
                        store::<S>(simd, vector, zero);
                    }
                }
            }
        }
    }

    /// Adds the rows of `count` cells to the sums of every filter, `N` filters at a time.
    #[inline(always)]
    fn add<S: Simd, const V: usize, const N: usize>(
        &mut self,
        simd: S,
        first: usize,
        count: usize,
    ) {
        let whole = self.shape.filters / N * N;
        for filter in (0..whole).step_by(N) {
            self.add_filters::<S, V, N>(simd, first, count, filter);
        }
        for filter in whole..self.shape.filters {
            self.add_filters::<S, V, 1>(simd, first, count, filter);
        }
    }

    #[inline(always)]
    fn add_filters<S: Simd, const V: usize, const N: usize>(
        &mut self,
        simd: S,
        first: usize,
        count: usize,
        filter: usize,
    ) {
        let patch_len = V * S::F32_LANES;
        let sums = &mut self.sums[filter * patch_len..][..N * patch_len];
        let (sums, _) = S::as_mut_simd_f32s(sums);
        let mut totals = [[simd.splat_f32s(0.0); V]; N];
        for (total, sums) in totals.iter_mut().zip(sums.chunks_exact(V)) {
            total.copy_from_slice(sums);
        }
        for (index, patches) in self
            .patches
            .chunks_exact(SLOTS * patch_len)
            .take(count)
            .enumerate()
        {
            let at = first + index * self.shape.filters + filter;
            let grads: &[f32; N] = self.grad[at..at + N].as_array().expect("N long");
            let places: &[u8; N] = self.places[at..at + N].as_array().expect("N long");
            for n in 0..N {
                let grad = simd.splat_f32s(grads[n]);
                let patch = &patches[usize::from(places[n]) * patch_len..][..patch_len];
                let (vectors, _) = S::as_simd_f32s(patch);
                for v in 0..V {
                    totals[n][v] = simd.mul_add_e_f32s(grad, vectors[v], totals[n][v]);
                }
            }
        }
        for (total, sums) in totals.iter().zip(sums.chunks_exact_mut(V)) {
            sums.copy_from_slice(total);
        }
    }
}
