//! Losses: one file each. All of them work on logits inside, whatever the net's last activation.
//!
//! Adding a loss: one file, and one line in [`LOSSES`].

mod binary_cross_entropy;
mod focal;
mod hinge;
mod huber;
mod kl_divergence;
mod log_cosh;
mod mae;
mod mse;
mod numbers;
mod per_head;
mod poisson;
mod sparse_categorical_cross_entropy;

use std::fmt::Debug;

use burn::tensor::{Int, Tensor};

use super::activation::Activation;
use crate::config::{Fault, Member, Path, Spec, read_member};
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

    /// The same check for a net with heads: the outputs of each, by name, in their order in the logits.
    ///
    /// # Errors
    /// A loss that is for one target.
    fn check_heads(&self, _outputs: &[(&str, usize)], task: &Task) -> Result<(), String> {
        let names: Vec<&str> = task.heads().iter().map(|head| &*head.name).collect();
        Err(format!(
            "the loss is for one target, the data has several ({}); use loss = {{ per_head = {{ {} = \"...\" }} }}",
            names.join(", "),
            names.first().unwrap_or(&"NAME")
        ))
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

/// Every loss.
pub const LOSSES: &[Member<dyn Loss>] = family! { dyn Loss:
    "binary_cross_entropy" => binary_cross_entropy::BinaryCrossEntropy,
    "sparse_categorical_cross_entropy" =>
        sparse_categorical_cross_entropy::SparseCategoricalCrossEntropy,
    "categorical_cross_entropy" =>
        sparse_categorical_cross_entropy::SparseCategoricalCrossEntropy,
    "focal" => focal::Focal,
    "hinge" => hinge::Hinge,
    "squared_hinge" => hinge::SquaredHinge,
    "kl_divergence" => kl_divergence::KlDivergence,
    "mse" => mse::Mse,
    "mae" => mae::Mae,
    "huber" => huber::Huber,
    "log_cosh" => log_cosh::LogCosh,
    "poisson" => poisson::Poisson,
    "per_head" => per_head::PerHead,
};

/// Reads a loss, and checks those that are described within it.
///
/// # Errors
/// An unknown name, or every mistake of the options, where it stands.
pub fn read_loss(spec: &Spec, path: &Path) -> Result<Box<dyn Loss>, Vec<Fault>> {
    if spec.name() == per_head::NAME {
        let faults: Vec<Fault> = per_head::described(&spec.options(), &path.key(per_head::NAME))
            .into_iter()
            .filter_map(|(path, spec)| read_loss(&spec, &path).err())
            .flatten()
            .collect();
        if !faults.is_empty() {
            return Err(faults);
        }
    }
    read_member(LOSSES, "loss", spec, path)
}

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
    match task {
        Task::Classes(classes) => Ok(classes.len()),
        Task::Labels(_) | Task::Numbers(_) | Task::Heads(_) => Err(for_task(loss, "classes", task)),
    }
}

/// That a loss is for another task than the data's, and the loss to take.
fn for_task(loss: &str, what: &str, task: &Task) -> String {
    let instead = match task {
        Task::Classes(classes) if classes.len() == 2 => "binary_cross_entropy",
        Task::Classes(_) => "sparse_categorical_cross_entropy",
        Task::Labels(_) => "binary_cross_entropy",
        Task::Numbers(_) => "mse",
        Task::Heads(_) => "{ per_head = { NAME = ... } }",
    };
    let names: Vec<&str> = task.names().into_iter().take(10).collect();
    let (targets, names) = (task.what(), names.join(", "));
    format!("{loss} is for {what}, the targets are {targets} ({names}); use loss = {instead:?}")
}

/// Two classes, one output.
///
/// # Errors
/// Another task, another number of outputs.
fn check_binary(loss: &str, num_outputs: usize, task: &Task) -> Result<(), String> {
    let num_classes = for_classes(loss, task)?;
    if num_classes != 2 {
        return Err(format!(
            "{loss} is for 2 classes, the data has {num_classes}; \
             use loss = \"sparse_categorical_cross_entropy\" and {num_classes} units"
        ));
    }
    if num_outputs != 1 {
        return Err(format!(
            "{loss} needs 1 output, the net gives {num_outputs}; \
             end with {{ dense = {{ units = 1 }} }}"
        ));
    }
    Ok(())
}

/// Of two classes, how much each sample is of the second, `[batch]`.
fn binary_labels(target: &Target) -> Tensor<1> {
    match target {
        Target::Class(classes) => classes.clone().float(),
        Target::Soft(shares) => shares.clone().narrow(1, 1, 1).squeeze_dim(1),
        Target::Multi(labels) | Target::Real(labels) => labels.clone().squeeze_dim(1),
    }
}

/// The share of each class, `[batch, classes]`.
fn shares(target: &Target, logits: &Tensor<2>) -> Tensor<2> {
    match target {
        Target::Class(classes) => {
            let [batch, num_classes] = logits.dims();
            let mut shares = vec![0.0; batch * num_classes];
            for (row, class) in indices(classes).into_iter().enumerate() {
                shares[row * num_classes + class as usize] = 1.0;
            }
            let data = burn::tensor::TensorData::new(shares, [batch, num_classes]);
            Tensor::from_data(data, &logits.device())
        }
        Target::Soft(shares) | Target::Multi(shares) | Target::Real(shares) => shares.clone(),
    }
}
