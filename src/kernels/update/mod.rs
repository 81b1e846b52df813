//! The optimizers' updates: on the CPU one pass over parameter, gradient and state, in place; elsewhere a chain of tensor
//! operations.
//!
//! The gradient of a fully connected layer need not be stored at all: it may come as the two
//! factors whose product it is, a few rows at a time.

pub mod blend;
mod erased;
mod gradient;
pub mod max_norm;
mod moving;
mod pass;
mod rule;
pub mod rules;
#[cfg(test)]
mod tests;

use burn::tensor::Tensor;

use crate::device::on_cpu;

pub use super::update::erased::Update;
pub use gradient::{Factors, Gradient};
pub use rule::Rule;

/// One step of an optimizer: the new parameter; the state changes in its place.
///
/// # Shapes
/// All tensors `[elements]`, without autodiff.
///
/// # Panics
/// Where the number of tensors of state is not the update's.
pub fn update(
    update: &Update,
    param: Tensor<1>,
    slots: &mut Vec<Tensor<1>>,
    grad: Gradient,
) -> Tensor<1> {
    assert_eq!(slots.len(), update.num_slots(), "{update:?}");
    match grad {
        Gradient::Whole(grad) if !on_cpu(&param.device()) => update.plain(param, slots, *grad),
        grad => update.fused(param, slots, grad),
    }
}
