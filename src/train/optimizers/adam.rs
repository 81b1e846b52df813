//! Adam (Kingma and Ba, 2015), in Keras's form:
//! `w -= a m / (sqrt(v) + epsilon)` with `a = lr sqrt(1 - beta2^t) / (1 - beta1^t)`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Optimizer;
use crate::kernels::Update;

/// Adam. PyTorch's epsilon is added after the bias correction: the same number is about 31 times
/// larger there at the first step.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Adam {
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

impl Optimizer for Adam {
    fn slots(&self) -> &'static [&'static str] {
        &["adam.m", "adam.v"]
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
            keep: 1.0,
        }
    }
}

/// The learning rate with both corrections for means that began at 0.
pub fn corrected(learning_rate: f64, step: u64, beta1: f64, beta2: f64) -> f32 {
    let t = step as f64;
    (learning_rate * (1.0 - beta2.powf(t)).sqrt() / (1.0 - beta1.powf(t))) as f32
}

#[cfg(test)]
mod tests {
    use super::super::three_steps;
    use super::*;

    /// Keras 3.15: `o = keras.optimizers.Adam(0.1); w = keras.Variable([1., -2., 3.])`, then three
    /// times `o.apply([ops.array([0.5, -1e-8, 2.])], [w])`.
    #[test]
    fn agrees_with_keras() {
        let adam = Adam {
            learning_rate: 0.1,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-7,
        };
        let w = three_steps(&adam, 0.1, &[1.0, -2.0, 3.0], &[0.5, -1e-8, 2.0]);
        for (found, expected) in w.iter().zip(KERAS) {
            assert!((found - expected).abs() < 1e-5, "{w:?}");
        }
    }

    const KERAS: [f32; 3] = [0.700_003_5, -1.998_695_3, 2.700_002_2];
}
