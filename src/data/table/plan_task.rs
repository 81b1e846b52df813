//! Plans the prediction task (classification, multi-label, regression, heads) from the options and the target's values.

use super::column_scan::{ColumnScan, DISTINCT};
use super::fit::sort_values;
use super::layout::Layout;
use super::options::TaskKind;
use super::rows::{Rows, class_name, label};
use crate::config::Fault;
use crate::data::core::faults::{fault, key};
use crate::data::core::task::{Head, Output, Task};

/// An integer target with at most that many distinct values is classification.
const MOST_NUMBERED_CLASSES: usize = 20;

/// The task of the target columns: as given by `kind`, else inferred from their values.
///
/// # Errors
/// Values that do not fit the kind of task.
pub fn plan_task(
    kind: Option<TaskKind>,
    targets: &[String],
    scans: &[&ColumnScan],
    layout: &Layout,
) -> Result<Task, Vec<Fault>> {
    let is_guessed = kind.is_none();
    match kind.unwrap_or_else(|| guess_kind(scans)) {
        TaskKind::Labels => Ok(Task::MultiLabel(targets.to_vec())),
        TaskKind::Regression => plan_numbers(targets, scans),
        TaskKind::Heads => {
            let heads = targets.iter().zip(scans).map(|(target, scan)| {
                let task = plan_task(None, std::slice::from_ref(target), &[scan], layout)?;
                Ok(Head {
                    name: target.clone(),
                    task,
                })
            });
            heads.collect::<Result<_, _>>().map(Task::Heads)
        }
        TaskKind::Classification if targets.len() > 1 => {
            let message = "are several columns, expected one where the task is classification";
            Err(fault("target", message))
        }
        TaskKind::Classification => plan_classes(&targets[0], scans[0], layout, is_guessed),
    }
}

/// Infers the kind of task from the values of the target columns.
fn guess_kind(scans: &[&ColumnScan]) -> TaskKind {
    let has_labels = |scan: &&ColumnScan| {
        let mut values = scan.values.iter().flat_map(|values| values.keys());
        scan.values.is_some() && values.all(|value| label(value).is_some())
    };
    if scans.len() > 1 {
        let numbers = scans.iter().all(|scan| scan.is_numeric());
        return match (scans.iter().all(has_labels), numbers) {
            (true, _) => TaskKind::Labels,
            (_, true) => TaskKind::Regression,
            (false, false) => TaskKind::Heads,
        };
    }
    let few = scans[0]
        .num_values()
        .is_some_and(|n| n <= MOST_NUMBERED_CLASSES);
    match scans[0].is_numeric() && !(scans[0].whole && few) {
        true => TaskKind::Regression,
        false => TaskKind::Classification,
    }
}

/// # Errors
/// A target that holds something other than numbers.
fn plan_numbers(targets: &[String], scans: &[&ColumnScan]) -> Result<Task, Vec<Fault>> {
    let mut all = targets.iter().zip(scans);
    match all.find(|(_, scan)| !scan.is_numeric()) {
        None => Ok(Task::Regression(
            targets.iter().map(|name| Output::unscaled(name)).collect(),
        )),
        Some((name, scan)) => {
            let (place, field) = scan.first_other.clone().unwrap_or_default();
            let message = format!("is {name:?}, of which {field:?} in {place} is no number");
            Err(fault("target", message))
        }
    }
}

/// # Errors
/// Too many values or fewer than two; where the task `is_guessed`, a word among numbers.
fn plan_classes(
    target: &str,
    scan: &ColumnScan,
    layout: &Layout,
    is_guessed: bool,
) -> Result<Task, Vec<Fault>> {
    let Some(values) = &scan.values else {
        let message = format!(
            "is {:?}, which has more than {DISTINCT} different values, expected a few classes",
            target
        );
        let fault = Fault::new(key("target"), message);
        return Err(vec![
            fault.hint("numbers are predicted with data.task = \"regression\""),
        ]);
    };
    if let Some(message) = scan.odd_number(MOST_NUMBERED_CLASSES)
        && is_guessed
    {
        let fault = Fault::new(key("target"), format!("is {:?}, {message}", target));
        let hint = "mend the file, add that word to data.missing (such rows are left out), or \
                    set data.task = \"classification\"";
        return Err(vec![fault.hint(hint)]);
    }
    let mut classes: Vec<String> = values
        .keys()
        .map(|value| class_name(value, layout).into_owned())
        .collect();
    sort_values(&mut classes);
    classes.dedup();
    if classes.len() < 2 {
        let message = match classes.first() {
            Some(one) => format!(
                "is {:?}, which has one value only ({one}), expected at least two classes",
                target
            ),
            None => format!("is {:?}, which is missing in every row", target),
        };
        return Err(fault("target", message));
    }
    Ok(Task::Classes(classes))
}

/// Sets the mean and standard deviation of each regression target over the training rows.
pub fn scale_targets(task: &mut Task, rows: &Rows) {
    let (width, count) = (task.target_width(), rows.len() as f64);
    let outputs: Vec<(usize, &mut Output)> = match task {
        Task::Classes(_) | Task::MultiLabel(_) => Vec::new(),
        Task::Regression(outputs) => outputs.iter_mut().enumerate().collect(),
        // A column each.
        Task::Heads(heads) => {
            let numbered = heads.iter_mut().enumerate();
            let outputs = numbered.filter_map(|(column, head)| match &mut head.task {
                Task::Regression(outputs) => outputs.first_mut().map(|output| (column, output)),
                _ => None,
            });
            outputs.collect()
        }
    };
    for (column, output) in outputs {
        let values = || rows.numbers.iter().skip(column).step_by(width);
        let mean = values().sum::<f64>() / count;
        let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        output.mean = mean;
        output.std = if variance > 0.0 { variance.sqrt() } else { 1.0 };
    }
}
