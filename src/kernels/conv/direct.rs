//! The forward pass by its definition: a tile of output positions times a panel of filters is summed in registers, then
//! biased, pooled and cut off before anything is written.
//!
//! Positions are counted through the whole batch, so that small images fill tiles too. A sum takes its taps in order,
//! whatever tile it lies in: no bit of an image's output depends on the images beside it.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::finish::{Outputs, outputs_in_pieces, pad_bias};
use super::pack::{Panels, by_pair, by_tap};
use super::shape::ConvShape;
use crate::config::Precision;
use crate::device::simd::{arch, num_lanes};
use crate::kernels::bf16::{Operands, is_native, round_all, tile};
use crate::kernels::scratch::{with_halves, with_scratch};

/// See [`forward`](super::forward()).
pub fn direct(
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    places: Option<&mut [u8]>,
    precision: Precision,
) -> Vec<f32> {
    let lanes = num_lanes(arch());
    match precision {
        Precision::F32 => {
            let panels = Panels::new(shape.filters, lanes);
            let weight = by_tap(weight, shape, &panels);
            let products = Products::Floats(input, &weight, &panels);
            run(shape, products, bias, places)
        }
        Precision::Bf16 => {
            let weight = by_pair(weight, shape, 2 * lanes);
            // A row of the window with an odd number of values is read one value too far.
            with_halves(input.len() + 1, |halves| {
                let len = shape.image_len().max(1);
                halves
                    .par_chunks_mut(len)
                    .zip(input.par_chunks(len))
                    .for_each(|(to, from)| round_all(from, to));
                halves[input.len()] = 0;
                let products = Products::Pairs(halves, &weight, is_native());
                run(shape, products, bias, places)
            })
        }
    }
}

/// What is multiplied: input and packed weights.
#[derive(Clone, Copy)]
enum Products<'a> {
    /// 32-bit floats.
    Floats(&'a [f32], &'a [f32], &'a Panels),
    /// bf16, and whether the CPU multiplies pairs of them.
    Pairs(&'a [u16], &'a [u32], bool),
}

/// Positions of a task are a multiple of this and so of every tile's; no tile has sums of more vectors.
const TILES: usize = 24;

/// Values that a task reads and writes at most: they fit the second cache beside a panel of weights.
const TASK_LEN: usize = 64 << 10;

fn run(
    shape: &ConvShape,
    products: Products<'_>,
    bias: &[f32],
    places: Option<&mut [u8]>,
) -> Vec<f32> {
    let arch = arch();
    let padded_bias = pad_bias(bias, 2 * num_lanes(arch));
    let cell = shape.cell() * shape.cell();
    let stride = shape.stride[0] * shape.stride[1];
    let most = TASK_LEN / (stride * shape.channels + shape.filters / cell).max(1);
    let positions = most.clamp(2 * TILES, 20 * TILES) / TILES * TILES;
    let cells = positions / cell;
    let piece = cells * shape.filters;
    outputs_in_pieces(shape.out_len(), piece, places, |index, out, places| {
        let count = out.len() / shape.filters;
        let at = positions_of(shape, index * cells..index * cells + count);
        with_scratch(TILES * num_lanes(arch), |sums| {
            arch.dispatch(Task {
                shape,
                products,
                at: &at,
                sums,
                outputs: Outputs {
                    shape,
                    bias: &padded_bias,
                    out,
                    places,
                },
            });
        });
    })
}

/// Where in the input the windows of some cells begin, those of a cell side by side.
pub fn positions_of(shape: &ConvShape, cells: std::ops::Range<usize>) -> Vec<usize> {
    let [rows, columns] = shape.out_size();
    let cell = shape.cell();
    let mut at = Vec::with_capacity(cells.len() * cell * cell);
    let first = cells.start;
    let (mut image, mut row) = (first / columns / rows, first / columns % rows);
    let mut column = first % columns;
    for _ in cells {
        for place in 0..cell * cell {
            let y = (row * cell + place / cell) * shape.stride[0];
            let x = (column * cell + place % cell) * shape.stride[1];
            let pixel = (image * shape.height + y) * shape.width + x;
            at.push(pixel * shape.channels);
        }
        column += 1;
        if column == columns {
            (row, column) = (row + 1, 0);
        }
        if row == rows {
            (image, row) = (image + 1, 0);
        }
    }
    at
}

/// Some cells, one behind the other.
struct Task<'a> {
    shape: &'a ConvShape,
    products: Products<'a>,
    /// Where the window of each position begins, those of a cell side by side.
    at: &'a [usize],
    /// Room for the sums of a tile.
    sums: &'a mut [f32],
    outputs: Outputs<'a>,
}

impl WithSimd for Task<'_> {
    type Output = ();

    /// As many positions at a time as leave the registers room for the weights.
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let many = S::REGISTER_COUNT >= 32;
        match self.products {
            Products::Floats(input, weight, panels) => {
                let mut filter = 0;
                for &vectors in &panels.vectors {
                    let len = vectors * S::F32_LANES * self.shape.taps();
                    let at = filter * self.shape.taps();
                    let weight = &weight[at..at + len];
                    match (vectors, many) {
                        (3, true) => self.panel::<S, 8, 3>(simd, input, weight, filter),
                        (3, false) => self.panel::<S, 4, 3>(simd, input, weight, filter),
                        (2, true) => self.panel::<S, 12, 2>(simd, input, weight, filter),
                        (2, false) => self.panel::<S, 4, 2>(simd, input, weight, filter),
                        (_, true) => self.panel::<S, 12, 1>(simd, input, weight, filter),
                        (_, false) => self.panel::<S, 8, 1>(simd, input, weight, filter),
                    }
                    filter += vectors * S::F32_LANES;
                }
            }
            Products::Pairs(input, weight, native) => {
                let pair = (input, native);
                let block = 2 * S::F32_LANES;
                let len = weight.len() / self.shape.filters.div_ceil(block);
                for (index, weight) in weight.chunks_exact(len).enumerate() {
                    if many {
                        self.pairs::<S, 12>(simd, pair, weight, index * block);
                    } else {
                        self.pairs::<S, 4>(simd, pair, weight, index * block);
                    }
                }
            }
        }
    }
}

impl Task<'_> {
    /// Every position, for `V` vectors of filters from `filter` on.
    #[inline(always)]
    fn panel<S: Simd, const P: usize, const V: usize>(
        &mut self,
        simd: S,
        input: &[f32],
        weight: &[f32],
        filter: usize,
    ) {
        for first in (0..self.at.len()).step_by(P) {
            let at = self.tile_at::<P>(first);
            self.sum::<S, P, V>(simd, input, weight, &at);
            self.finish::<S, P, V>(simd, first, filter);
        }
    }

    #[inline(always)]
    fn pairs<S: Simd, const P: usize>(
        &mut self,
        simd: S,
        (input, native): (&[u16], bool),
        weight: &[u32],
        filter: usize,
    ) {
        let shape = self.shape;
        for first in (0..self.at.len()).step_by(P) {
            let operands = Operands {
                inputs: input,
                at: self.tile_at::<P>(first),
                segments: shape.kernel[0],
                stride: shape.width * shape.channels,
                pairs: (shape.kernel[1] * shape.channels).div_ceil(2),
                weights: weight,
            };
            let sums = &mut self.sums[..2 * P * S::F32_LANES];
            sums.fill(0.0);
            tile::<S, P>(simd, native, &operands, sums);
            self.finish::<S, P, 2>(simd, first, filter);
        }
    }

    /// The windows of a tile; beyond the last position that one again.
    #[inline(always)]
    fn tile_at<const P: usize>(&self, first: usize) -> [usize; P] {
        let mut at = [0; P];
        for (p, at) in at.iter_mut().enumerate() {
            *at = self.at[(first + p).min(self.at.len() - 1)];
        }
        at
    }

    /// The sums of a tile, `[position][vector]`. They leave the registers by way of memory that is not the stack's: where
    /// what follows indexed them as an array, the compiler would keep that array, and not the registers, in this loop.
    #[inline(always)]
    fn sum<S: Simd, const P: usize, const V: usize>(
        &mut self,
        simd: S,
        input: &[f32],
        weight: &[f32],
        at: &[usize; P],
    ) {
        let shape = self.shape;
        let span = shape.kernel[1] * shape.channels;
        let (vectors, _) = S::as_simd_f32s(weight);
        let (panel, _) = vectors.as_chunks::<V>();
        let mut sums = [[simd.splat_f32s(0.0); V]; P];
        for row in 0..shape.kernel[0] {
            let panel = &panel[row * span..][..span];
            let offset = row * shape.width * shape.channels;
            let inputs: [&[f32]; P] = std::array::from_fn(|p| &input[at[p] + offset..][..span]);
            for (tap, weights) in panel.iter().enumerate() {
                for (sums, input) in sums.iter_mut().zip(&inputs) {
                    // SAFETY: `tap < panel.len() == span`, and every input slice has length `span`.
                    let value = simd.splat_f32s(unsafe { *input.get_unchecked(tap) });
                    for (sum, weight) in sums.iter_mut().zip(weights) {
                        *sum = simd.mul_add_e_f32s(value, *weight, *sum);
                    }
                }
            }
        }
        let (to, _) = S::as_mut_simd_f32s(&mut self.sums[..P * V * S::F32_LANES]);
        to.copy_from_slice(sums.as_flattened());
    }

    /// What follows the sums of a tile.
    #[inline(always)]
    fn finish<S: Simd, const P: usize, const V: usize>(
        &mut self,
        simd: S,
        first: usize,
        filter: usize,
    ) {
        let count = P.min(self.at.len() - first);
        let sums = S::as_simd_f32s(self.sums).0.as_chunks::<V>().0;
        self.outputs
            .finish_tile::<S, V>(simd, &sums[..count], first, filter);
    }
}
