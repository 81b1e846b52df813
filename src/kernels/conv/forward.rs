//! The forward pass: a tile of output positions times a block of filters is summed in registers,
//! then biased, cut off and pooled before anything is written.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::ConvShape;
use super::finish::Outputs;
use super::pack::by_tap;
use super::winograd::{winograd, winograd_fits};
use crate::kernels::vector::num_lanes;

/// Computes `out`, and where `places` is given, of each output the place of its maximum in the
/// cell (row * 2 + column; 0 without pooling), or [`SHUT`].
pub fn forward(
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    out: &mut [f32],
    places: Option<&mut [u8]>,
) {
    if winograd_fits(shape) {
        winograd(shape, input, weight, bias, out, places);
    } else {
        direct(shape, input, weight, bias, out, places);
    }
}

fn direct(
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    out: &mut [f32],
    places: Option<&mut [u8]>,
) {
    let arch = Arch::new();
    let lanes = num_lanes(arch);
    let packed = by_tap(weight, shape, 2 * lanes);
    let mut padded_bias = vec![0.0; shape.filters.next_multiple_of(2 * lanes)];
    padded_bias[..bias.len()].copy_from_slice(bias);
    let [rows, columns] = shape.out_size();
    let row_len = columns * shape.filters;
    if row_len == 0 || rows == 0 {
        return;
    }
    let run = |index: usize, out: &mut [f32], places: Option<&mut [u8]>| {
        let (image, row) = (index / rows, index % rows);
        let input = &input[image * shape.image_len()..][..shape.image_len()];
        arch.dispatch(Row {
            shape,
            input,
            row,
            weight: &packed,
            outputs: Outputs {
                shape,
                bias: &padded_bias,
                out,
                places,
            },
        });
    };
    match places {
        Some(places) => out
            .par_chunks_mut(row_len)
            .zip(places.par_chunks_mut(row_len))
            .enumerate()
            .for_each(|(index, (out, places))| run(index, out, Some(places))),
        None => out
            .par_chunks_mut(row_len)
            .enumerate()
            .for_each(|(index, out)| run(index, out, None)),
    }
}

/// One row of outputs of one image.
struct Row<'a> {
    shape: &'a ConvShape,
    input: &'a [f32],
    row: usize,
    weight: &'a [f32],
    outputs: Outputs<'a>,
}

impl WithSimd for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (S::REGISTER_COUNT >= 32, self.shape.pool) {
            (true, true) => self.tiles::<S, 12>(simd),
            (true, false) => self.tiles::<S, 12>(simd),
            (false, _) => self.tiles::<S, 4>(simd),
        }
    }
}

impl Row<'_> {
    /// `P` positions at a time: `P / 4` cells of four with pooling, else `P` cells of one.
    #[inline(always)]
    fn tiles<S: Simd, const P: usize>(mut self, simd: S) {
        let shape = self.shape;
        let cell = shape.cell();
        let size = cell * cell;
        let cells = P / size;
        let [_, columns] = shape.out_size();
        let block = 2 * S::F32_LANES;
        let weights = self.weight.chunks_exact(shape.taps() * block);
        for (index, weight) in weights.enumerate() {
            let mut column = 0;
            while column < columns {
                let at: [usize; P] = std::array::from_fn(|p| {
                    let in_cell = p % (cell * cell);
                    let column = (column + p / (cell * cell)).min(columns - 1);
                    let row = self.row * cell + in_cell / cell;
                    (row * shape.width + column * cell + in_cell % cell) * shape.channels
                });
                let sums = self.sum::<S, P>(simd, weight, &at);
                for cell in 0..cells.min(columns - column) {
                    for half in 0..2 {
                        let filter = index * block + half * S::F32_LANES;
                        if filter < shape.filters {
                            let mut values = [simd.splat_f32s(0.0); 4];
                            let sums = &sums[cell * size..][..size];
                            for (value, sum) in values.iter_mut().zip(sums) {
                                *value = sum[half];
                            }
                            self.outputs.finish::<S>(
                                simd,
                                &values[..size],
                                0,
                                column + cell,
                                filter,
                            );
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
            let inputs: [&[f32]; P] =
                std::array::from_fn(|p| &self.input[at[p] + offset..][..span]);
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
}
