//! Adam (Kingma and Ba, 2015), in Keras's form:
//! `w -= a m / (sqrt(v) + epsilon)` with `a = lr sqrt(1 - beta2^t) / (1 - beta1^t)`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::defaults;
use super::optimizer::{Form, Optimizer};
use crate::kernels::{Update, rules};

/// Adam.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Adam {
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
    /// Where epsilon is added: to the root as it is ("keras"), or after the correction for its beginning at 0
    /// ("torch"), where the same number is about 31 times larger at the first step.
    #[serde(default)]
    #[schemars(extend("x-style" = {"keras": "keras", "torch": "torch"}))]
    epsilon_form: Form,
    /// So many times the parameter is added to its gradient (PyTorch's `weight_decay`; Keras's is that of
    /// `adamw`). Biases decay too.
    #[serde(default)]
    #[schemars(range(min = 0))]
    weight_decay: f64,
}

impl Optimizer for Adam {
    fn slots(&self) -> &'static [&'static str] {
        &["adam.m", "adam.v"]
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
        .coupled_decay(self.weight_decay as f32)
    }
}

/// Adam's rule at a step, counted from 1, with both corrections for means that began at 0.
pub fn rule(
    step: u64,
    learning_rate: f64,
    (beta1, beta2): (f64, f64),
    (epsilon, form): (f64, Form),
) -> rules::Adam {
    let t = step as f64;
    let correction = (1.0 - beta2.powf(t)).sqrt();
    let epsilon = match form {
        Form::Keras => epsilon,
        Form::Torch => epsilon * correction,
    };
    rules::Adam {
        rate: (learning_rate * correction / (1.0 - beta1.powf(t))) as f32,
        beta1,
        beta2,
        epsilon: epsilon as f32,
    }
}
