//! Checks of shapes that layers share, and values in the form in which they compute.

use burn::tensor::Tensor;

use super::mismatch::Mismatch;
use crate::data::{Shape, Value};

/// Checks that a layer gets numbers.
pub fn check_numbers(input: Shape) -> Result<(), Mismatch> {
    match input {
        Shape::Tokens { .. } => Err(Mismatch::new(format!("expects numbers, gets {input}"))
            .hint("put { embedding = { dim = 50 } } before it")),
        _ => Ok(()),
    }
}

/// `[height, width, channels]` of an image, or why it is none.
pub fn image_dims(input: Shape) -> Result<(usize, usize, usize), Mismatch> {
    match input {
        Shape::Image {
            height,
            width,
            channels,
        } => Ok((height, width, channels)),
        other => Err(Mismatch::new(format!(
            "expects an image (height x width x channels), gets {other} values"
        ))
        .hint("layers on images come before `flatten` or `global_avg_pool`")),
    }
}

/// `(length, features)` of a sequence, or why it is none.
pub fn sequence_dims(input: Shape) -> Result<(usize, usize), Mismatch> {
    match input {
        Shape::Sequence { length, features } => Ok((length, features)),
        Shape::Tokens { .. } => Err(Mismatch::new(format!(
            "expects a sequence (steps x features), gets {input}"
        ))
        .hint("put { embedding = { dim = 50 } } before it")),
        other => Err(Mismatch::new(format!(
            "expects a sequence (steps x features), gets {other} values"
        ))
        .hint("sequences come from texts through { embedding = ... }, or from { reshape = ... }")),
    }
}

/// `x W`, each row with the same bits whatever the others are: with a single column, a general product sums a row in an
/// order that depends on how many rows there are.
///
/// # Shapes
/// Input `[rows, features]`, weight `[features, units]`, output `[rows, units]`.
pub fn product(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    match weight.dims() {
        [features, 1] => (x * weight.reshape([1, features])).sum_dim(1),
        _ => x.matmul(weight),
    }
}

/// Takes a sequence out of a value; the plan has checked that it is one.
pub fn into_sequence(value: Value) -> Tensor<3> {
    match value {
        Value::Sequence(x) => x,
        other => unreachable!("planned for a sequence, got {other:?}"),
    }
}

/// Takes an image out of a value; the plan has checked that it is one.
pub fn into_image(value: Value) -> Tensor<4> {
    match value {
        Value::Image(x) => x,
        other => unreachable!("planned for an image, got {other:?}"),
    }
}

/// `[batch, height, width, channels]` to Burn's `[batch, channels, height, width]`.
pub fn channels_first(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 3, 1, 2])
}

/// Burn's `[batch, channels, height, width]` to `[batch, height, width, channels]`.
pub fn channels_last(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 2, 3, 1])
}
