//! Stochastic gradient descent with momentum: `v = momentum v - lr g; w += v` (Keras's form; with a
//! constant rate the same as PyTorch's).

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Optimizer;

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

    fn update(
        &self,
        _: u64,
        learning_rate: f64,
        param: Tensor<1>,
        grad: Tensor<1>,
        slots: &mut Vec<Tensor<1>>,
    ) -> Tensor<1> {
        let change = grad * -learning_rate;
        let Some(velocity) = slots.pop() else {
            return param + change;
        };
        let velocity = velocity * self.momentum + change;
        slots.push(velocity.clone());
        param + velocity
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn momentum_repeats_the_last_step() {
        let device = Device::flex();
        let sgd = Sgd {
            learning_rate: 0.1,
            momentum: 0.5,
        };
        let grad = Tensor::<1>::from_floats([1.0], &device);
        let mut slots = vec![grad.zeros_like()];
        let mut w = Tensor::<1>::from_floats([0.0], &device);
        for step in 1..=3 {
            w = sgd.update(step, 0.1, w, grad.clone(), &mut slots);
        }
        // -0.1, then -0.15, then -0.175
        assert!((w.into_scalar::<f32>() + 0.425).abs() < 1e-6);
    }
}
