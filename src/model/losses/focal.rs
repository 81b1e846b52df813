//! Focal loss (Lin and others, 2017): cross-entropy times `(1 - p)^gamma`, so that what is learned already
//! counts less.

use burn::tensor::Tensor;
use burn::tensor::activation::{log_sigmoid, log_softmax, sigmoid, softmax};
use schemars::JsonSchema;
use serde::Deserialize;

use super::checks::for_classes;
use super::loss::Loss;
use super::mismatch::{LossMismatch, TargetKind};
use super::targets::{binary_labels, shares};
use crate::data::{Target, Task};
use crate::model::activation::Activation;

/// For two classes and one output (Keras's `BinaryFocalCrossentropy`), or any number of classes and one
/// output each (`CategoricalFocalCrossentropy`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Focal {
    /// How much less well-known samples count; 0 is cross-entropy.
    #[serde(default = "two")]
    #[schemars(range(min = 0))]
    gamma: f64,
    /// Weighs the second class by alpha and the first by 1 - alpha; with an output a class, all by
    /// alpha. Default: no weights.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    alpha: Option<f64>,
}

fn two() -> f64 {
    2.0
}

impl Focal {
    /// `p^gamma`, also for a gamma of 0 at p = 0.
    fn power<const D: usize>(&self, p: Tensor<D>) -> Tensor<D> {
        match self.gamma {
            0.0 => p.ones_like(),
            1.0 => p,
            2.0 => p.clone() * p,
            gamma => p.clamp_min(1e-12).powf_scalar(gamma),
        }
    }
}

impl Loss for Focal {
    fn check(&self, num_outputs: usize, task: &Task) -> Result<(), LossMismatch> {
        let classes = for_classes("focal", task)?;
        if num_outputs == classes || (classes == 2 && num_outputs == 1) {
            return Ok(());
        }
        Err(LossMismatch::Outputs {
            loss: "focal",
            of: TargetKind::Classes,
            num_targets: classes,
            num_outputs,
        })
    }

    fn absorbs(&self) -> Activation {
        // Of two forms; which one it is shows with the outputs.
        Activation::Linear
    }

    fn forward(&self, logits: Tensor<2>, target: &Target) -> Tensor<1> {
        if logits.dims()[1] == 1 {
            let y = binary_labels(target);
            let x = logits.squeeze_dim::<1>(1);
            let (positive, negative) = match self.alpha {
                Some(alpha) => (alpha, 1.0 - alpha),
                None => (1.0, 1.0),
            };
            let missed = self.power(sigmoid(x.clone().neg())) * log_sigmoid(x.clone());
            let claimed = self.power(sigmoid(x.clone())) * log_sigmoid(x.neg());
            let other = y.clone().neg() + 1.0;
            return (y * missed * positive + other * claimed * negative).neg();
        }
        let shares = shares(target, &logits);
        let unsure = self.power(softmax(logits.clone(), 1).neg() + 1.0);
        let each = shares * unsure * log_softmax(logits, 1);
        (each.sum_dim(1).squeeze_dim::<1>(1) * self.alpha.unwrap_or(1.0)).neg()
    }

    fn predictions(&self, logits: Tensor<2>) -> Tensor<2> {
        if logits.dims()[1] > 1 {
            return softmax(logits, 1);
        }
        let second = sigmoid(logits.clone());
        Tensor::cat(vec![sigmoid(logits.neg()), second], 1)
    }
}
