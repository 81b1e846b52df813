//! Losses: one file each. All of them work on logits inside, whatever the net's last activation.
//!
//! Adding a loss: one file, and one line in [`LOSSES`].

mod binary_cross_entropy;
mod sparse_categorical_cross_entropy;

use std::fmt::Debug;

use burn::tensor::{Int, Tensor};

use super::activation::Activation;
use crate::config::Member;
use crate::data::Target;
use crate::family;

/// What training lowers.
pub trait Loss: Debug + Send + Sync {
    /// Checks the net's outputs against the number of classes.
    ///
    /// # Errors
    /// What the last layer must give, in words that follow "the net".
    fn check(&self, num_outputs: usize, num_classes: usize) -> Result<(), String>;

    /// The last activation that the loss computes itself, in a stabler form.
    fn absorbs(&self) -> Activation;

    /// The loss of each sample.
    ///
    /// # Shapes
    /// Logits `[batch, outputs]`; result `[batch]`.
    fn forward(&self, logits: Tensor<2>, target: &Target) -> Tensor<1>;

    /// The probability of each class.
    ///
    /// # Shapes
    /// Logits `[batch, outputs]`; result `[batch, classes]`.
    fn probabilities(&self, logits: Tensor<2>) -> Tensor<2>;
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
