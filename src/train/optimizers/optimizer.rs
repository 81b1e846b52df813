//! The trait of an optimizer.

use std::fmt::Debug;

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::kernels::Update;
use crate::model::Param;

/// Turns gradients into updates of the parameters.
pub trait Optimizer: Debug + Send + Sync {
    /// The names of the state's slots ("adam.m"); each has the parameter's shape and starts at 0.
    fn slots(&self) -> &'static [&'static str];

    /// An option that is given but changes nothing, and why, in words that follow it.
    fn in_vain(&self) -> Option<(&'static str, &'static str)> {
        None
    }

    /// The learning rate that the experiment gives.
    fn learning_rate(&self) -> f64;

    /// The update of a step, counted from 1.
    fn update(&self, step: u64, learning_rate: f64) -> Update;
}

/// The optimizer's state of a parameter before its first update: none where it is not trained.
pub fn new_slots(optimizer: &dyn Optimizer, param: &Param) -> Vec<Tensor<1>> {
    let is_trained = param.trainable && !param.frozen;
    let count = if is_trained {
        optimizer.slots().len()
    } else {
        0
    };
    (0..count).map(|_| param.tensor.zeros_like()).collect()
}

/// The library whose form of an update is used, where they differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Keras's.
    #[default]
    Keras,
    /// PyTorch's.
    Torch,
}

impl Form {
    /// A number where Keras has it, and where PyTorch has it; what the other place has changes nothing: for a rate 1,
    /// for an epsilon 0.
    pub fn places(self, number: f64, nothing: f32) -> (f32, f32) {
        match self {
            Form::Keras => (number as f32, nothing),
            Form::Torch => (nothing, number as f32),
        }
    }
}
