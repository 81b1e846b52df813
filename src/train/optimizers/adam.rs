//! Adam (Kingma and Ba, 2015), in Keras's form:
//! `w -= a m / (sqrt(v) + epsilon)` with `a = lr sqrt(1 - beta2^t) / (1 - beta1^t)`.

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Optimizer;
use crate::kernels::{AdamStep, adam_step, on_cpu};

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

    fn update(
        &self,
        step: u64,
        learning_rate: f64,
        param: Tensor<1>,
        grad: Tensor<1>,
        slots: &mut Vec<Tensor<1>>,
    ) -> Tensor<1> {
        let v = slots.pop().expect("Adam has two slots");
        let m = slots.pop().expect("Adam has two slots");
        let t = step as f64;
        let rate = learning_rate * (1.0 - self.beta2.powf(t)).sqrt() / (1.0 - self.beta1.powf(t));
        if on_cpu(&param.device()) {
            let fused = AdamStep {
                rate: rate as f32,
                beta1: self.beta1,
                beta2: self.beta2,
                epsilon: self.epsilon as f32,
            };
            let [param, m, v] = adam_step(fused, [param, m, v], grad);
            slots.extend([m, v]);
            return param;
        }
        let m = m * self.beta1 + grad.clone() * (1.0 - self.beta1);
        let v = v * self.beta2 + grad.square() * (1.0 - self.beta2);
        let change = m.clone() / (v.clone().sqrt() + self.epsilon) * rate;
        slots.extend([m, v]);
        param - change
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// Keras 3.15: `o = keras.optimizers.Adam(0.1); w = keras.Variable([1., -2., 3.])`, then three
    /// times `o.apply([ops.array([0.5, -1e-8, 2.])], [w])`.
    #[test]
    fn agrees_with_keras() {
        let device = Device::flex();
        let adam = Adam {
            learning_rate: 0.1,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-7,
        };
        let grad = Tensor::<1>::from_floats([0.5, -1e-8, 2.0], &device);
        let mut slots = vec![grad.zeros_like(), grad.zeros_like()];
        let mut w = Tensor::<1>::from_floats([1.0, -2.0, 3.0], &device);
        for step in 1..=3 {
            w = adam.update(step, 0.1, w, grad.clone(), &mut slots);
        }
        let w = w.into_data().try_to_vec::<f32>().expect("floats");
        for (found, expected) in w.iter().zip(KERAS) {
            assert!((found - expected).abs() < 1e-5, "{w:?}");
        }
    }

    const KERAS: [f32; 3] = [0.700_003_5, -1.998_695_3, 2.700_002_2];
}
