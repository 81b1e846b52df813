//! Optimizers: one file each. An optimizer gives the [`Update`] of a step, with its
//! numbers; the state lies in named slots beside the parameter.
//!
//! Adding an optimizer: one file, and one line in [`OPTIMIZERS`].

mod adam;
mod adamw;
mod rmsprop;
mod sgd;

use std::fmt::Debug;

use crate::config::Member;
use crate::family;
use crate::kernels::Update;

/// What turns gradients into steps.
pub trait Optimizer: Debug + Send + Sync {
    /// The names of the state's slots ("adam.m"); each has the parameter's shape and starts at 0.
    fn slots(&self) -> &'static [&'static str];

    /// The learning rate that the experiment gives.
    fn learning_rate(&self) -> f64;

    /// The update of a step, counted from 1.
    fn update(&self, step: u64, learning_rate: f64) -> Update;
}

/// Every optimizer.
pub const OPTIMIZERS: &[Member<dyn Optimizer>] = family! { dyn Optimizer:
    "adam" => adam::Adam,
    "adamw" => adamw::AdamW,
    "rmsprop" => rmsprop::RmsProp,
    "sgd" => sgd::Sgd,
};

/// Runs steps 1 to 3 of an optimizer on the same gradient, by the fused pass.
#[cfg(test)]
fn three_steps(optimizer: &dyn Optimizer, rate: f64, w: &[f32], grad: &[f32]) -> Vec<f32> {
    use crate::kernels::{Gradient, update};
    use burn::tensor::{Device, Tensor};

    let device = Device::flex();
    let grad = Tensor::<1>::from_floats(grad, &device);
    let mut slots: Vec<_> = optimizer
        .slots()
        .iter()
        .map(|_| grad.zeros_like())
        .collect();
    let mut w = Tensor::<1>::from_floats(w, &device);
    for step in 1..=3 {
        let grad = Gradient::Whole(Box::new(grad.clone()));
        w = update(optimizer.update(step, rate), w, &mut slots, grad);
    }
    w.into_data().try_to_vec().expect("floats")
}
