//! Cross-entropy of a softmax over classes: `-ln softmax(x)[class]`.

use std::sync::Arc;

use burn::tensor::Tensor;
use burn::tensor::activation::{log_softmax, softmax};
use schemars::JsonSchema;
use serde::Deserialize;

use super::checks::for_classes;
use super::loss::Loss;
use super::mismatch::{LossMismatch, TargetKind};
use super::targets::{indices, shares};
use crate::data::{Target, Task};
use crate::device::on_cpu;
use crate::kernels::{Labels, cross_entropy};
use crate::model::activation::Activation;
use crate::model::value::host;

/// For two or more classes and one output each; targets are class indices.
///
/// PyTorch's `CrossEntropyLoss`, Keras's `SparseCategoricalCrossentropy(from_logits=True)`; with mixed samples,
/// whose targets are shares of the classes, `CategoricalCrossentropy`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SparseCategoricalCrossEntropy {
    /// Shares become `y (1 - s) + s / classes` (Keras's and PyTorch's `label_smoothing`).
    #[serde(default)]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    label_smoothing: f64,
}

impl SparseCategoricalCrossEntropy {
    /// The target as shares, smoothed; the target itself where nothing is smoothed.
    fn smoothed(&self, target: &Target, logits: &Tensor<2>) -> Target {
        if self.label_smoothing == 0.0 {
            return target.clone();
        }
        let (s, classes) = (self.label_smoothing, logits.dims()[1] as f64);
        Target::Soft(shares(target, logits) * (1.0 - s) + s / classes)
    }
}

impl Loss for SparseCategoricalCrossEntropy {
    fn check(&self, num_outputs: usize, task: &Task) -> Result<(), LossMismatch> {
        let num_classes = for_classes("sparse_categorical_cross_entropy", task)?;
        if num_outputs == num_classes {
            return Ok(());
        }
        Err(LossMismatch::Outputs {
            loss: "sparse_categorical_cross_entropy",
            of: TargetKind::Classes,
            num_targets: num_classes,
            num_outputs,
        })
    }

    fn absorbs(&self) -> Activation {
        Activation::Softmax
    }

    fn forward(&self, logits: Tensor<2>, target: &Target) -> Tensor<1> {
        let target = &self.smoothed(target, &logits);
        if on_cpu(&logits.device()) {
            let labels = match target {
                Target::Class(classes) => Labels::Classes(Arc::new(indices(classes))),
                Target::Soft(shares) | Target::Multi(shares) | Target::Real(shares) => {
                    Labels::Shares(Arc::new(host(shares.clone())))
                }
            };
            return cross_entropy(logits, labels);
        }
        let log_probabilities = log_softmax(logits, 1);
        match target {
            Target::Class(classes) => {
                let picks = classes.clone().unsqueeze_dim::<2>(1);
                log_probabilities.gather(1, picks).squeeze_dim::<1>(1).neg()
            }
            Target::Soft(shares) | Target::Multi(shares) | Target::Real(shares) => {
                let weighted = log_probabilities * shares.clone();
                weighted.sum_dim(1).squeeze_dim::<1>(1).neg()
            }
        }
    }

    fn predictions(&self, logits: Tensor<2>) -> Tensor<2> {
        softmax(logits, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Int};

    /// `torch.nn.functional.cross_entropy(torch.tensor([[1., 2., 3.], [0., 100., 0.]]),
    /// torch.tensor([0, 1]), reduction="none")` in PyTorch 2.15.
    #[test]
    fn agrees_with_pytorch() {
        let device = Device::flex();
        let logits = Tensor::<2>::from_floats([[1.0, 2.0, 3.0], [0.0, 100.0, 0.0]], &device);
        let classes = Tensor::<1, Int>::from_ints([0, 1], &device);
        let loss = SparseCategoricalCrossEntropy {
            label_smoothing: 0.0,
        }
        .forward(logits, &Target::Class(classes));
        let loss = loss.into_data().try_to_vec::<f32>().expect("floats");
        assert!(
            (loss[0] - 2.407_606).abs() < 1e-5 && loss[1].abs() < 1e-6,
            "{loss:?}"
        );
    }
}
