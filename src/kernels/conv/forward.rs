//! The forward pass: the kernel that a shape gets.

use super::direct::direct;
use super::shape::ConvShape;
use super::winograd::{winograd, winograd_fits};
use crate::config::Precision;

/// The block's output. Where the block pools and `places` is given, it gets of each output the place of its maximum in
/// the cell (row * 2 + column), or [`SHUT`](super::shape::SHUT).
pub fn forward(
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    places: Option<&mut [u8]>,
    precision: Precision,
) -> Vec<f32> {
    if winograd_fits(shape) {
        winograd(shape, input, weight, bias, places, precision)
    } else {
        direct(shape, input, weight, bias, places, precision)
    }
}
