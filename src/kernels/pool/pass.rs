//! Pooling on the CPU where no convolution comes before it, on plain slices of
//! `[batch, height, width, channels]`.

use rayon::prelude::*;

use crate::kernels::conv::shape::SHUT;
use crate::kernels::scratch::in_pieces;

/// Sizes of the input of a pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolShape {
    /// Images.
    pub batch: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
}

impl PoolShape {
    fn image_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    fn row_len(&self) -> usize {
        self.width * self.channels
    }

    /// Values of the output of 2 x 2 pooling; what lies beyond the last whole cell is left out.
    pub fn pooled_len(&self) -> usize {
        self.batch * (self.height / 2) * (self.width / 2) * self.channels
    }
}

/// Where the four pixels of a cell begin, by the cell's number.
#[inline(always)]
pub fn cell_of(shape: &PoolShape, cell: usize) -> [usize; 4] {
    let (rows, columns) = (shape.height / 2, shape.width / 2);
    let (image, row, column) = (cell / columns / rows, cell / columns % rows, cell % columns);
    let from = image * shape.image_len() + 2 * row * shape.row_len();
    let at = from + 2 * column * shape.channels;
    let below = at + shape.row_len();
    [at, at + shape.channels, below, below + shape.channels]
}

/// 2 x 2 max pooling after a ReLU (where `relu`); keeps the place of each maximum.
pub fn max_pool(shape: &PoolShape, relu: bool, input: &[f32], out: &mut [f32], places: &mut [u8]) {
    let channels = shape.channels;
    let out_row = shape.width / 2 * channels;
    if out.is_empty() {
        return;
    }
    out.par_chunks_mut(out_row)
        .zip(places.par_chunks_mut(out_row))
        .enumerate()
        .for_each(|(index, (out, places))| {
            let cells = out.chunks_exact_mut(channels);
            for (column, (out, places)) in cells.zip(places.chunks_exact_mut(channels)).enumerate()
            {
                let cell = cell_of(shape, index * (shape.width / 2) + column);
                let pixels = cell.map(|at| &input[at..at + channels]);
                for channel in 0..channels {
                    let (mut best, mut place) = (pixels[0][channel], 0);
                    for (other, pixel) in pixels.iter().enumerate().skip(1) {
                        // What is not a number wins, and then nothing is larger.
                        let larger = pixel[channel] > best || pixel[channel].is_nan();
                        best = if larger { pixel[channel] } else { best };
                        place = if larger { other as u8 } else { place };
                    }
                    // Asked this way round, so that what is not a number stays visible.
                    let shut = relu && best <= 0.0;
                    out[channel] = if shut { 0.0 } else { best };
                    places[channel] = if shut { SHUT } else { place };
                }
            }
        });
}

/// The gradient of the input of [`max_pool`].
pub fn max_pool_grad(shape: &PoolShape, grad: &[f32], places: &[u8]) -> Vec<f32> {
    let (rows, channels) = (shape.height / 2, shape.channels);
    let grad_len = rows * (shape.width / 2) * channels;
    let image_len = shape.image_len();
    in_pieces(shape.batch * image_len, image_len, |image, out| {
        let part = image * grad_len..(image + 1) * grad_len;
        let cells = grad[part.clone()].chunks_exact(channels.max(1));
        let cells = cells.zip(places[part].chunks_exact(channels.max(1)));
        for (index, (grad, places)) in cells.enumerate() {
            let (row, column) = (index / (shape.width / 2), index % (shape.width / 2));
            let at = (2 * row * shape.width + 2 * column) * channels;
            for (channel, (&grad, &place)) in grad.iter().zip(places).enumerate() {
                if place != SHUT {
                    let (down, right) = (usize::from(place / 2), usize::from(place % 2));
                    out[at + down * shape.row_len() + right * channels + channel] = grad;
                }
            }
        }
    })
}

/// The mean over rows and columns, `[batch, channels]`.
pub fn global_mean(shape: &PoolShape, input: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; shape.batch * shape.channels];
    let pixels = (shape.height * shape.width).max(1);
    out.par_chunks_mut(shape.channels.max(1))
        .zip(input.par_chunks(shape.image_len().max(1)))
        .for_each(|(out, image)| {
            for row in image.chunks(shape.row_len().max(1)) {
                let mut sums = vec![0.0f32; shape.channels];
                for pixel in row.chunks_exact(shape.channels.max(1)) {
                    for (sum, x) in sums.iter_mut().zip(pixel) {
                        *sum += x;
                    }
                }
                for (out, sum) in out.iter_mut().zip(&sums) {
                    *out += sum;
                }
            }
            out.iter_mut().for_each(|sum| *sum /= pixels as f32);
        });
    out
}

/// The gradient of the input of [`global_mean`].
pub fn global_mean_grad(shape: &PoolShape, grad: &[f32]) -> Vec<f32> {
    let share = 1.0 / (shape.height * shape.width).max(1) as f32;
    let image_len = shape.image_len();
    in_pieces(shape.batch * image_len, image_len, |image, out| {
        let grad = &grad[image * shape.channels..][..shape.channels];
        for pixel in out.chunks_exact_mut(shape.channels.max(1)) {
            for (out, grad) in pixel.iter_mut().zip(grad) {
                *out = grad * share;
            }
        }
    })
}
