//! Keys without any effect on tables: each is reported as a mistake.

use super::fit::Planned;
use super::options::{Csv, Impute, Role, Scaling, Unseen};
use crate::config::{Fault, Path, Preprocess};
use crate::data::core::faults::key;
use crate::data::core::task::Task;

/// Rejects the scaling of pixel values.
///
/// # Errors
/// A key of it that is given.
pub(in crate::data) fn no_pixel_scaling(
    preprocess: &Preprocess,
    instead: &str,
) -> Result<(), Vec<Fault>> {
    let given = [
        ("divide_by", preprocess.divide_by.is_some()),
        ("mean", preprocess.mean.is_some()),
        ("std", preprocess.std.is_some()),
    ];
    let faults = given
        .into_iter()
        .filter(|(_, given)| *given)
        .map(|(key, _)| {
            let message =
                "is in vain: preprocess is for pixel values, but the samples are no images";
            let fault = Fault::new(Path::parse("preprocess").key(key), message);
            fault.at_key().hint(instead)
        });
    let faults: Vec<Fault> = faults.collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// Options of the table that change nothing: for columns of a kind that there is none of, or for another task.
pub(super) fn idle_options(
    options: &Csv,
    planned: &[Planned],
    task: &Task,
) -> Result<(), Vec<Fault>> {
    let has = |role: Role| planned.iter().any(|column| column.role == role);
    let (numbers, categories) = (has(Role::Numeric), has(Role::Category));
    let defaults = &options.defaults;
    let scaled = task.target_scales().iter().any(Option::is_some);
    let all = [
        (
            "scale",
            defaults.scale != Scaling::default() && !numbers,
            "columns of numbers, of which there is none",
        ),
        (
            "impute",
            defaults.impute != Impute::default() && !(numbers || categories),
            "columns of numbers and categories, of which there is none",
        ),
        (
            "unseen",
            defaults.unseen != Unseen::default() && !categories,
            "columns of categories, of which there is none",
        ),
        (
            "scale_target",
            !options.scale_target && !scaled,
            "targets that are numbers",
        ),
        (
            "numeric_labels",
            options.layout.has_numeric_labels() && !has_classes(task),
            "targets that are classes",
        ),
    ];
    let idle = all.into_iter().filter(|(_, idle, _)| *idle);
    let faults = idle.map(|(option, _, what)| {
        Fault::new(key(option), format!("is for {what}"))
            .at_key()
            .hint("remove the key")
    });
    let faults: Vec<Fault> = faults.collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// Whether classes are predicted, by at least one head.
fn has_classes(task: &Task) -> bool {
    let mut heads = task.heads().iter();
    !task.classes().is_empty() || heads.any(|head| has_classes(&head.task))
}
