//! Stochastic gradient descent with momentum: `v = momentum v - lr g; w += v` (Keras's form; with a
//! constant rate the same as PyTorch's).

use schemars::JsonSchema;
use serde::Deserialize;

use super::Optimizer;
use crate::kernels::Update;

/// Stochastic gradient descent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sgd {
    /// The step's size.
    #[serde(default = "default_rate")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    learning_rate: f64,
    /// The share of the last step that is repeated.
    #[serde(default)]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    momentum: f64,
    /// Whether the gradient counts as if the momentum had already moved the parameter.
    #[serde(default)]
    nesterov: bool,
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

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn update(&self, _: u64, learning_rate: f64) -> Update {
        let rate = learning_rate as f32;
        if self.momentum > 0.0 {
            Update::Momentum {
                rate,
                momentum: self.momentum as f32,
                nesterov: self.nesterov,
            }
        } else {
            Update::Sgd { rate }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::three_steps;
    use super::*;

    /// Keras 3.15: `o = keras.optimizers.SGD(0.1, momentum=0.5, nesterov=...)`, then three times
    /// `o.apply([ops.array([1., -2.])], [w])` from `w = [0., 1.]`.
    #[test]
    fn agrees_with_keras() {
        for (nesterov, expected) in KERAS {
            let sgd = Sgd {
                learning_rate: 0.1,
                momentum: 0.5,
                nesterov,
            };
            let w = three_steps(&sgd, 0.1, &[0.0, 1.0], &[1.0, -2.0]);
            for (found, expected) in w.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6, "{w:?}");
            }
        }
    }

    const KERAS: [(bool, [f32; 2]); 2] = [(false, [-0.425, 1.85]), (true, [-0.5125, 2.025])];
}
