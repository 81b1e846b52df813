//! AdamW (Loshchilov and Hutter, 2019): Adam with weight decay beside the gradient:
//! `w -= lr decay w`, then Adam's step.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Optimizer;
use super::adam::corrected;
use crate::kernels::Update;

/// Adam with decoupled weight decay; otherwise as `adam`. Biases decay too, as in PyTorch and Keras.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdamW {
    /// The step's size.
    #[serde(default = "default_rate")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    learning_rate: f64,
    /// The share of the mean gradient that a step keeps.
    #[serde(default = "default_beta1")]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    beta1: f64,
    /// The share of the mean squared gradient that a step keeps.
    #[serde(default = "default_beta2")]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    beta2: f64,
    /// Keeps the division finite.
    #[serde(default = "default_epsilon")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    epsilon: f64,
    /// The share of a parameter, times the learning rate, that each step takes away.
    #[serde(default = "default_decay")]
    #[schemars(range(min = 0))]
    weight_decay: f64,
}

fn default_rate() -> f64 {
    1e-3
}
fn default_beta1() -> f64 {
    0.9
}
fn default_beta2() -> f64 {
    0.999
}
fn default_epsilon() -> f64 {
    1e-7
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
        Update::Adam {
            rate: corrected(learning_rate, step, self.beta1, self.beta2),
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon as f32,
            keep: (1.0 - learning_rate * self.weight_decay) as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::three_steps;
    use super::*;

    /// Keras 3.15: `o = keras.optimizers.AdamW(0.1, weight_decay=0.1)`, then three times
    /// `o.apply([ops.array([0.5, -1e-8, 2.])], [w])` from `w = [1., -2., 3.]`.
    #[test]
    fn agrees_with_keras() {
        let adamw = AdamW {
            learning_rate: 0.1,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-7,
            weight_decay: 0.1,
        };
        let w = three_steps(&adamw, 0.1, &[1.0, -2.0, 3.0], &[0.5, -1e-8, 2.0]);
        for (found, expected) in w.iter().zip(KERAS) {
            assert!((found - expected).abs() < 1e-5, "{w:?}");
        }
    }

    const KERAS: [f32; 3] = [0.673293, -1.939304, 2.613889];
}
