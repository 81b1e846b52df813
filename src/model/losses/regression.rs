//! Common parts of the regression losses.

use burn::tensor::Tensor;

use super::mismatch::{LossMismatch, TargetKind};
use crate::data::{Target, Task};

/// Checks that there is one output a number.
///
/// # Errors
/// A task of another kind; another number of outputs.
pub fn check(loss: &'static str, num_outputs: usize, task: &Task) -> Result<(), LossMismatch> {
    let Task::Regression(targets) = task else {
        return Err(LossMismatch::of_task(loss, "numbers", task));
    };
    if num_outputs == targets.len() {
        return Ok(());
    }
    Err(LossMismatch::Outputs {
        loss,
        of: TargetKind::Numbers,
        num_targets: targets.len(),
        num_outputs,
    })
}

/// The regression targets, `[batch, targets]`.
pub fn wanted(target: &Target, like: &Tensor<2>) -> Tensor<2> {
    match target {
        Target::Real(numbers) | Target::Multi(numbers) | Target::Soft(numbers) => numbers.clone(),
        // The check has refused classes; a batch of a test may still bring them.
        Target::Class(classes) => {
            let column = classes.clone().float().unsqueeze_dim::<2>(1);
            column.expand(like.dims())
        }
    }
}

/// The mean over the targets of a sample.
pub fn mean_of_row(each: Tensor<2>) -> Tensor<1> {
    each.mean_dim(1).squeeze_dim(1)
}
