//! Adagrad (Duchi, Hazan and Singer, 2011), in Keras's form: `s += g^2; w -= lr g / sqrt(s + epsilon)`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::defaults;
use super::optimizer::{Form, Optimizer};
use crate::kernels::{Update, rules};

/// Steps that shrink with the sum of all squared gradients so far. PyTorch begins the sum with 0 and has
/// epsilon 1e-10.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Adagrad {
    /// The step's size.
    #[serde(default = "defaults::rate")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[schemars(extend("x-style" = {"keras": 1e-3, "torch": 1e-2}))]
    learning_rate: f64,
    /// What the sum of the squares begins with.
    #[serde(default = "default_accumulator")]
    #[schemars(range(min = 0))]
    #[schemars(extend("x-style" = {"keras": 0.1, "torch": 0}))]
    initial_accumulator: f64,
    /// Keeps the division finite.
    #[serde(default = "defaults::epsilon")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[schemars(extend("x-style" = {"keras": 1e-7, "torch": 1e-10}))]
    epsilon: f64,
    /// Where epsilon is added: to the sum of the squares ("keras"), or to its root ("torch").
    #[serde(default)]
    #[schemars(extend("x-style" = {"keras": "keras", "torch": "torch"}))]
    epsilon_form: Form,
    /// So many times the parameter is added to its gradient (PyTorch's `weight_decay`; Keras's is that of
    /// `adamw`). Biases decay too.
    #[serde(default)]
    #[schemars(range(min = 0))]
    weight_decay: f64,
}

fn default_accumulator() -> f64 {
    0.1
}

impl Optimizer for Adagrad {
    fn slots(&self) -> &'static [&'static str] {
        &["adagrad.sum"]
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn update(&self, _: u64, learning_rate: f64) -> Update {
        let (inside, outside) = self.epsilon_form.places(self.epsilon, 0.0);
        let rule = rules::Squares {
            inner: learning_rate as f32,
            outer: 1.0,
            kept: 1.0,
            taken: 1.0,
            inside: inside + self.initial_accumulator as f32, // the state begins with 0
            outside,
        };
        Update::new(rule).coupled_decay(self.weight_decay as f32)
    }
}
