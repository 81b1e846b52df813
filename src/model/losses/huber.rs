//! Huber loss: `e^2 / 2` for errors up to delta, `delta (|e| - delta / 2)` beyond.

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::Deserialize;

use super::loss::Loss;
use super::mismatch::LossMismatch;
use super::regression::{check, mean_of_row, wanted};
use crate::data::{Target, Task};
use crate::model::activation::Activation;

/// For regression: squared near 0, absolute far from it. Keras's `Huber`, PyTorch's `HuberLoss`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Huber {
    /// The error from which the loss grows linearly.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    delta: f64,
}

fn one() -> f64 {
    1.0
}

impl Loss for Huber {
    fn check(&self, num_outputs: usize, task: &Task) -> Result<(), LossMismatch> {
        check("huber", num_outputs, task)
    }

    fn absorbs(&self) -> Activation {
        Activation::Linear
    }

    fn forward(&self, logits: Tensor<2>, target: &Target) -> Tensor<1> {
        let target = wanted(target, &logits);
        let error = (logits - target).abs();
        let near = error.clone().clamp_max(self.delta);
        // e^2 / 2 = near^2 / 2 where near = e; beyond, near = delta and the rest grows linearly.
        let far = (error - near.clone()) * self.delta;
        mean_of_row(near.clone() * near * 0.5 + far)
    }

    fn predictions(&self, logits: Tensor<2>) -> Tensor<2> {
        logits
    }
}
