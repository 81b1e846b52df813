//! The gradient of weights and bias, and the sum of its parts.

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
