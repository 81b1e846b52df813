//! Checks of the task that losses share.

use crate::data::Task;

/// The number of classes.
///
/// # Errors
/// A task of another kind, and the loss to take.
pub fn for_classes(loss: &str, task: &Task) -> Result<usize, String> {
    match task {
        Task::Classes(classes) => Ok(classes.len()),
        Task::Labels(_) | Task::Numbers(_) | Task::Heads(_) => Err(for_task(loss, "classes", task)),
    }
}

/// That a loss is for another task than the data's, and the loss to take.
pub fn for_task(loss: &str, what: &str, task: &Task) -> String {
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
pub fn check_binary(loss: &str, num_outputs: usize, task: &Task) -> Result<(), String> {
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
