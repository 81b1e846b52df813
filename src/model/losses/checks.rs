//! Checks of the task that losses share.

use super::mismatch::LossMismatch;
use crate::data::Task;

/// The number of classes.
///
/// # Errors
/// A task of another kind, and the loss to take.
pub fn for_classes(loss: &'static str, task: &Task) -> Result<usize, LossMismatch> {
    match task {
        Task::Classes(classes) => Ok(classes.len()),
        Task::MultiLabel(_) | Task::Regression(_) | Task::Heads(_) => {
            Err(LossMismatch::of_task(loss, "classes", task))
        }
    }
}

/// Two classes, one output.
///
/// # Errors
/// Another task, another number of outputs.
pub fn check_binary(
    loss: &'static str,
    num_outputs: usize,
    task: &Task,
) -> Result<(), LossMismatch> {
    let num_classes = for_classes(loss, task)?;
    if num_classes != 2 {
        return Err(LossMismatch::NotTwoClasses { loss, num_classes });
    }
    if num_outputs != 1 {
        return Err(LossMismatch::NotOneOutput { loss, num_outputs });
    }
    Ok(())
}
