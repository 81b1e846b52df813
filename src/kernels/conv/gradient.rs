//! What the gradients of a block have in common: the gradient of the convolution's own output, that of the bias, and the
//! sum of parts.

use rayon::prelude::*;

use super::shape::{ConvShape, SHUT};
use crate::kernels::scratch::in_pieces;

/// Gradients of a block's parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightGrad {
    /// `[filters, channels, rows, columns]`
    pub weight: Vec<f32>,
    /// `[filters]`
    pub bias: Vec<f32>,
}

/// Adds every part of `len` values to the first.
pub fn add_parts(values: &mut [f32], len: usize) {
    let (total, parts) = values.split_at_mut(len);
    for part in parts.chunks_exact(len.max(1)) {
        for (total, part) in total.iter_mut().zip(part) {
            *total += part;
        }
    }
}

/// Parts of the rows whose gradients are summed for the bias.
const PARTS: usize = 16;

/// Rows that are added up before they are added to the others.
const BLOCK: usize = 128;

/// The gradient of the bias: the sum of `grad` over all positions, `[positions, filters]`.
pub fn bias_grad(grad: &[f32], filters: usize) -> Vec<f32> {
    let rows = grad.len() / filters.max(1);
    let mut sums = vec![0.0f32; PARTS * filters];
    sums.par_chunks_mut(filters.max(1))
        .enumerate()
        .for_each(|(part, sums)| {
            let range = part * rows / PARTS..(part + 1) * rows / PARTS;
            let mut block = vec![0.0f32; filters];
            for rows in grad[range.start * filters..range.end * filters].chunks(BLOCK * filters) {
                block.fill(0.0);
                for row in rows.chunks_exact(filters) {
                    for (sum, grad) in block.iter_mut().zip(row) {
                        *sum += grad;
                    }
                }
                for (sum, block) in sums.iter_mut().zip(&block) {
                    *sum += block;
                }
            }
        });
    add_parts(&mut sums, filters);
    sums.truncate(filters);
    sums
}

/// The gradient of the convolution's own output: that of the block's where it passes, at the place of each maximum.
pub fn conv_grad(shape: &ConvShape, grad: &[f32], places: &[u8]) -> Vec<f32> {
    let [rows, columns] = shape.conv_size();
    let [out_rows, out_columns] = shape.out_size();
    let (cell, filters) = (shape.cell(), shape.filters);
    let row_len = columns * filters;
    in_pieces(shape.batch * rows * row_len, row_len, |index, to| {
        let (image, row) = (index / rows, index % rows);
        if row / cell >= out_rows {
            return;
        }
        for (column, to) in to.chunks_exact_mut(filters).enumerate() {
            if column / cell >= out_columns {
                return;
            }
            let at = (image * out_rows + row / cell) * out_columns + column / cell;
            let own = (row % cell * 2 + column % cell) as u8;
            let grads = &grad[at * filters..][..filters];
            let places = &places[at * filters..][..filters];
            for ((to, grad), &place) in to.iter_mut().zip(grads).zip(places) {
                *to = if place == own && place != SHUT {
                    *grad
                } else {
                    0.0
                };
            }
        }
    })
}
