//! The product of each channel of an image with a number of its own (a gate), on plain slices.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::pass::PoolShape;
use crate::device::simd::arch;
use crate::kernels::scratch::in_pieces;

/// Pixels of a piece at most.
const PIXELS: usize = 64;

/// `y[n, i, j, c] = x[n, i, j, c] gate[n, c]`
pub fn scale(shape: &PoolShape, input: &[f32], gate: &[f32]) -> Vec<f32> {
    let row_len = shape.width * shape.channels;
    in_pieces(input.len(), row_len, |index, out| {
        let gate = &gate[index / shape.height * shape.channels..][..shape.channels];
        arch().dispatch(Scale {
            input: &input[index * row_len..][..row_len],
            gate,
            out,
        });
    })
}

struct Scale<'a> {
    input: &'a [f32],
    gate: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Scale<'_> {
    type Output = ();

    /// The loops are plain: inside of a dispatch the compiler makes them vectors.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let channels = self.gate.len().max(1);
        let pixels = self.out.chunks_exact_mut(channels);
        for (out, input) in pixels.zip(self.input.chunks_exact(channels)) {
            for ((out, x), gate) in out.iter_mut().zip(input).zip(self.gate) {
                *out = x * gate;
            }
        }
    }
}

/// The gradient of the gate: `sum over i, j of x grad`, in blocks of pixels that are added in order.
pub fn gate_grad(shape: &PoolShape, input: &[f32], grad: &[f32]) -> Vec<f32> {
    let channels = shape.channels.max(1);
    let image_len = shape.height * shape.width * channels;
    let mut sums = vec![0.0; shape.batch * shape.channels];
    sums.par_chunks_mut(channels)
        .zip(input.par_chunks(image_len.max(1)))
        .zip(grad.par_chunks(image_len.max(1)))
        .for_each(|((sums, input), grad)| {
            let mut block = vec![0.0f32; channels];
            let blocks = input.chunks(PIXELS * channels);
            for (input, grad) in blocks.zip(grad.chunks(PIXELS * channels)) {
                arch().dispatch(Sums {
                    input,
                    grad,
                    sums: &mut block,
                });
                for (sum, block) in sums.iter_mut().zip(&block) {
                    *sum += block;
                }
            }
        });
    sums
}

/// The sums of products of some pixels.
struct Sums<'a> {
    input: &'a [f32],
    grad: &'a [f32],
    sums: &'a mut [f32],
}

impl WithSimd for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.sums.fill(0.0);
        let channels = self.sums.len();
        let pixels = self.input.chunks_exact(channels);
        for (input, grad) in pixels.zip(self.grad.chunks_exact(channels)) {
            for ((sum, x), grad) in self.sums.iter_mut().zip(input).zip(grad) {
                *sum += x * grad;
            }
        }
    }
}
