//! The gradient of the input where every output has a gradient, by the forward pass's kernels: a convolution of the
//! output's gradient with the kernel turned round.
//!
//! With strides each input pixel lies under a part of the kernel only, which depends on its place modulo the stride.
//! The pixels of each such class are a convolution of their own, with stride 1 and the taps `class + t stride`; then
//! they are put in their places. With `y + before = m stride + class`: `dx[y] = sum dy[m - t] w[class + t stride]`.

use super::forward::forward;
use super::padding::window;
use super::shape::ConvShape;
use crate::config::Precision;
use crate::kernels::pointwise::Pointwise;
use crate::kernels::scratch::in_pieces;

/// The pixels of an axis that lie under the same taps.
struct Class {
    /// The first tap.
    tap: usize,
    /// Taps, a stride apart.
    taps: usize,
    /// The first pixel; the next ones a stride apart.
    first: usize,
    /// Pixels.
    count: usize,
    /// The first output that the first pixel takes from; none where negative.
    from: isize,
}

/// The classes of an axis of `size` pixels, with `before` zeros before them.
fn classes(size: usize, before: usize, kernel: usize, stride: usize) -> Vec<Class> {
    let class = |tap: usize| {
        let first = (tap + stride - before % stride) % stride;
        let taps = kernel.saturating_sub(tap).div_ceil(stride);
        Class {
            tap,
            taps,
            first,
            count: size.saturating_sub(first).div_ceil(stride),
            from: ((first + before) / stride + 1) as isize - taps as isize,
        }
    };
    (0..stride).map(class).collect()
}

/// The gradient of the input without its padding, (begin, end) rows and columns; `grad` is that of the convolution's
/// output.
pub fn turned_grad(
    shape: &ConvShape,
    padding: [(usize, usize); 2],
    weight: &[f32],
    grad: &[f32],
) -> Vec<f32> {
    let [(top, bottom), (left, right)] = padding;
    let size = [shape.height - top - bottom, shape.width - left - right];
    let [rows, columns] = [0, 1].map(|axis| {
        let (before, _) = padding[axis];
        classes(size[axis], before, shape.kernel[axis], shape.stride[axis])
    });
    if shape.stride == [1, 1] {
        return class_grad(shape, [&rows[0], &columns[0]], weight, grad);
    }
    let parts: Vec<Vec<Vec<f32>>> = rows
        .iter()
        .map(|row| {
            let part = |column| class_grad(shape, [row, column], weight, grad);
            columns.iter().map(part).collect()
        })
        .collect();
    let channels = shape.channels;
    let row_len = size[1] * channels;
    in_pieces(shape.batch * size[0] * row_len, row_len, |index, to| {
        let (image, y) = (index / size[0], index % size[0]);
        let of_class = rows.iter().zip(&parts);
        let mine = of_class.filter(|(row, _)| y % shape.stride[0] == row.first);
        for (row, parts) in mine {
            for (column, part) in columns.iter().zip(parts) {
                let line = image * row.count + y / shape.stride[0];
                let line = &part[line * column.count * channels..][..column.count * channels];
                for (index, pixel) in line.chunks_exact(channels).enumerate() {
                    let x = column.first + index * shape.stride[1];
                    to[x * channels..][..channels].copy_from_slice(pixel);
                }
            }
        }
    })
}

/// The gradient of the pixels of one class.
fn class_grad(
    shape: &ConvShape,
    [row, column]: [&Class; 2],
    weight: &[f32],
    grad: &[f32],
) -> Vec<f32> {
    let [out_rows, out_columns] = shape.conv_size();
    let turned = ConvShape {
        batch: shape.batch,
        height: row.count + row.taps.max(1) - 1,
        width: column.count + column.taps.max(1) - 1,
        channels: shape.filters,
        filters: shape.channels,
        kernel: [row.taps, column.taps],
        stride: [1, 1],
        pool: false,
        then: Pointwise::Linear,
    };
    if row.taps == 0 || column.taps == 0 {
        return vec![0.0; shape.batch * row.count * column.count * shape.channels];
    }
    let (from, size) = ([row.from, column.from], [turned.height, turned.width]);
    let whole = from == [0, 0] && size == [out_rows, out_columns];
    let sizes = [shape.batch, out_rows, out_columns, shape.filters];
    let under = if whole {
        Vec::new()
    } else {
        window(grad, sizes, from, size)
    };
    forward(
        &turned,
        if whole { grad } else { &under },
        &turn_round(weight, shape, row, column),
        &vec![0.0; shape.channels],
        None,
        Precision::F32,
    )
}

/// `[filters, channels, rows, columns]` to `[channels, filters, taps, taps]`, the taps of a class from the last on.
fn turn_round(weight: &[f32], shape: &ConvShape, row: &Class, column: &Class) -> Vec<f32> {
    let [_, columns] = shape.kernel;
    let size = shape.kernel[0] * columns;
    let len = row.taps * column.taps;
    let mut turned = vec![0.0; shape.channels * shape.filters * len];
    for (index, kernel) in weight.chunks_exact(size).enumerate() {
        let (filter, channel) = (index / shape.channels, index % shape.channels);
        let to = &mut turned[(channel * shape.filters + filter) * len..][..len];
        for (at, to) in to.iter_mut().enumerate() {
            let [u, v] = [
                row.tap + (row.taps - 1 - at / column.taps) * shape.stride[0],
                column.tap + (column.taps - 1 - at % column.taps) * shape.stride[1],
            ];
            *to = kernel[u * columns + v];
        }
    }
    turned
}
