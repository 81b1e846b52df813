//! AdamW (Loshchilov and Hutter, 2019): Adam with weight decay beside the gradient:
//! `w -= lr decay w`, then Adam's step.

use schemars::JsonSchema;
use serde::Deserialize;

use super::adam::rule;
use super::defaults;
use super::optimizer::{Form, Optimizer};
use crate::kernels::Update;

/// Adam with decoupled weight decay, as in PyTorch and Keras; otherwise as `adam`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdamW {
    /// The step's size.
    #[serde(default = "defaults::rate")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    learning_rate: f64,
    /// The share of the mean gradient that a step keeps.
    #[serde(default = "defaults::beta1")]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    beta1: f64,
    /// The share of the mean squared gradient that a step keeps.
    #[serde(default = "defaults::beta2")]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    beta2: f64,
    /// Keeps the division finite.
    #[serde(default = "defaults::epsilon")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[schemars(extend("x-style" = {"keras": 1e-7, "torch": 1e-8}))]
    epsilon: f64,
    /// Where epsilon is added: as for `adam`.
    #[serde(default)]
    #[schemars(extend("x-style" = {"keras": "keras", "torch": "torch"}))]
    epsilon_form: Form,
    /// The share of a parameter, times the learning rate, that each step takes away. Biases decay too.
    #[serde(default = "default_decay")]
    #[schemars(range(min = 0))]
    #[schemars(extend("x-style" = {"keras": 4e-3, "torch": 1e-2}))]
    weight_decay: f64,
}

fn default_decay() -> f64 {
    4e-3
}

impl Optimizer for AdamW {
    fn slots(&self) -> &'static [&'static str] {
        &["adamw.m", "adamw.v"]
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn update(&self, step: u64, learning_rate: f64) -> Update {
        let betas = (self.beta1, self.beta2);
        Update::new(rule(
            step,
            learning_rate,
            betas,
            (self.epsilon, self.epsilon_form),
        ))
        .keeping((1.0 - learning_rate * self.weight_decay) as f32)
    }
}
