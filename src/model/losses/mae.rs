//! Mean absolute error: `|x - y|`.

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::Deserialize;

use super::loss::Loss;
use super::mismatch::LossMismatch;
use super::regression::{check, mean_of_row, wanted};
use crate::data::{Target, Task};
use crate::model::activation::Activation;

/// For regression; less sensitive to outliers than `mse`. Keras's `MeanAbsoluteError`, PyTorch's `L1Loss`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mae {}

impl Loss for Mae {
    fn check(&self, num_outputs: usize, task: &Task) -> Result<(), LossMismatch> {
        check("mae", num_outputs, task)
    }

    fn absorbs(&self) -> Activation {
        Activation::Linear
    }

    fn forward(&self, logits: Tensor<2>, target: &Target) -> Tensor<1> {
        let target = wanted(target, &logits);
        mean_of_row((logits - target).abs())
    }

    fn predictions(&self, logits: Tensor<2>) -> Tensor<2> {
        logits
    }
}
