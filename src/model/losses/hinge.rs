//! Hinge loss: `max(0, 1 - s x)`, with s = 1 for the second class and -1 for the first.

use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
use schemars::JsonSchema;
use serde::Deserialize;

use super::checks::check_binary;
use super::loss::Loss;
use super::mismatch::LossMismatch;
use super::targets::binary_labels;
use crate::data::{Target, Task};
use crate::model::activation::Activation;

/// For two classes and one output, the margin of the second class. Keras's `Hinge`.
///
/// A margin is no probability: those that are shown are its sigmoid.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hinge {}

/// The square of the hinge loss. Keras's `SquaredHinge`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SquaredHinge {}

/// `[batch]`: how far each margin is from 1.
fn shortfall(margins: Tensor<2>, target: &Target) -> Tensor<1> {
    let sign = binary_labels(target) * 2.0 - 1.0;
    ((sign * margins.squeeze_dim::<1>(1)).neg() + 1.0).clamp_min(0.0)
}

fn probabilities(margins: Tensor<2>) -> Tensor<2> {
    let second = sigmoid(margins.clone());
    Tensor::cat(vec![sigmoid(margins.neg()), second], 1)
}

impl Loss for Hinge {
    fn check(&self, num_outputs: usize, task: &Task) -> Result<(), LossMismatch> {
        check_binary("hinge", num_outputs, task)
    }

    fn absorbs(&self) -> Activation {
        Activation::Linear
    }

    fn forward(&self, logits: Tensor<2>, target: &Target) -> Tensor<1> {
        shortfall(logits, target)
    }

    fn predictions(&self, logits: Tensor<2>) -> Tensor<2> {
        probabilities(logits)
    }
}

impl Loss for SquaredHinge {
    fn check(&self, num_outputs: usize, task: &Task) -> Result<(), LossMismatch> {
        check_binary("squared_hinge", num_outputs, task)
    }

    fn absorbs(&self) -> Activation {
        Activation::Linear
    }

    fn forward(&self, logits: Tensor<2>, target: &Target) -> Tensor<1> {
        let shortfall = shortfall(logits, target);
        shortfall.clone() * shortfall
    }

    fn predictions(&self, logits: Tensor<2>) -> Tensor<2> {
        probabilities(logits)
    }
}
