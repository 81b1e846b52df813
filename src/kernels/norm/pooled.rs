//! The normalisation with a ReLU and 2 x 2 max pooling, and its gradients, cell by cell.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::affine::{Affine, AffineVector, NormSums, open};
use super::sums::{sums, vectors};
use crate::device::simd::{arch, largest, load, store};
use crate::kernels::pool::pass::{PoolShape, cell_of};
use crate::kernels::scratch::in_pieces;

/// Normalises; a ReLU and 2 x 2 max pooling follow.
pub fn normalise_and_pool(input: &[f32], shape: &PoolShape, affine: &Affine<'_>) -> Vec<f32> {
    let columns = shape.width / 2;
    in_pieces(shape.pooled_len(), columns * shape.channels, |row, out| {
        arch().dispatch(Cells {
            affine,
            shape,
            first: row * columns,
            input,
            out,
        });
    })
}

/// A cell's pixels of one vector of channels, and the largest of what the normalisation makes of them.
struct Cell<S: Simd> {
    pixels: [S::f32s; 4],
    largest: S::f32s,
    place: S::u32s,
}

impl<S: Simd> Cell<S> {
    /// `at` is the offset of the pixels.
    #[inline(always)]
    fn new(simd: S, affine: &AffineVector<S>, input: &[f32], at: [usize; 4], wide: usize) -> Self {
        let mut pixels = [simd.splat_f32s(0.0); 4];
        let mut values = pixels;
        for place in 0..4 {
            pixels[place] = load::<S>(simd, &input[at[place]..at[place] + wide]);
            values[place] = affine.of(simd, pixels[place]);
        }
        let (largest, place) = largest(simd, &values);
        Cell {
            pixels,
            largest,
            place,
        }
    }

    /// `value` where the pixel at `place` is the largest, else `other`.
    #[inline(always)]
    fn at(&self, simd: S, place: usize, value: S::f32s, other: S::f32s) -> S::f32s {
        let own = simd.equal_u32s(self.place, simd.splat_u32s(place as u32));
        simd.select_f32s(own, value, other)
    }
}

/// Some cells from one on.
struct Cells<'a> {
    affine: &'a Affine<'a>,
    shape: &'a PoolShape,
    first: usize,
    input: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Cells<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.affine.channels();
        for at in vectors::<S>(channels) {
            let affine = self.affine.vector(simd, at.clone());
            for (index, out) in self.out.chunks_exact_mut(channels).enumerate() {
                let pixels = cell_of(self.shape, self.first + index).map(|pixel| pixel + at.start);
                let cell = Cell::new(simd, &affine, self.input, pixels, at.len());
                let y = open(simd, cell.largest, cell.largest);
                store::<S>(simd, &mut out[at.clone()], y);
            }
        }
    }
}

/// The gradients of [`normalise_and_pool`]: that of the input, and those of gamma and beta. `own` says whether the
/// moments are the batch's, so that the gradient passes through them too.
pub fn pooled_gradients(
    input: &[f32],
    shape: &PoolShape,
    affine: &Affine<'_>,
    grad: &[f32],
    own: bool,
) -> (Vec<f32>, NormSums) {
    let channels = affine.channels();
    let cells = grad.len() / channels.max(1);
    let found = sums(cells, channels, |cells, sums| {
        arch().dispatch(CellSums {
            affine,
            shape,
            cells,
            input,
            grad,
            sums,
        });
    });
    let sums = NormSums::new(found, input.len() / channels.max(1), affine, own);
    let image_len = shape.height * shape.width * channels;
    let grad_len = (shape.height / 2) * (shape.width / 2) * channels;
    let out = in_pieces(input.len(), image_len, |image, out| {
        arch().dispatch(ImageGrads {
            affine,
            sums: &sums,
            shape: &PoolShape { batch: 1, ..*shape },
            input: &input[image * image_len..][..image_len],
            grad: &grad[image * grad_len..][..grad_len],
            out,
        });
    });
    (out, sums)
}

/// The sums of gradients, and of gradients times distances from the mean, of some cells.
struct CellSums<'a> {
    affine: &'a Affine<'a>,
    shape: &'a PoolShape,
    cells: Range<usize>,
    input: &'a [f32],
    grad: &'a [f32],
    sums: [&'a mut [f32]; 2],
}

impl WithSimd for CellSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.affine.channels();
        let [betas, gammas] = self.sums;
        for at in vectors::<S>(channels) {
            let affine = self.affine.vector(simd, at.clone());
            let (mut beta, mut gamma) = (simd.splat_f32s(0.0), simd.splat_f32s(0.0));
            for index in self.cells.clone() {
                let pixels = cell_of(self.shape, index).map(|pixel| pixel + at.start);
                let cell = Cell::new(simd, &affine, self.input, pixels, at.len());
                let grad = &self.grad[index * channels..][at.clone()];
                let grad = open(simd, cell.largest, load::<S>(simd, grad));
                let mut x = cell.pixels[0];
                for place in 1..4 {
                    x = cell.at(simd, place, cell.pixels[place], x);
                }
                beta = simd.add_f32s(beta, grad);
                gamma = simd.mul_add_e_f32s(grad, affine.centred(simd, x), gamma);
            }
            store::<S>(simd, &mut betas[at.clone()], beta);
            store::<S>(simd, &mut gammas[at], gamma);
        }
    }
}

/// The gradients of one image.
struct ImageGrads<'a> {
    affine: &'a Affine<'a>,
    sums: &'a NormSums,
    shape: &'a PoolShape,
    input: &'a [f32],
    grad: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for ImageGrads<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (shape, channels) = (self.shape, self.affine.channels());
        let zero = simd.splat_f32s(0.0);
        let (height, columns) = (shape.height / 2, shape.width / 2);
        for at in vectors::<S>(channels) {
            let affine = self.affine.vector(simd, at.clone());
            let through = self.sums.vector(simd, affine, at.clone());
            for (index, grad) in self.grad.chunks_exact(channels).enumerate() {
                let pixels = cell_of(shape, index).map(|pixel| pixel + at.start);
                let cell = Cell::new(simd, &affine, self.input, pixels, at.len());
                let grad = open(simd, cell.largest, load::<S>(simd, &grad[at.clone()]));
                for (place, (to, x)) in pixels.into_iter().zip(cell.pixels).enumerate() {
                    let grad = cell.at(simd, place, grad, zero);
                    let grad = through.input(simd, x, grad);
                    store::<S>(simd, &mut self.out[to..to + at.len()], grad);
                }
            }
            // Beyond the last whole cell: through the moments alone.
            for row in 0..shape.height {
                let first = if row < 2 * height { 2 * columns } else { 0 };
                for column in first..shape.width {
                    let to = (row * shape.width + column) * channels + at.start;
                    let x = load::<S>(simd, &self.input[to..to + at.len()]);
                    let grad = through.input(simd, x, zero);
                    store::<S>(simd, &mut self.out[to..to + at.len()], grad);
                }
            }
        }
    }
}
