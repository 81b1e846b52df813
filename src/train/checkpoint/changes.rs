//! Changes of the experiment of a resumed run: some are applied and listed, the others are refused because the run
//! would not be the same any more.

use std::collections::BTreeMap;

use anyhow::ensure;
use serde_json::Value;

use super::resume::Checkpoint;
use crate::config::{Experiment, Fault, Path, Source};
use crate::data::{Task, path_keys};
use crate::model::{ModelInfo, drop_weights_folders};
use crate::train::plan::run_plan::Plan;

/// Keys that may change, with all below them. Where the data lies (the keys that hold paths) may change too: its
/// content is identified by the fingerprint.
const FREE: [&str; 20] = [
    "name",
    "audit",
    "augment",
    "checkpoint",
    "device",
    "data.cache_memory",
    "data.cache_disk",
    "train.epochs",
    "train.optimizer",
    "train.schedule",
    "train.warmup",
    "train.clip_norm",
    "train.clip_value",
    "train.ema.decay",
    "train.ema.warmup",
    "train.swa.learning_rate",
    "train.early_stopping",
    "train.max_steps",
    "train.max_minutes",
    "train.on_non_finite",
];

/// Keys of [`FREE`] before those of the data.
const BEFORE_DATA: usize = 5;

/// How labels are compared: its effect shows in the classes.
const NUMERIC_LABELS: &str = "numeric_labels";

/// The keys that differ, as "train.epochs: 4 -> 8".
#[derive(Debug)]
pub struct Changes {
    /// The change, as a message.
    pub listed: Vec<String>,
    /// Whether the optimizer's hyperparameters changed: the learning rate restarts from them.
    pub optimizer: bool,
}

impl Changes {
    /// Compares the experiment of a plan with that of the checkpoint. `before` is the run folder's,
    /// for what model files leave out.
    ///
    /// # Errors
    /// Every change that cannot be made, at its line or flag.
    pub fn check(
        plan: &Plan,
        before: &Experiment,
        checkpoint: &Checkpoint,
    ) -> anyhow::Result<Changes> {
        let source = &plan.source;
        let old = merged(&checkpoint.info.experiment, before);
        let free = free(source);
        let mut new = source.experiment.clone();
        drop_weights_folders(&mut new);
        let (old, new) = (leaves(&old), leaves(&new));
        let keys = old
            .keys()
            .chain(new.keys().filter(|key| !old.contains_key(*key)));
        let changed = keys.filter(|key| old.get(*key) != new.get(*key));
        let mut changes = Changes {
            listed: Vec::new(),
            optimizer: false,
        };
        let mut faults = Vec::new();
        for key in changed {
            let show = |values: &BTreeMap<String, Value>| {
                let value = values.get(key);
                value.map_or_else(|| "not given".to_string(), Value::to_string)
            };
            if free.iter().any(|free| is_below(key, free)) {
                changes.optimizer |= is_below(key, "train.optimizer");
                changes
                    .listed
                    .push(format!("{key}: {} -> {}", show(&old), show(&new)));
            } else {
                let message = format!(
                    "is {}, but the run was begun with {}; this cannot change when it is resumed",
                    show(&new),
                    show(&old)
                );
                faults.push(Fault::new(Path::parse(key), message));
            }
        }
        faults.extend(other_optimizer(plan, checkpoint));
        faults.extend(other_average(plan, checkpoint));
        if faults.is_empty() {
            return Ok(changes);
        }
        let hint = format!(
            "may change: {}; for the rest begin a new run with --config",
            free.join(", ")
        );
        let last = faults.len() - 1;
        faults[last] = faults[last].clone().hint(hint);
        Err(source.explain(&faults))
    }
}

/// [`FREE`] with the keys of the data that may change.
fn free(source: &Source) -> Vec<String> {
    let data = &source.experiment.data;
    let of_data = path_keys(data).into_iter().chain(
        data.contains_key(NUMERIC_LABELS)
            .then(|| NUMERIC_LABELS.to_string()),
    );
    let of_data = of_data.map(|key| Path::parse("data").key(&key).to_string());
    let mut free: Vec<String> = FREE.map(String::from).into();
    free.splice(BEFORE_DATA..BEFORE_DATA, of_data);
    free
}

/// State that the optimizer does not keep cannot be gone on with.
fn other_optimizer(plan: &Plan, checkpoint: &Checkpoint) -> Option<Fault> {
    let mut slots = plan.optimizer.slots().to_vec();
    slots.sort_unstable();
    if slots == checkpoint.slots() {
        return None;
    }
    let words = |slots: &[&str]| match slots {
        [] => "none".to_string(),
        slots => slots.join(", "),
    };
    let message = format!(
        "keeps other state ({}) than the run's optimizer ({})",
        words(&slots),
        words(&checkpoint.slots())
    );
    Some(Fault::new(Path::parse("train.optimizer"), message))
}

/// An average cannot begin on the way, as epochs before it would be compared with epochs after it; nor can it end.
/// (Of a mean over epochs, `train.swa.start_epoch` says the same.)
fn other_average(plan: &Plan, checkpoint: &Checkpoint) -> Option<Fault> {
    let is_on = |experiment: &Experiment| experiment.train.ema.is_some();
    let (before, now) = (
        is_on(&checkpoint.info.experiment),
        is_on(&plan.source.experiment),
    );
    let words = |on| if on { "with" } else { "without" };
    let message = format!(
        "the run was begun {} an average of the weights; it cannot go on {} one",
        words(before),
        words(now)
    );
    (before != now).then(|| Fault::new(Path::parse("train.ema"), message))
}

/// The checkpoint's experiment with what model files leave out.
fn merged(stored: &Experiment, before: &Experiment) -> Experiment {
    let stripped = ModelInfo::strip(before.clone());
    let mut experiment = stored.clone();
    for (key, value) in &before.data {
        if !stripped.data.contains_key(key) {
            experiment.data.insert(key.clone(), value.clone());
        }
    }
    experiment.device = before.device.clone();
    experiment.checkpoint = before.checkpoint;
    experiment
}

/// The fingerprint of the training split and the classes must be those of the run.
///
/// # Errors
/// Which of them is not.
pub fn check_data(
    source: &Source,
    checkpoint: &Checkpoint,
    task: &Task,
    fingerprint: &str,
) -> anyhow::Result<()> {
    let known = &checkpoint.info;
    ensure!(
        known.task.what() == task.what() && known.task.names() == task.names(),
        "the {} in the data of {} are {}, but the run was begun with {}; it can only go on with \
         the same data",
        task.what(),
        source.file(),
        task.names().join(", "),
        known.task.names().join(", ")
    );
    ensure!(
        known.fingerprint == fingerprint,
        "the training samples of {} are not those that the run was begun with (their names or sizes \
         differ: fingerprint {fingerprint}, was {}); put them back, or begin a new run with --config",
        source.file(),
        known.fingerprint
    );
    Ok(())
}

fn is_below(key: &str, parent: &str) -> bool {
    key.strip_prefix(parent)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Every value that is no table, by its path.
fn leaves(experiment: &Experiment) -> BTreeMap<String, Value> {
    // Through the same text as the checkpoint's: reading numbers may change their last bit.
    let text = serde_json::to_string(experiment).unwrap_or_default();
    let mut leaves = BTreeMap::new();
    collect(
        &Path::default(),
        serde_json::from_str(&text).unwrap_or_default(),
        &mut leaves,
    );
    leaves
}

fn collect(path: &Path, value: Value, leaves: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                collect(&path.key(&key), value, leaves);
            }
        }
        Value::Array(items)
            if items
                .iter()
                .any(|item| item.is_object() || item.is_string()) =>
        {
            for (index, value) in items.into_iter().enumerate() {
                collect(&path.index(index), value, leaves);
            }
        }
        Value::Null => {}
        value => {
            leaves.insert(path.to_string(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_free_with_what_lies_below_them_only() {
        assert!(is_below("train.optimizer.adam.beta1", "train.optimizer"));
        assert!(is_below("data.train[1]", "data.train"));
        assert!(is_below("name", "name"));
        assert!(!is_below("train.epochs_more", "train.epochs"));
        assert!(!is_below("train", "train.epochs"));
    }

    #[test]
    fn leaves_are_named_by_their_path() {
        let mut leaves = BTreeMap::new();
        let value = serde_json::json!({"a": {"b": [{"c": 1}, "d"], "size": [8, 8], "none": null, "x.y": 1}});
        collect(&Path::default(), value, &mut leaves);
        let keys: Vec<&String> = leaves.keys().collect();
        assert_eq!(keys, ["a.\"x.y\"", "a.b[0].c", "a.b[1]", "a.size"]);
    }
}
