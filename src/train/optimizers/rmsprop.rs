//! RMSprop (Hinton, 2012), in Keras's form: `s = rho s + (1 - rho) g^2; w -= lr g / sqrt(s + epsilon)`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Optimizer;
use crate::kernels::Update;

/// RMSprop. PyTorch adds epsilon to the root instead.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RmsProp {
    /// The step's size.
    #[serde(default = "default_rate")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    learning_rate: f64,
    /// The share of the mean squared gradient that a step keeps.
    #[serde(default = "default_rho")]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    rho: f64,
    /// The share of the last step that is repeated.
    #[serde(default)]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    momentum: f64,
    /// Keeps the division finite.
    #[serde(default = "default_epsilon")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    epsilon: f64,
}

fn default_rate() -> f64 {
    1e-3
}
fn default_rho() -> f64 {
    0.9
}
fn default_epsilon() -> f64 {
    1e-7
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
        Update::RmsProp {
            rate: learning_rate as f32,
            rho: self.rho,
            momentum: self.momentum as f32,
            epsilon: self.epsilon as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::three_steps;
    use super::*;

    /// Keras 3.15: `o = keras.optimizers.RMSprop(0.1, momentum=...)`, then three times
    /// `o.apply([ops.array([0.5, -1e-3, 2.])], [w])` from `w = [1., -2., 3.]`.
    #[test]
    fn agrees_with_keras() {
        for (momentum, expected) in KERAS {
            let rmsprop = RmsProp {
                learning_rate: 0.1,
                rho: 0.9,
                momentum,
                epsilon: 1e-7,
            };
            let w = three_steps(&rmsprop, 0.1, &[1.0, -2.0, 3.0], &[0.5, -1e-3, 2.0]);
            for (found, expected) in w.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-5, "{w:?}");
            }
        }
    }

    const KERAS: [(f64, [f32; 3]); 2] = [
        (0.0, [0.262263, -1.426521, 2.262262]),
        (0.5, [-0.089615, -1.165968, 1.910383]),
    ];
}
