//! Logarithm of the hyperbolic cosine of the error: `ln cosh(x - y)`.

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::Deserialize;

use super::loss::Loss;
use super::mismatch::LossMismatch;
use super::regression::{check, mean_of_row, wanted};
use crate::data::{Target, Task};
use crate::model::activation::Activation;

/// For regression: about `e^2 / 2` near 0 and `|e| - ln 2` far from it. Keras's `LogCosh`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogCosh {}

impl Loss for LogCosh {
    fn check(&self, num_outputs: usize, task: &Task) -> Result<(), LossMismatch> {
        check("log_cosh", num_outputs, task)
    }

    fn absorbs(&self) -> Activation {
        Activation::Linear
    }

    fn forward(&self, logits: Tensor<2>, target: &Target) -> Tensor<1> {
        let target = wanted(target, &logits);
        let error = (logits - target).abs();
        let tail = (error.clone() * -2.0).exp().log1p();
        mean_of_row(error + tail - std::f64::consts::LN_2)
    }

    fn predictions(&self, logits: Tensor<2>) -> Tensor<2> {
        logits
    }
}
