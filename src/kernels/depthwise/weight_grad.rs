//! The gradient of weights and bias: for each channel and tap the sum of input times gradient over all outputs.
//!
//! Bands of rows that fit the second cache are read once; of each the sums of some channels and one row of taps stay
//! in registers. Split over fixed parts of the batch, whose sums are added in order.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::shape::DepthwiseShape;
use crate::device::simd::{arch, load, store};
use crate::kernels::conv::gradient::{WeightGrad, add_parts};

/// Parts of the batch at most; they follow from the shape alone, so that the bits do not depend on the number of
/// threads.
const PARTS: usize = 16;

/// Values of input and gradient of a band at most.
const BAND: usize = 96 << 10;

/// `grad` is the gradient of the output.
pub fn weight_grad(shape: &DepthwiseShape, input: &[f32], grad: &[f32]) -> WeightGrad {
    let (taps, channels) = (shape.taps(), shape.channels);
    // The last row sums the bias.
    let len = (taps + 1) * channels;
    let parts = PARTS.min(shape.batch.max(1));
    let mut sums = vec![0.0; parts * len];
    sums.par_chunks_mut(len.max(1))
        .enumerate()
        .for_each(|(part, sums)| {
            for image in part * shape.batch / parts..(part + 1) * shape.batch / parts {
                arch().dispatch(Image {
                    shape,
                    input: &input[image * shape.image_len()..][..shape.image_len()],
                    grad: &grad[image * shape.out_image_len()..][..shape.out_image_len()],
                    sums,
                });
            }
        });
    add_parts(&mut sums, len);
    let mut weight = vec![0.0; taps * channels];
    for (channel, weight) in weight.chunks_exact_mut(taps.max(1)).enumerate() {
        for (tap, weight) in weight.iter_mut().enumerate() {
            *weight = sums[tap * channels + channel];
        }
    }
    WeightGrad {
        weight,
        bias: sums[taps * channels..len].to_vec(),
    }
}

/// One image.
struct Image<'a> {
    shape: &'a DepthwiseShape,
    input: &'a [f32],
    grad: &'a [f32],
    /// `[tap][channel]`, and a row for the bias.
    sums: &'a mut [f32],
}

impl WithSimd for Image<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let shape = self.shape;
        let [rows, columns] = shape.out_size();
        let row_len = (shape.size[1] * shape.stride[0] + columns) * shape.channels;
        let band = (BAND / row_len.max(1)).max(1);
        let lanes = S::F32_LANES;
        for first in (0..rows).step_by(band) {
            let rows = first..(first + band).min(rows);
            let mut channel = 0;
            while channel < shape.channels {
                let left = shape.channels - channel;
                if left >= 2 * lanes {
                    self.channels::<S, 2>(simd, rows.clone(), channel..channel + 2 * lanes);
                } else {
                    let end = channel + left.min(lanes);
                    self.channels::<S, 1>(simd, rows.clone(), channel..end);
                }
                channel += if left >= 2 * lanes { 2 * lanes } else { lanes };
            }
        }
    }
}

impl Image<'_> {
    /// A band of the output's rows, some channels.
    #[inline(always)]
    fn channels<S: Simd, const V: usize>(&mut self, simd: S, rows: Range<usize>, at: Range<usize>) {
        self.bias::<S, V>(simd, rows.clone(), at.clone());
        for row in 0..self.shape.kernel[0] {
            match self.shape.kernel[1] {
                3 => self.taps::<S, V, 3>(simd, rows.clone(), at.clone(), [row, 0]),
                5 => self.taps::<S, V, 5>(simd, rows.clone(), at.clone(), [row, 0]),
                7 => self.taps::<S, V, 7>(simd, rows.clone(), at.clone(), [row, 0]),
                columns => {
                    for column in 0..columns {
                        self.taps::<S, V, 1>(simd, rows.clone(), at.clone(), [row, column]);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn bias<S: Simd, const V: usize>(&mut self, simd: S, rows: Range<usize>, at: Range<usize>) {
        let (lanes, channels) = (S::F32_LANES, self.shape.channels);
        let wide = lanes.min(at.len());
        let columns = self.shape.out_size()[1];
        let mut sums = [simd.splat_f32s(0.0); V];
        let grads = &self.grad[rows.start * columns * channels..rows.end * columns * channels];
        for grad in grads.chunks_exact(channels) {
            for (v, sum) in sums.iter_mut().enumerate() {
                let grad = load::<S>(simd, &grad[at.start + v * lanes..][..wide]);
                *sum = simd.add_f32s(*sum, grad);
            }
        }
        let first = self.shape.taps() * channels + at.start;
        for (v, sum) in sums.into_iter().enumerate() {
            self.add::<S>(simd, first + v * lanes, wide, sum);
        }
    }

    #[inline(always)]
    fn add<S: Simd>(&mut self, simd: S, at: usize, wide: usize, sum: S::f32s) {
        let to = &mut self.sums[at..at + wide];
        let before = load::<S>(simd, to);
        store::<S>(simd, to, simd.add_f32s(before, sum));
    }

    /// `K` taps of one row of the kernel, from (`row`, `column`) on.
    #[inline(always)]
    fn taps<S: Simd, const V: usize, const K: usize>(
        &mut self,
        simd: S,
        rows: Range<usize>,
        at: Range<usize>,
        [row, column]: [usize; 2],
    ) {
        let shape = self.shape;
        let (lanes, channels) = (S::F32_LANES, shape.channels);
        let wide = lanes.min(at.len());
        let columns = shape.out_size()[1];
        let width = shape.size[1];
        let mut sums = [[simd.splat_f32s(0.0); V]; K];
        let before = shape.padding[1].0;
        let step = shape.stride[1];
        // Columns all of whose taps lie in the image.
        let begin = before.saturating_sub(column).div_ceil(step).min(columns);
        let whole = (width + before + 1)
            .saturating_sub(column + K)
            .div_ceil(step);
        let end = whole.clamp(begin, columns);
        for out_row in rows {
            let y = (out_row * shape.stride[0] + row).checked_sub(shape.padding[0].0);
            let Some(y) = y.filter(|&y| y < shape.size[0]) else {
                continue;
            };
            let line = &self.input[y * width * channels..][..width * channels];
            let grads = &self.grad[out_row * columns * channels..][..columns * channels];
            for j in (0..begin).chain(end..columns) {
                let grad = &grads[j * channels + at.start..][..at.len()];
                for (k, sums) in sums.iter_mut().enumerate() {
                    let x = (j * step + column + k).checked_sub(before);
                    if let Some(x) = x.filter(|&x| x < width) {
                        let x = &line[x * channels + at.start..][..at.len()];
                        for (v, sum) in sums.iter_mut().enumerate() {
                            let x = load::<S>(simd, &x[v * lanes..][..wide]);
                            let grad = load::<S>(simd, &grad[v * lanes..][..wide]);
                            *sum = simd.mul_add_e_f32s(x, grad, *sum);
                        }
                    }
                }
            }
            for j in begin..end {
                let grad = &grads[j * channels + at.start..][..at.len()];
                let first = (j * step + column - before) * channels + at.start;
                let line = &line[first..][..(K - 1) * channels + at.len()];
                for v in 0..V {
                    let grad = load::<S>(simd, &grad[v * lanes..][..wide]);
                    for (k, sums) in sums.iter_mut().enumerate() {
                        let x = load::<S>(simd, &line[k * channels + v * lanes..][..wide]);
                        sums[v] = simd.mul_add_e_f32s(x, grad, sums[v]);
                    }
                }
            }
        }
        for (k, sums) in sums.into_iter().enumerate() {
            let tap = row * shape.kernel[1] + column + k;
            for (v, sum) in sums.into_iter().enumerate() {
                self.add::<S>(simd, tap * channels + at.start + v * lanes, wide, sum);
            }
        }
    }
}
