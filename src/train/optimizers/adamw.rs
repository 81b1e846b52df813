//! AdamW (Loshchilov and Hutter, 2019): Adam with weight decay beside the gradient:
//! `w -= lr decay w`, then Adam's step.

use schemars::JsonSchema;
use serde::Deserialize;

use super::adam::rule;
use super::optimizer::Optimizer;
use super::options::{EpsilonOptions, MomentOptions, StepSize};
use crate::kernels::Update;

/// Adam with decoupled weight decay, as in PyTorch and Keras; otherwise as `adam`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct AdamW {
    /// The learning rate.
    #[serde(flatten)]
    step: StepSize,
    /// Of its moving averages.
    #[serde(flatten)]
    moments: MomentOptions,
    /// What is added to its denominator.
    #[serde(flatten)]
    epsilon: EpsilonOptions,
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
        self.step.learning_rate
    }

    fn update(&self, step: u64, learning_rate: f64) -> Update {
        let betas = (self.moments.beta1, self.moments.beta2);
        Update::new(rule(
            step,
            learning_rate,
            betas,
            (self.epsilon.epsilon, self.epsilon.epsilon_form),
        ))
        .keeping((1.0 - learning_rate * self.weight_decay) as f32)
    }
}
