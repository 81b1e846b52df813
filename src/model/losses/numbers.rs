//! What the losses of predicted numbers share.

use burn::tensor::Tensor;

use super::checks::for_task;
use crate::data::{Target, Task};

/// Checks that there is one output a number.
///
/// # Errors
/// A task of another kind; another number of outputs.
pub fn check(loss: &str, num_outputs: usize, task: &Task) -> Result<(), String> {
    let Task::Numbers(numbers) = task else {
        return Err(for_task(loss, "numbers", task));
    };
    if num_outputs == numbers.len() {
        return Ok(());
    }
    Err(format!(
        "{loss} needs one output a number, the targets are {} and the net gives {num_outputs}; \
         end with {{ dense = {{ units = {} }} }}",
        numbers.len(),
        numbers.len()
    ))
}

/// The numbers that the outputs should be, `[batch, numbers]`.
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

/// The mean over the numbers of a sample.
pub fn mean_of_row(each: Tensor<2>) -> Tensor<1> {
    each.mean_dim(1).squeeze_dim(1)
}
