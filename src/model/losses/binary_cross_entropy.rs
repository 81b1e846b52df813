//! Binary cross-entropy on logits: `max(x, 0) - x y + ln(1 + exp(-|x|))`.

use std::sync::Arc;

use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Loss, for_classes};
use crate::data::{Target, Task};
use crate::kernels::{Labels, cross_entropy, on_cpu};
use crate::model::activation::Activation;
use crate::model::value::host;

/// For two classes and one output: the logit of the second class (in sorted order).
///
/// The form is PyTorch's `BCEWithLogitsLoss`; Keras clips probabilities at 1e-7 instead, which
/// differs for logits beyond 16.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BinaryCrossEntropy {}

impl Loss for BinaryCrossEntropy {
    fn check(&self, num_outputs: usize, task: &Task) -> Result<(), String> {
        let num_classes = for_classes("binary_cross_entropy", task)?;
        if num_classes != 2 {
            return Err(format!(
                "binary_cross_entropy is for 2 classes, the data has {num_classes}; \
                 use loss = \"sparse_categorical_cross_entropy\" and {num_classes} units"
            ));
        }
        if num_outputs != 1 {
            return Err(format!(
                "binary_cross_entropy needs 1 output, the net gives {num_outputs}; \
                 end with {{ dense = {{ units = 1 }} }}"
            ));
        }
        Ok(())
    }

    fn absorbs(&self) -> Activation {
        Activation::Sigmoid
    }

    fn forward(&self, logits: Tensor<2>, target: &Target) -> Tensor<1> {
        let y: Tensor<1> = match target {
            Target::Class(classes) => classes.clone().float(),
            Target::Soft(shares) => shares.clone().narrow(1, 1, 1).squeeze_dim(1),
            Target::Multi(labels) | Target::Real(labels) => labels.clone().squeeze_dim(1),
        };
        if on_cpu(&logits.device()) {
            return cross_entropy(logits, Labels::Binary(Arc::new(host(y))));
        }
        let x = logits.squeeze_dim::<1>(1);
        let stable = (x.clone().abs().neg()).exp().log1p();
        x.clone().clamp_min(0.0) - x * y + stable
    }

    fn predictions(&self, logits: Tensor<2>) -> Tensor<2> {
        let second = sigmoid(logits.clone());
        let first = sigmoid(logits.neg());
        Tensor::cat(vec![first, second], 1)
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
        let loss = BinaryCrossEntropy {}.forward(logits, &Target::Class(classes));
        let loss = loss.into_data().try_to_vec::<f32>().expect("floats");
        for (found, expected) in loss.iter().zip([0.474_077, 1.701_413_3, 9.357_6e-14, 0.0]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn predictions_add_up_to_one() {
        let logits = Tensor::<2>::from_floats([[0.0], [2.0]], &Device::flex());
        let p = BinaryCrossEntropy {}
            .predictions(logits)
            .into_data()
            .try_to_vec::<f32>();
        let p = p.expect("floats");
        assert_eq!(p[0], 0.5);
        assert!((p[2] + p[3] - 1.0).abs() < 1e-6 && (p[3] - 0.880_797).abs() < 1e-6);
    }
}
