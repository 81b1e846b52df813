//! The forward pass: a tile of output positions times a block of filters is summed in registers,
//! then biased, cut off and pooled before anything is written.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::finish::{Outputs, for_each_chunk, pad_bias};
use super::pack::{by_pair, by_tap};
use super::shape::ConvShape;
use super::winograd::{winograd, winograd_fits};
use crate::config::Precision;
use crate::device::simd::{arch, num_lanes};
use crate::kernels::bf16::{Operands, is_native, round_all, tile};
use crate::kernels::scratch::with_halves;

/// Computes `out`, and where `places` is given, of each output the place of its maximum in the
/// cell (row * 2 + column; 0 without pooling), or [`SHUT`](super::shape::SHUT).
pub fn forward(
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    out: &mut [f32],
    places: Option<&mut [u8]>,
    precision: Precision,
) {
    if winograd_fits(shape) {
        winograd(shape, input, weight, bias, out, places, precision);
    } else {
        direct(shape, input, weight, bias, out, places, precision);
    }
}

fn direct(
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    out: &mut [f32],
    places: Option<&mut [u8]>,
    precision: Precision,
) {
    let lanes = 2 * num_lanes(arch());
    match precision {
        Precision::F32 => {
            let weight = by_tap(weight, shape, lanes);
            rows_of(shape, Products::Floats(input, &weight), bias, out, places);
        }
        Precision::Bf16 => {
            let weight = by_pair(weight, shape, lanes);
            // A row of the window with an odd number of values is read one value too far.
            with_halves(input.len() + 1, |halves| {
                let len = shape.image_len().max(1);
                halves
                    .par_chunks_mut(len)
                    .zip(input.par_chunks(len))
                    .for_each(|(to, from)| round_all(from, to));
                halves[input.len()] = 0;
                let products = Products::Pairs(halves, &weight, is_native());
                rows_of(shape, products, bias, out, places);
            });
        }
    }
}

/// The operands: input and packed weights.
#[derive(Clone, Copy)]
enum Products<'a> {
    /// 32-bit floats.
    Floats(&'a [f32], &'a [f32]),
    /// bf16, and whether the CPU multiplies pairs of them.
    Pairs(&'a [u16], &'a [u32], bool),
}

fn rows_of(
    shape: &ConvShape,
    products: Products<'_>,
    bias: &[f32],
    out: &mut [f32],
    places: Option<&mut [u8]>,
) {
    let arch = arch();
    let padded_bias = pad_bias(bias, 2 * num_lanes(arch));
    let [rows, columns] = shape.out_size();
    let row_len = columns * shape.filters;
    if row_len == 0 || rows == 0 {
        return;
    }
    let run = |index: usize, out: &mut [f32], places: Option<&mut [u8]>| {
        let (image, row) = (index / rows, index % rows);
        arch.dispatch(Row {
            shape,
            products,
            image,
            row,
            outputs: Outputs {
                shape,
                bias: &padded_bias,
                out,
                places,
            },
        });
    };
    for_each_chunk(out, places, row_len, run);
}

/// One row of outputs of one image.
struct Row<'a> {
    shape: &'a ConvShape,
    products: Products<'a>,
    image: usize,
    row: usize,
    outputs: Outputs<'a>,
}

impl WithSimd for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT >= 32 {
            self.tiles::<S, 12>(simd);
        } else {
            self.tiles::<S, 4>(simd);
        }
    }
}

impl Row<'_> {
    /// `P` positions at a time: `P / 4` cells of four with pooling, else `P` cells of one.
    #[inline(always)]
    fn tiles<S: Simd, const P: usize>(mut self, simd: S) {
        let shape = self.shape;
        let cell = shape.cell();
        let cells = P / (cell * cell);
        let [_, columns] = shape.out_size();
        let block = 2 * S::F32_LANES;
        for index in 0..shape.filters.div_ceil(block) {
            let mut column = 0;
            while column < columns {
                let at: [usize; P] = std::array::from_fn(|p| {
                    let in_cell = p % (cell * cell);
                    let column = (column + p / (cell * cell)).min(columns - 1);
                    let row = self.row * cell + in_cell / cell;
                    let pixel = row * shape.width + column * cell + in_cell % cell;
                    self.image * shape.image_len() + pixel * shape.channels
                });
                let sums = match self.products {
                    Products::Floats(input, weight) => {
                        let len = shape.taps() * block;
                        let weight = &weight[index * len..][..len];
                        self.sum::<S, P>(simd, input, weight, &at)
                    }
                    Products::Pairs(input, weight, native) => {
                        let len = weight.len() / shape.filters.div_ceil(block);
                        let weight = &weight[index * len..][..len];
                        self.sum_pairs::<S, P>(simd, native, input, weight, at)
                    }
                };
                for cell in 0..P / 4 {
                    let [a, b, c, d] = *sums[4 * cell..].first_chunk::<4>().expect("P / 4 of them");
                    for half in 0..2 {
                        let filter = index * block + half * S::F32_LANES;
                        if filter >= shape.filters {
                            continue;
                        }
                        let values = [a[half], b[half], c[half], d[half]];
                        let outputs = &mut self.outputs;
                        if shape.pool {
                            outputs.finish::<S, _>(simd, &values, 0, column + cell, filter);
                        } else {
                            let first = column + 4 * cell;
                            for (place, value) in values.into_iter().enumerate() {
                                outputs.finish::<S, _>(simd, &[value], 0, first + place, filter);
                            }
                        }
                    }
                }
                column += cells;
            }
        }
    }

    #[inline(always)]
    fn sum<S: Simd, const P: usize>(
        &self,
        simd: S,
        input: &[f32],
        weight: &[f32],
        at: &[usize; P],
    ) -> [[S::f32s; 2]; P] {
        let shape = self.shape;
        let span = shape.kernel[1] * shape.channels;
        let (vectors, _) = S::as_simd_f32s(weight);
        let (pairs, _) = vectors.as_chunks::<2>();
        let zero = simd.splat_f32s(0.0);
        let mut sums = [[zero; 2]; P];
        for row in 0..shape.kernel[0] {
            let pairs = &pairs[row * span..][..span];
            let offset = row * shape.width * shape.channels;
            let inputs: [&[f32]; P] = std::array::from_fn(|p| &input[at[p] + offset..][..span]);
            for (tap, pair) in pairs.iter().enumerate() {
                for (sum, input) in sums.iter_mut().zip(&inputs) {
                    // SAFETY: `tap < pairs.len() == span`, and every input slice has length `span`.
                    let value = simd.splat_f32s(unsafe { *input.get_unchecked(tap) });
                    sum[0] = simd.mul_add_e_f32s(value, pair[0], sum[0]);
                    sum[1] = simd.mul_add_e_f32s(value, pair[1], sum[1]);
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn sum_pairs<S: Simd, const P: usize>(
        &self,
        simd: S,
        native: bool,
        input: &[u16],
        weight: &[u32],
        at: [usize; P],
    ) -> [[S::f32s; 2]; P] {
        let shape = self.shape;
        let operands = Operands {
            inputs: input,
            at,
            segments: shape.kernel[0],
            stride: shape.width * shape.channels,
            pairs: (shape.kernel[1] * shape.channels).div_ceil(2),
            weights: weight,
        };
        let mut sums = [[simd.splat_f32s(0.0); 2]; P];
        let values = bytemuck::cast_slice_mut(sums.as_flattened_mut());
        tile::<S, P>(simd, native, &operands, values);
        sums
    }
}
