//! Poisson loss of counts, on the logarithm of the rate: `exp(x) - y x`.

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::Deserialize;

use super::loss::Loss;
use super::mismatch::LossMismatch;
use super::regression::{check, mean_of_row, wanted};
use crate::data::{Target, Task};
use crate::model::activation::Activation;

/// For counts; the net gives the logarithm of the rate. PyTorch's `PoissonNLLLoss(log_input=True)`; Keras's `Poisson` takes the rate itself, which ends with `exp`. Counts are not scaled: `data.scale_target = false`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Poisson {}

impl Loss for Poisson {
    fn check(&self, num_outputs: usize, task: &Task) -> Result<(), LossMismatch> {
        check("poisson", num_outputs, task)?;
        match task {
            Task::Regression(outputs) if outputs.iter().any(|o| o.mean != 0.0 || o.std != 1.0) => {
                Err(LossMismatch::ScaledCounts)
            }
            _ => Ok(()),
        }
    }

    fn absorbs(&self) -> Activation {
        Activation::Linear
    }

    fn forward(&self, logits: Tensor<2>, target: &Target) -> Tensor<1> {
        let target = wanted(target, &logits);
        mean_of_row(logits.clone().exp() - target * logits)
    }

    fn predictions(&self, logits: Tensor<2>) -> Tensor<2> {
        logits.exp()
    }
}
