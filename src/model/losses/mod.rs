//! Losses: one file each. All of them work on logits inside, whatever the net's last activation.
//!
//! Adding a loss: one file, and one line in [`LOSSES`].

mod binary_cross_entropy;
mod sparse_categorical_cross_entropy;

use std::fmt::Debug;

use burn::tensor::{Int, Tensor};

use super::activation::Activation;
use crate::config::Member;
use crate::data::{Target, Task};
use crate::family;

/// What training lowers.
pub trait Loss: Debug + Send + Sync {
    /// Checks the net's outputs against what the net is to say.
    ///
    /// # Errors
    /// A task that the loss is not for, and what is; what the last layer must give.
    fn check(&self, num_outputs: usize, task: &Task) -> Result<(), String>;

    /// The last activation that the loss computes itself, in a stabler form.
    fn absorbs(&self) -> Activation;

    /// The loss of each sample.
    ///
    /// # Shapes
    /// Logits `[batch, outputs]`; result `[batch]`.
    fn forward(&self, logits: Tensor<2>, target: &Target) -> Tensor<1>;

    /// What the outputs say: the probability of each class or label, or the numbers (as scaled for the
    /// net).
    ///
    /// # Shapes
    /// Logits `[batch, outputs]`; result `[batch, classes]`, `[batch, labels]` or `[batch, numbers]`.
    fn predictions(&self, logits: Tensor<2>) -> Tensor<2>;
}

/// Every loss.
pub const LOSSES: &[Member<dyn Loss>] = family! { dyn Loss:
    "binary_cross_entropy" => binary_cross_entropy::BinaryCrossEntropy,
    "sparse_categorical_cross_entropy" =>
        sparse_categorical_cross_entropy::SparseCategoricalCrossEntropy,
};

/// Class indices.
fn indices(classes: &Tensor<1, Int>) -> Vec<u32> {
    let data = classes.to_data();
    data.iter::<i64>().map(|class| class as u32).collect()
}

/// The number of classes.
///
/// # Errors
/// A task of another kind, and the loss to take.
fn for_classes(loss: &str, task: &Task) -> Result<usize, String> {
    let instead = match task {
        Task::Classes(classes) => return Ok(classes.len()),
        Task::Labels(_) => "binary_cross_entropy",
        Task::Numbers(_) => "mse",
    };
    let (what, names) = (task.what(), task.names().join(", "));
    Err(format!(
        "{loss} is for classes, the targets are {what} ({names}); use loss = {instead:?}"
    ))
}
