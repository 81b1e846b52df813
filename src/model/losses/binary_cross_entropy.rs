//! Binary cross-entropy on logits: `max(x, 0) - x y + ln(1 + exp(-|x|))`.

use std::sync::Arc;

use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
use schemars::JsonSchema;
use serde::Deserialize;

use super::checks::check_binary;
use super::loss::Loss;
use super::mismatch::{LossMismatch, TargetKind};
use super::targets::binary_labels;
use crate::data::{Target, Task};
use crate::device::on_cpu;
use crate::kernels::{Labels, cross_entropy};
use crate::model::activation::Activation;
use crate::model::value::host;

/// For two classes and one output, the logit of the second class (in sorted order); or for labels and one
/// output each, the mean over the labels.
///
/// The form is PyTorch's `BCEWithLogitsLoss`; Keras clips probabilities at 1e-7 instead, which
/// differs for logits beyond 16.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BinaryCrossEntropy {
    /// Targets become `y (1 - s) + s / 2` (Keras's `label_smoothing`).
    #[serde(default)]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    label_smoothing: f64,
}

/// `max(x, 0) - x y + ln(1 + exp(-|x|))`.
fn on_logits<const D: usize>(x: Tensor<D>, y: Tensor<D>) -> Tensor<D> {
    let stable = (x.clone().abs().neg()).exp().log1p();
    x.clone().clamp_min(0.0) - x * y + stable
}

impl BinaryCrossEntropy {
    fn smoothed<const D: usize>(&self, y: Tensor<D>) -> Tensor<D> {
        match self.label_smoothing {
            0.0 => y,
            s => y * (1.0 - s) + s / 2.0,
        }
    }
}

impl Loss for BinaryCrossEntropy {
    fn check(&self, num_outputs: usize, task: &Task) -> Result<(), LossMismatch> {
        match task {
            Task::MultiLabel(labels) if labels.len() == 1 => Err(LossMismatch::OneLabel {
                label: labels[0].clone(),
            }),
            Task::MultiLabel(labels) if labels.len() == num_outputs => Ok(()),
            Task::MultiLabel(labels) => Err(LossMismatch::Outputs {
                loss: "binary_cross_entropy",
                of: TargetKind::Labels,
                num_targets: labels.len(),
                num_outputs,
            }),
            _ => check_binary("binary_cross_entropy", num_outputs, task),
        }
    }

    fn absorbs(&self) -> Activation {
        Activation::Sigmoid
    }

    fn forward(&self, logits: Tensor<2>, target: &Target) -> Tensor<1> {
        if let Target::Multi(labels) = target {
            let each = on_logits(logits, self.smoothed(labels.clone()));
            return each.mean_dim(1).squeeze_dim(1);
        }
        let y = self.smoothed(binary_labels(target));
        if on_cpu(&logits.device()) {
            return cross_entropy(logits, Labels::Binary(Arc::new(host(y))));
        }
        on_logits(logits.squeeze_dim::<1>(1), y)
    }

    fn predictions(&self, logits: Tensor<2>) -> Tensor<2> {
        let second = sigmoid(logits.clone());
        match logits.dims()[1] {
            1 => Tensor::cat(vec![sigmoid(logits.neg()), second], 1),
            _ => second, // of each label
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Int};

    /// `torch.nn.functional.binary_cross_entropy_with_logits(torch.tensor([0.5, -1.5, 30., -200.]),
    /// torch.tensor([1., 1., 1., 0.]), reduction="none")` in PyTorch 2.15.
    #[test]
    fn agrees_with_pytorch_also_far_from_zero() {
        let device = Device::flex();
        let logits = Tensor::<2>::from_floats([[0.5], [-1.5], [30.0], [-200.0]], &device);
        let classes = Tensor::<1, Int>::from_ints([1, 1, 1, 0], &device);
        let loss = BinaryCrossEntropy {
            label_smoothing: 0.0,
        }
        .forward(logits, &Target::Class(classes));
        let loss = loss.into_data().try_to_vec::<f32>().expect("floats");
        for (found, expected) in loss.iter().zip([0.474_077, 1.701_413_3, 9.357_6e-14, 0.0]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn predictions_add_up_to_one() {
        let logits = Tensor::<2>::from_floats([[0.0], [2.0]], &Device::flex());
        let p = BinaryCrossEntropy {
            label_smoothing: 0.0,
        }
        .predictions(logits)
        .into_data()
        .try_to_vec::<f32>();
        let p = p.expect("floats");
        assert_eq!(p[0], 0.5);
        assert!((p[2] + p[3] - 1.0).abs() < 1e-6 && (p[3] - 0.880_797).abs() < 1e-6);
    }
}
