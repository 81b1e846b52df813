//! Adam (Kingma and Ba, 2015), in Keras's form:
//! `w -= a m / (sqrt(v) + epsilon)` with `a = lr sqrt(1 - beta2^t) / (1 - beta1^t)`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::optimizer::{Form, Optimizer};
use super::options::{EpsilonOptions, MomentOptions, StepSize};
use crate::kernels::{Update, rules};

/// Adam.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Adam {
    /// The learning rate.
    #[serde(flatten)]
    step: StepSize,
    /// Of its moving averages.
    #[serde(flatten)]
    moments: MomentOptions,
    /// What is added to its denominator.
    #[serde(flatten)]
    epsilon: EpsilonOptions,
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
