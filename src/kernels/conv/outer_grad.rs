//! The gradient of weights of any kernel and stride where every output has a gradient: for each row of the kernel the
//! sum over all positions of the window's row (values side by side in the input) times the gradients of all filters.
//!
//! Both factors of a position are rows; one lies along the vectors, of the other a few values at a time are multiplied
//! by it, whichever way wastes less of the vectors. A chunk of positions fits the second cache; a tile of sums stays in
//! registers for all of them. Split over fixed parts of the positions, whose sums are added in order.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::direct::positions_of;
use super::gradient::add_parts;
use super::pack::{Panels, for_each_tap};
use super::shape::ConvShape;
use crate::device::simd::{arch, num_lanes};
use crate::kernels::scratch::Aligned;

/// Parts of the positions at most; they follow from the shape alone, so that the bits do not depend on the number of
/// threads.
const PARTS: usize = 16;

/// Positions of a part at least: to add its sums takes a while.
const PART: usize = 512;

/// Sums of all parts at most: 32 MB.
const MAX_SUMS: usize = 8 << 20;

/// Values of both factors of a chunk: they fit the second cache.
const CHUNK_LEN: usize = 96 << 10;

/// Values that are multiplied by vectors at a time.
const FEW: usize = 8;

/// How the work is cut.
struct Cut {
    /// Whether the filters lie along the vectors, or the window.
    filters_wide: bool,
    /// Of the factor along the vectors.
    panels: Panels,
    /// Values of the factor along the vectors, filled up to whole ones.
    wide: usize,
    /// Values of the other.
    few: usize,
    /// Positions of a chunk.
    chunk: usize,
}

impl Cut {
    fn new(shape: &ConvShape) -> Cut {
        let lanes = num_lanes(arch());
        let span = shape.kernel[1] * shape.channels;
        let cost = |wide: usize, few: usize| {
            wide.next_multiple_of(lanes) * few.next_multiple_of(FEW.min(few.next_power_of_two()))
        };
        let filters_wide = cost(shape.filters, span) <= cost(span, shape.filters);
        let (wide, few) = if filters_wide {
            (shape.filters, span)
        } else {
            (span, shape.filters)
        };
        Cut {
            filters_wide,
            panels: Panels::new(wide, lanes),
            wide: wide.next_multiple_of(lanes),
            few,
            chunk: (CHUNK_LEN / (span + shape.filters)).clamp(32, 160),
        }
    }

    /// Sums of a row of the kernel.
    fn row_len(&self) -> usize {
        self.wide * self.few
    }
}

/// `[filters, channels, rows, columns]`; `grad` is the gradient of the convolution's output.
pub fn outer_grad(shape: &ConvShape, input: &[f32], grad: &[f32]) -> Vec<f32> {
    let cut = Cut::new(shape);
    let positions = shape.out_len() / shape.filters.max(1);
    let len = shape.kernel[0] * cut.row_len();
    let most = (MAX_SUMS / len.max(1)).clamp(1, PARTS);
    let parts = (positions / PART).clamp(1, most);
    // Each tile sums on its own: how many share a task changes no bit.
    let groups = rayon::current_num_threads()
        .div_ceil(parts)
        .min(cut.few.div_ceil(FEW))
        .max(1);
    let group = cut.few.div_ceil(groups).next_multiple_of(FEW);
    let mut sums = Aligned::zeros(parts * len);
    sums.par_chunks_mut(len.max(1))
        .enumerate()
        .for_each(|(part, sums)| {
            let range = part * positions / parts..(part + 1) * positions / parts;
            let mut tasks: Vec<(usize, Vec<&mut [f32]>)> = Vec::new();
            for row in sums.chunks_exact_mut(cut.row_len()) {
                for (index, sums) in row.chunks_mut(group * cut.wide).enumerate() {
                    match tasks.get_mut(index) {
                        Some((_, rows)) => rows.push(sums),
                        None => tasks.push((index * group, vec![sums])),
                    }
                }
            }
            tasks.into_par_iter().for_each(|(first, mut sums)| {
                for begin in range.clone().step_by(cut.chunk) {
                    let chunk = begin..(begin + cut.chunk).min(range.end);
                    let at = positions_of(shape, chunk.clone());
                    let grad = &grad[chunk.start * shape.filters..chunk.end * shape.filters];
                    for (row, sums) in sums.iter_mut().enumerate() {
                        arch()
                            .dispatch(Chunk::new(shape, &cut, input, grad, &at, row, first, sums));
                    }
                }
            });
        });
    add_parts(&mut sums, len);
    let span = shape.kernel[1] * shape.channels;
    let mut weight = vec![0.0; shape.filters * shape.taps()];
    for_each_tap(shape, |filter, tap, to| {
        let (row, value) = (tap / span, tap % span);
        let (wide, few) = if cut.filters_wide {
            (filter, value)
        } else {
            (value, filter)
        };
        weight[to] = sums[row * cut.row_len() + few * cut.wide + wide];
    });
    weight
}

/// One row of the kernel, some positions, some of the few values.
struct Chunk<'a> {
    cut: &'a Cut,
    /// The factor along the vectors: its length, its values, and where those of each position begin.
    wide: (usize, &'a [f32], Vec<usize>),
    /// The same of the other factor, its first and its last.
    few: (Range<usize>, &'a [f32], Vec<usize>),
    /// `[few][wide]`
    sums: &'a mut [f32],
}

impl<'a> Chunk<'a> {
    #[allow(clippy::too_many_arguments)]
    fn new(
        shape: &ConvShape,
        cut: &'a Cut,
        input: &'a [f32],
        grad: &'a [f32],
        at: &[usize],
        row: usize,
        first: usize,
        sums: &'a mut [f32],
    ) -> Chunk<'a> {
        let offset = row * shape.width * shape.channels;
        let span = shape.kernel[1] * shape.channels;
        let windows: Vec<usize> = at.iter().map(|at| at + offset).collect();
        let grads: Vec<usize> = (0..at.len()).map(|p| p * shape.filters).collect();
        let few = first..first + sums.len() / cut.wide;
        if cut.filters_wide {
            Chunk {
                cut,
                wide: (shape.filters, grad, grads),
                few: (few, input, windows),
                sums,
            }
        } else {
            Chunk {
                cut,
                wide: (span, input, windows),
                few: (few, grad, grads),
                sums,
            }
        }
    }
}

impl WithSimd for Chunk<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let mut wide = 0;
        let cut = self.cut;
        for &vectors in &cut.panels.vectors {
            let many = S::REGISTER_COUNT >= 32;
            match (vectors, many) {
                (3, true) => self.panel::<S, 8, 3>(simd, wide),
                (3, false) => self.panel::<S, 4, 3>(simd, wide),
                (2, true) => self.panel::<S, 8, 2>(simd, wide),
                (2, false) => self.panel::<S, 4, 2>(simd, wide),
                _ => self.panel::<S, 8, 1>(simd, wide),
            }
            wide += vectors * S::F32_LANES;
        }
    }
}

impl Chunk<'_> {
    /// `V` vectors from `wide` on, all of the few values, `P` at a time.
    #[inline(always)]
    fn panel<S: Simd, const P: usize, const V: usize>(&mut self, simd: S, wide: usize) {
        let whole = wide + V * S::F32_LANES <= self.wide.0;
        let count = self.few.0.len();
        let mut few = 0;
        while few < count {
            let left = count - few;
            // The last tile begins earlier, and its first sums are those that are there.
            let step = match left {
                _ if left >= P => P,
                4.. => 4,
                2.. => 2,
                _ => 1,
            };
            match (step, whole) {
                (4, true) => self.tile::<S, 4, V, true>(simd, wide, few),
                (4, false) => self.tile::<S, 4, V, false>(simd, wide, few),
                (2, true) => self.tile::<S, 2, V, true>(simd, wide, few),
                (2, false) => self.tile::<S, 2, V, false>(simd, wide, few),
                (1, true) => self.tile::<S, 1, V, true>(simd, wide, few),
                (1, false) => self.tile::<S, 1, V, false>(simd, wide, few),
                (_, true) => self.tile::<S, P, V, true>(simd, wide, few),
                (_, false) => self.tile::<S, P, V, false>(simd, wide, few),
            }
            few += step;
        }
    }

    /// `P` of the few values from `few` on. `WHOLE` says whether the factor along the vectors fills them.
    #[inline(always)]
    fn tile<S: Simd, const P: usize, const V: usize, const WHOLE: bool>(
        &mut self,
        simd: S,
        wide: usize,
        few: usize,
    ) {
        let lanes = S::F32_LANES;
        let len = (V * lanes).min(self.wide.0 - wide);
        let mut sums = [[simd.splat_f32s(0.0); V]; P];
        let first = self.few.0.start + few;
        for (&from, &at) in self.wide.2.iter().zip(&self.few.2) {
            let row = &self.wide.1[from + wide..][..len];
            let mut vectors = [simd.splat_f32s(0.0); V];
            if WHOLE {
                let (row, _) = S::as_simd_f32s(row);
                vectors.copy_from_slice(row);
            } else {
                for (vector, row) in vectors.iter_mut().zip(row.chunks(lanes)) {
                    *vector = crate::device::simd::load::<S>(simd, row);
                }
            }
            let values = self.few.1[at + first..].first_chunk::<P>();
            for (sums, value) in sums.iter_mut().zip(values.expect("P more values")) {
                let value = simd.splat_f32s(*value);
                for (sum, vector) in sums.iter_mut().zip(&vectors) {
                    *sum = simd.mul_add_e_f32s(value, *vector, *sum);
                }
            }
        }
        for (p, sums) in sums.iter().enumerate() {
            let to = &mut self.sums[(few + p) * self.cut.wide + wide..][..V * lanes];
            let (to, _) = S::as_mut_simd_f32s(to);
            for (to, sum) in to.iter_mut().zip(sums) {
                *to = simd.add_f32s(*to, *sum);
            }
        }
    }
}
