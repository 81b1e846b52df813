//! Stochastic gradient descent with momentum: `v = momentum v - lr g; w += v`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::optimizer::{Form, Optimizer};
use crate::kernels::{Update, rules};

/// Stochastic gradient descent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sgd {
    /// The step's size.
    #[serde(default = "default_rate")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[schemars(extend("x-style" = {"keras": 1e-2, "torch": 1e-3}))]
    learning_rate: f64,
    /// The share of the last step that is repeated.
    #[serde(default)]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    momentum: f64,
    /// Whether the gradient counts as if the momentum had already moved the parameter.
    #[serde(default)]
    nesterov: bool,
    /// Whether the velocity contains the learning rate ("keras": `v = momentum v - lr g; w += v`) or not ("torch":
    /// `v = momentum v + g; w -= lr v`). With a rate that changes the steps differ; the state has the sign of
    /// Keras's in both.
    #[serde(default)]
    #[schemars(extend("x-style" = {"keras": "keras", "torch": "torch"}))]
    momentum_form: Form,
    /// So many times the parameter is added to its gradient (PyTorch's `weight_decay`; Keras's is that of
    /// `adamw`). Biases decay too.
    #[serde(default)]
    #[schemars(range(min = 0))]
    weight_decay: f64,
}

fn default_rate() -> f64 {
    1e-2
}

impl Optimizer for Sgd {
    fn slots(&self) -> &'static [&'static str] {
        if self.momentum > 0.0 {
            &["sgd.velocity"]
        } else {
            &[]
        }
    }

    fn in_vain(&self) -> Option<(&'static str, &'static str)> {
        let in_vain = self.nesterov && self.momentum == 0.0;
        in_vain.then_some((
            "nesterov",
            "looks ahead along the momentum, but there is none (momentum = 0)",
        ))
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn update(&self, _: u64, learning_rate: f64) -> Update {
        let update = if self.momentum > 0.0 {
            let (inner, outer) = self.momentum_form.places(learning_rate, 1.0);
            Update::new(rules::Momentum {
                inner,
                outer,
                momentum: self.momentum as f32,
                nesterov: self.nesterov,
            })
        } else {
            Update::new(rules::Sgd {
                rate: learning_rate as f32,
            })
        };
        update.coupled_decay(self.weight_decay as f32)
    }
}
