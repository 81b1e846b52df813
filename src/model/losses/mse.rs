//! Mean squared error: `(x - y)^2`.

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::Deserialize;

use super::loss::Loss;
use super::mismatch::LossMismatch;
use super::regression::{check, mean_of_row, wanted};
use crate::data::{Target, Task};
use crate::model::activation::Activation;

/// For regression. Keras's `MeanSquaredError`, PyTorch's `MSELoss`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mse {}

impl Loss for Mse {
    fn check(&self, num_outputs: usize, task: &Task) -> Result<(), LossMismatch> {
        check("mse", num_outputs, task)
    }

    fn absorbs(&self) -> Activation {
        Activation::Linear
    }

    fn forward(&self, logits: Tensor<2>, target: &Target) -> Tensor<1> {
        let target = wanted(target, &logits);
        let error = logits - target;
        mean_of_row(error.clone() * error)
    }

    fn predictions(&self, logits: Tensor<2>) -> Tensor<2> {
        logits
    }
}
