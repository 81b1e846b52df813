//! Optimizers: one file each. An update is one function from (parameter, gradient, state) to the
//! new parameter; the state lies in named slots beside the parameter.
//!
//! Adding an optimizer: one file, and one line in [`OPTIMIZERS`].

mod adam;
mod sgd;

use std::fmt::Debug;

use burn::tensor::Tensor;

use crate::config::Member;
use crate::family;

/// What turns gradients into steps.
pub trait Optimizer: Debug + Send + Sync {
    /// The names of the state's slots ("adam.m"); each has the parameter's shape and starts at 0.
    fn slots(&self) -> &'static [&'static str];

    /// The learning rate that the experiment gives.
    fn learning_rate(&self) -> f64;

    /// One step, counted from 1.
    ///
    /// # Shapes
    /// All tensors `[elements]`, without autodiff.
    fn update(
        &self,
        step: u64,
        learning_rate: f64,
        param: Tensor<1>,
        grad: Tensor<1>,
        slots: &mut Vec<Tensor<1>>,
    ) -> Tensor<1>;
}

/// Every optimizer.
pub const OPTIMIZERS: &[Member<dyn Optimizer>] = family! { dyn Optimizer:
    "adam" => adam::Adam,
    "sgd" => sgd::Sgd,
};
