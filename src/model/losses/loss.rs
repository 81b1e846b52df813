//! The trait of a loss.

use std::fmt::Debug;

use burn::tensor::Tensor;

use super::mismatch::LossMismatch;
use crate::data::{Target, Task};
use crate::model::activation::Activation;

/// A loss: what training minimises.
pub trait Loss: Debug + Send + Sync {
    /// Checks task and number of outputs.
    ///
    /// # Errors
    /// A task that the loss is not for, and which loss is; the outputs that the last layer must have.
    fn check(&self, num_outputs: usize, task: &Task) -> Result<(), LossMismatch>;

    /// The last activation that the loss computes itself, from the logits, which is numerically more stable.
    fn absorbs(&self) -> Activation;

    /// The loss of each sample.
    ///
    /// # Shapes
    /// Logits `[batch, outputs]`; result `[batch]`.
    fn forward(&self, logits: Tensor<2>, target: &Target) -> Tensor<1>;

    /// Predictions: the probability of each class or label, or the regression outputs (as scaled for the
    /// net).
    ///
    /// # Shapes
    /// Logits `[batch, outputs]`; result `[batch, classes]`, `[batch, labels]` or `[batch, targets]`.
    fn predictions(&self, logits: Tensor<2>) -> Tensor<2>;

    /// The same check for a net with heads: the outputs of each, by name, in their order in the logits. The loss keeps
    /// where each head lies; the last check counts.
    ///
    /// # Errors
    /// A loss that is for one target.
    fn check_heads(&mut self, _outputs: &[(&str, usize)], task: &Task) -> Result<(), LossMismatch> {
        let targets = task.heads().iter().map(|head| head.name.clone());
        Err(LossMismatch::SeveralTargets {
            targets: targets.collect(),
        })
    }

    /// The loss of the head called `name`.
    fn of_head(&self, _name: &str) -> Option<&dyn Loss> {
        None
    }

    /// The loss of each sample by each head, not weighted; none without heads.
    ///
    /// # Shapes
    /// Logits `[batch, outputs]`; results `[batch]`.
    fn forward_heads(&self, _logits: &Tensor<2>, _target: &Target) -> Vec<Tensor<1>> {
        Vec::new()
    }
}
