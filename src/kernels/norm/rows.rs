//! The normalisation and its gradients, row by row; an activation may follow.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::affine::{Affine, NormSums};
use super::sums::{BLOCK, sums, vectors};
use crate::device::simd::{arch, load, prefetch, store};
use crate::kernels::pointwise::Pointwise;
use crate::kernels::scratch::in_pieces;

/// Normalises; an activation follows.
pub fn normalise(input: &[f32], affine: &Affine<'_>, then: Pointwise) -> Vec<f32> {
    let piece = (affine.channels() * BLOCK).max(1);
    in_pieces(input.len(), piece, |index, out| {
        let input = &input[index * piece..][..out.len()];
        arch().dispatch(Rows {
            affine,
            then,
            input,
            out,
        });
    })
}

struct Rows<'a> {
    affine: &'a Affine<'a>,
    then: Pointwise,
    input: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.affine.channels();
        let rows = self.out.chunks_exact_mut(channels);
        for (out, x) in rows.zip(self.input.chunks_exact(channels)) {
            for at in vectors::<S>(channels) {
                let affine = self.affine.vector(simd, at.clone());
                let y = affine.of(simd, load::<S>(simd, &x[at.clone()]));
                store::<S>(simd, &mut out[at.clone()], self.then.of(simd, y));
            }
        }
    }
}

/// The gradients of [`normalise`]; that of the input takes the place of `grad`, that of the output. `own` says
/// whether the moments are the batch's, so that the gradient passes through them too.
pub fn gradients(
    input: &[f32],
    affine: &Affine<'_>,
    then: Pointwise,
    grad: &mut [f32],
    own: bool,
) -> NormSums {
    let channels = affine.channels();
    let rows = input.len() / channels.max(1);
    let found = sums(rows, channels, |rows, sums| {
        let range = rows.start * channels..rows.end * channels;
        arch().dispatch(RowSums {
            affine,
            then,
            input: &input[range.clone()],
            grad: &grad[range],
            sums,
        });
    });
    let sums = NormSums::new(found, rows, affine, own);
    let piece = (channels * BLOCK).max(1);
    grad.par_chunks_mut(piece)
        .zip(input.par_chunks(piece))
        .for_each(|(grad, input)| {
            arch().dispatch(RowGrads {
                affine,
                sums: &sums,
                then,
                input,
                grad,
            });
        });
    sums
}

/// The sums of gradients, and of gradients times distances from the mean, of some rows.
struct RowSums<'a> {
    affine: &'a Affine<'a>,
    then: Pointwise,
    input: &'a [f32],
    grad: &'a [f32],
    sums: [&'a mut [f32]; 2],
}

impl WithSimd for RowSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.affine.channels();
        let [betas, gammas] = self.sums;
        for at in vectors::<S>(channels) {
            let affine = self.affine.vector(simd, at.clone());
            let (mut beta, mut gamma) = (simd.splat_f32s(0.0), simd.splat_f32s(0.0));
            let rows = self.grad.chunks_exact(channels);
            for (grad, x) in rows.zip(self.input.chunks_exact(channels)) {
                prefetch(grad, at.start + self.input.len());
                prefetch(x, at.start + self.input.len());
                let x = load::<S>(simd, &x[at.clone()]);
                let mut grad = load::<S>(simd, &grad[at.clone()]);
                if self.then != Pointwise::Linear {
                    grad = self.then.gradient(simd, affine.of(simd, x), grad);
                }
                beta = simd.add_f32s(beta, grad);
                gamma = simd.mul_add_e_f32s(grad, affine.centred(simd, x), gamma);
            }
            store::<S>(simd, &mut betas[at.clone()], beta);
            store::<S>(simd, &mut gammas[at], gamma);
        }
    }
}

/// The gradients of some rows, in place.
struct RowGrads<'a> {
    affine: &'a Affine<'a>,
    sums: &'a NormSums,
    then: Pointwise,
    input: &'a [f32],
    grad: &'a mut [f32],
}

impl WithSimd for RowGrads<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.affine.channels();
        let rows = self.grad.chunks_exact_mut(channels);
        for (to, x) in rows.zip(self.input.chunks_exact(channels)) {
            for at in vectors::<S>(channels) {
                let affine = self.affine.vector(simd, at.clone());
                let through = self.sums.vector(simd, affine, at.clone());
                let x = load::<S>(simd, &x[at.clone()]);
                let mut grad = load::<S>(simd, &to[at.clone()]);
                if self.then != Pointwise::Linear {
                    grad = self.then.gradient(simd, affine.of(simd, x), grad);
                }
                store::<S>(simd, &mut to[at.clone()], through.input(simd, x, grad));
            }
        }
    }
}
