//! Max pooling with windows of any size and stride, on plain slices of `[batch, height, width, channels]`. Windows may
//! overlap: the gradient of a pixel is the sum over the windows whose maximum it is, in their order.
//!
//! The loops over channels are plain: inside of a dispatch the compiler makes them vectors.

use pulp::{Simd, WithSimd};

use super::pass::PoolShape;
use crate::device::simd::arch;
use crate::kernels::scratch::{in_pieces, in_pieces_beside};

/// How windows lie over an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolWindow {
    /// Rows and columns; at most 255 pixels in all.
    pub size: [usize; 2],
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// (begin, end) rows and columns around the image that no window takes a value from.
    pub padding: [(usize, usize); 2],
}

impl PoolWindow {
    /// Rows and columns of the output.
    pub fn out_size(&self, shape: &PoolShape) -> [usize; 2] {
        let along = |axis: usize, size: usize| {
            let (begin, end) = self.padding[axis];
            (size + begin + end - self.size[axis]) / self.stride[axis] + 1
        };
        [along(0, shape.height), along(1, shape.width)]
    }

    /// The pixel of an axis that a window's row or column lies on.
    fn pixel(&self, axis: usize, window: usize, tap: usize, size: usize) -> Option<usize> {
        let pixel = (window * self.stride[axis] + tap).checked_sub(self.padding[axis].0)?;
        (pixel < size).then_some(pixel)
    }
}

/// The largest value of each window, and its place: row * columns + column in the window, of equals the first.
pub fn window_max(shape: &PoolShape, window: &PoolWindow, input: &[f32]) -> (Vec<f32>, Vec<u8>) {
    let [rows, columns] = window.out_size(shape);
    let row_len = columns * shape.channels;
    let len = shape.batch * rows * row_len;
    let mut places = vec![0u8; len];
    let out = in_pieces_beside(len, row_len, &mut places, |index, out, places| {
        arch().dispatch(Row {
            shape,
            window,
            image: index / rows,
            row: index % rows,
            input,
            out,
            places,
        });
    });
    (out, places)
}

/// One row of the output.
struct Row<'a> {
    shape: &'a PoolShape,
    window: &'a PoolWindow,
    image: usize,
    row: usize,
    input: &'a [f32],
    out: &'a mut [f32],
    places: &'a mut [u8],
}

impl WithSimd for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Row { shape, window, .. } = self;
        let channels = shape.channels;
        let cells = self.out.chunks_exact_mut(channels);
        let cells = cells.zip(self.places.chunks_exact_mut(channels));
        for (column, (out, places)) in cells.enumerate() {
            out.fill(f32::NEG_INFINITY);
            let mut first = true;
            for u in 0..window.size[0] {
                let Some(y) = window.pixel(0, self.row, u, shape.height) else {
                    continue;
                };
                for v in 0..window.size[1] {
                    let Some(x) = window.pixel(1, column, v, shape.width) else {
                        continue;
                    };
                    let pixel = (self.image * shape.height + y) * shape.width + x;
                    let pixel = &self.input[pixel * channels..][..channels];
                    let place = (u * window.size[1] + v) as u8;
                    for ((out, to), &x) in out.iter_mut().zip(places.iter_mut()).zip(pixel) {
                        // What is not a number wins, and then nothing is larger.
                        let larger = x > *out || x.is_nan() || first;
                        *out = if larger { x } else { *out };
                        *to = if larger { place } else { *to };
                    }
                    first = false;
                }
            }
        }
    }
}

/// The gradient of the input of [`window_max`].
pub fn window_max_grad(
    shape: &PoolShape,
    window: &PoolWindow,
    grad: &[f32],
    places: &[u8],
) -> Vec<f32> {
    let row_len = shape.width * shape.channels;
    let len = shape.batch * shape.height * row_len;
    in_pieces(len, row_len, |index, out| {
        arch().dispatch(RowGrad {
            shape,
            window,
            image: index / shape.height,
            row: index % shape.height,
            grad,
            places,
            out,
        });
    })
}

/// One row of the gradient of the input.
struct RowGrad<'a> {
    shape: &'a PoolShape,
    window: &'a PoolWindow,
    image: usize,
    row: usize,
    grad: &'a [f32],
    places: &'a [u8],
    out: &'a mut [f32],
}

impl WithSimd for RowGrad<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let RowGrad { shape, window, .. } = self;
        let channels = shape.channels;
        let [rows, columns] = window.out_size(shape);
        let covers = |axis: usize, pixel: usize, count: usize| {
            // The windows that a pixel lies in, and its row or column there.
            let reach = pixel + window.padding[axis].0;
            let stride = window.stride[axis];
            let first = (reach + 1)
                .saturating_sub(window.size[axis])
                .div_ceil(stride);
            (first..(reach / stride + 1).min(count)).map(move |at| (at, reach - at * stride))
        };
        for (column, out) in self.out.chunks_exact_mut(channels).enumerate() {
            for (row, u) in covers(0, self.row, rows) {
                for (window_column, v) in covers(1, column, columns) {
                    let at = ((self.image * rows + row) * columns + window_column) * channels;
                    let own = (u * window.size[1] + v) as u8;
                    let grads = &self.grad[at..at + channels];
                    let places = &self.places[at..at + channels];
                    for ((out, &grad), &place) in out.iter_mut().zip(grads).zip(places) {
                        *out += if place == own { grad } else { 0.0 };
                    }
                }
            }
        }
    }
}
