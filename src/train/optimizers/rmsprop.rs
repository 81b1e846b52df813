//! RMSprop (Hinton, 2012), in Keras's form: `s = rho s + (1 - rho) g^2; w -= lr g / sqrt(s + epsilon)`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::defaults;
use super::optimizer::{Form, Optimizer};
use crate::kernels::{Update, rules};

/// RMSprop. PyTorch's `alpha` is rho, with the default 0.99.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RmsProp {
    /// The step's size.
    #[serde(default = "defaults::rate")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[schemars(extend("x-style" = {"keras": 1e-3, "torch": 1e-2}))]
    learning_rate: f64,
    /// The share of the mean squared gradient that a step keeps.
    #[serde(default = "default_rho")]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    #[schemars(extend("x-style" = {"keras": 0.9, "torch": 0.99}))]
    rho: f64,
    /// The share of the last step that is repeated.
    #[serde(default)]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    momentum: f64,
    /// Whether the velocity contains the learning rate ("keras") or not ("torch"), as for `sgd`.
    #[serde(default)]
    #[schemars(extend("x-style" = {"keras": "keras", "torch": "torch"}))]
    momentum_form: Form,
    /// Keeps the division finite.
    #[serde(default = "defaults::epsilon")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[schemars(extend("x-style" = {"keras": 1e-7, "torch": 1e-8}))]
    epsilon: f64,
    /// Where epsilon is added: to the mean of the squares ("keras"), or to its root ("torch").
    #[serde(default)]
    #[schemars(extend("x-style" = {"keras": "keras", "torch": "torch"}))]
    epsilon_form: Form,
    /// So many times the parameter is added to its gradient (PyTorch's `weight_decay`; Keras's is that of
    /// `adamw`). Biases decay too.
    #[serde(default)]
    #[schemars(range(min = 0))]
    weight_decay: f64,
}

fn default_rho() -> f64 {
    0.9
}

impl Optimizer for RmsProp {
    fn slots(&self) -> &'static [&'static str] {
        // As the update sees it, in 32 bits.
        if self.momentum as f32 > 0.0 {
            &["rmsprop.square", "rmsprop.velocity"]
        } else {
            &["rmsprop.square"]
        }
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn update(&self, _: u64, learning_rate: f64) -> Update {
        let (inner, outer) = self.momentum_form.places(learning_rate, 1.0);
        let (inside, outside) = self.epsilon_form.places(self.epsilon, 0.0);
        let squares = rules::Squares {
            inner,
            outer,
            kept: self.rho as f32,
            taken: (1.0 - self.rho) as f32,
            inside,
            outside,
        };
        let update = match self.momentum as f32 {
            momentum if momentum > 0.0 => Update::new(rules::SquaresMomentum { squares, momentum }),
            _ => Update::new(squares),
        };
        update.coupled_decay(self.weight_decay as f32)
    }
}
