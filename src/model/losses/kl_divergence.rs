//! Kullback and Leibler's divergence of the softmax from the target's shares: `sum y (ln y - ln p)`.

use burn::tensor::Tensor;
use burn::tensor::activation::{log_softmax, softmax};
use schemars::JsonSchema;
use serde::Deserialize;

use super::checks::for_classes;
use super::loss::Loss;
use super::mismatch::{LossMismatch, TargetKind};
use super::targets::shares;
use crate::data::{Target, Task};
use crate::model::activation::Activation;

/// For classes and one output each; the same gradient as cross-entropy, and 0 where the shares are met
/// exactly. Keras's `KLDivergence`, PyTorch's `KLDivLoss` (summed over the classes).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KlDivergence {}

impl Loss for KlDivergence {
    fn check(&self, num_outputs: usize, task: &Task) -> Result<(), LossMismatch> {
        let classes = for_classes("kl_divergence", task)?;
        if num_outputs == classes {
            return Ok(());
        }
        Err(LossMismatch::Outputs {
            loss: "kl_divergence",
            of: TargetKind::Classes,
            num_targets: classes,
            num_outputs,
        })
    }

    fn absorbs(&self) -> Activation {
        Activation::Softmax
    }

    fn forward(&self, logits: Tensor<2>, target: &Target) -> Tensor<1> {
        let shares = shares(target, &logits);
        // 0 ln 0 is 0.
        let entropy = shares.clone() * shares.clone().clamp_min(1e-12).log();
        let each = entropy - shares * log_softmax(logits, 1);
        each.sum_dim(1).squeeze_dim(1)
    }

    fn predictions(&self, logits: Tensor<2>) -> Tensor<2> {
        softmax(logits, 1)
    }
}
