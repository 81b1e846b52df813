//! Keys without any effect for this kind of data, target or training: each is reported as a mistake. Options of the data
//! source and augmentations are checked where they are declared.
//!
//! A value that equals the default is not reported: run folders contain every key.

use crate::config::{BatchSize, Eval, Experiment, Fault, Path, Sampler, Train};
use crate::data::Task;
use crate::train::optimizers::optimizer::Optimizer;

/// A key, and the conditions under which it has no effect.
struct Rule {
    key: &'static str,
    /// Why it changes nothing, in words that follow the key; and what to do.
    in_vain: fn(&Experiment, &Task) -> Option<(String, &'static str)>,
}

const REMOVE: &str = "remove the key";

/// Every such key.
const RULES: &[Rule] = &[
    Rule {
        key: "eval.positive",
        in_vain: |experiment, task| {
            let named = experiment.eval.positive.is_some() && task.classes().len() > 2;
            let count = task.classes().len();
            let why = format!("is for two classes, of which one is positive; the data has {count}");
            named.then_some((why, REMOVE))
        },
    },
    Rule {
        key: "eval.threshold",
        in_vain: |experiment, task| {
            let given = experiment.eval.threshold != Eval::default().threshold;
            let why = format!(
                "is for two classes or for labels; the data has {}",
                description(task)
            );
            (given && !decides(task)).then_some((why, REMOVE))
        },
    },
    Rule {
        key: "train.sampler",
        in_vain: |experiment, task| {
            let balanced = experiment.train.sampler == Sampler::Balanced;
            let why = format!(
                "is \"balanced\", which takes as many samples of each class; the data has {}, not classes",
                task.what()
            );
            (balanced && task.classes().is_empty()).then_some((why, REMOVE))
        },
    },
    Rule {
        key: "train.drop_last",
        in_vain: |experiment, _| {
            let in_vain = experiment.train.drop_last && is_one_batch(experiment);
            let why = "leaves out a smaller last batch, but batch_size = \"all\" makes one of all samples";
            in_vain.then(|| (why.to_string(), REMOVE))
        },
    },
    Rule {
        key: "train.accumulate",
        in_vain: |experiment, _| {
            let in_vain = experiment.train.accumulate > 1 && is_one_batch(experiment);
            let why = "gathers the gradients of several batches of an epoch, but batch_size = \"all\" makes it one";
            in_vain.then(|| {
                (
                    why.to_string(),
                    "remove the key, or give train.batch_size as a number",
                )
            })
        },
    },
    Rule {
        key: "train.early_stopping.start_from_epoch",
        in_vain: |experiment, _| {
            let stopping = experiment.train.early_stopping.as_ref()?;
            let (start, epochs) = (stopping.start_from_epoch, experiment.train.epochs);
            let why =
                format!("is {start}, but there are {epochs} epochs; nothing would be counted");
            (start > 0 && start >= epochs).then_some((why, "give a number below train.epochs"))
        },
    },
];

fn is_one_batch(experiment: &Experiment) -> bool {
    matches!(experiment.train.batch_size, BatchSize::All(_))
}

/// Whether a threshold decides anything.
fn decides(task: &Task) -> bool {
    match task {
        Task::Classes(classes) => classes.len() == 2,
        Task::MultiLabel(_) => true,
        Task::Regression(_) => false,
        Task::Heads(heads) => heads.iter().any(|head| decides(&head.task)),
    }
}

fn description(task: &Task) -> String {
    match task {
        Task::Classes(classes) => format!("{} classes", classes.len()),
        other => other.what().to_string(),
    }
}

/// Checks every key of the table against the prediction task.
///
/// # Errors
/// Each key that changes nothing, and why.
pub fn check(experiment: &Experiment, task: &Task) -> Result<(), Vec<Fault>> {
    let faults = RULES.iter().filter_map(|rule| {
        let (why, hint) = (rule.in_vain)(experiment, task)?;
        Some(Fault::new(Path::parse(rule.key), why).at_key().hint(hint))
    });
    let faults: Vec<Fault> = faults.collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// Checks the options of the optimizer among themselves.
///
/// # Errors
/// One that changes nothing, and why.
pub fn check_optimizer(optimizer: &dyn Optimizer, train: &Train) -> Result<(), Vec<Fault>> {
    let Some((option, why)) = optimizer.in_vain() else {
        return Ok(());
    };
    let path = Path::parse("train.optimizer").key(train.optimizer.name());
    let fault = Fault::new(path.key(option), why).at_key();
    Err(vec![fault.hint(REMOVE)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Head, Output};
    use serde_json::{Value, json};

    fn tasks() -> [(&'static str, Task); 5] {
        let classes = |count: usize| Task::Classes((0..count).map(|c| c.to_string()).collect());
        let head = Head {
            name: "kind".into(),
            task: classes(2),
        };
        [
            ("two", classes(2)),
            ("three", classes(3)),
            ("labels", Task::MultiLabel(vec!["a".into()])),
            ("numbers", Task::Regression(vec![Output::unscaled("y")])),
            ("heads", Task::Heads(vec![head])),
        ]
    }

    /// The cases in which each key has no effect, one row per key.
    #[test]
    fn every_key_is_refused_where_it_changes_nothing() {
        let all = ["two", "three", "labels", "numbers", "heads"];
        let rows: [(&str, Value, &[&str]); 8] = [
            ("eval", json!({"positive": "1"}), &["three"]),
            ("eval", json!({"threshold": 0.3}), &["three", "numbers"]),
            ("eval", json!({"threshold": 0.5}), &[]),
            (
                "train",
                json!({"sampler": "balanced"}),
                &["labels", "numbers", "heads"],
            ),
            (
                "train",
                json!({"drop_last": true, "batch_size": "all"}),
                &all,
            ),
            ("train", json!({"accumulate": 2, "batch_size": "all"}), &all),
            (
                "train",
                json!({"drop_last": true, "accumulate": 2, "batch_size": 8}),
                &[],
            ),
            (
                "train",
                json!({"early_stopping": {"patience": 1, "start_from_epoch": 3}}),
                &all,
            ),
        ];
        for (part, keys, refused) in rows {
            let mut text = json!({
                "data": {}, "model": {"layers": ["flatten"]}, "train": {"epochs": 3, "loss": "mse"}, "eval": {},
            });
            for (key, value) in keys.as_object().expect("a table") {
                text[part][key] = value.clone();
            }
            let experiment: Experiment = serde_json::from_value(text).expect("an experiment");
            for (name, task) in tasks() {
                let checked = check(&experiment, &task);
                assert_eq!(
                    checked.is_err(),
                    refused.contains(&name),
                    "{keys} with {name}"
                );
            }
        }
    }
}
