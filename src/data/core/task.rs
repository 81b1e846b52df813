//! The prediction task: what a net predicts of each sample.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The prediction task: what a net predicts of each sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Which one of these classes it is of, in sorted order.
    Classes(Vec<String>),
    /// Multi-label: which of these labels hold; any number of them may.
    #[serde(rename = "labels")]
    MultiLabel(Vec<String>),
    /// Regression targets.
    #[serde(rename = "numbers")]
    Regression(Vec<Output>),
    /// Several of these at once, each by a head of the net.
    Heads(Vec<Head>),
}

/// The prediction task of one head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The column.
    pub name: String,
    /// The task of the head; never `Heads` itself.
    pub task: Task,
}

/// A regression target, and how it is scaled for the net: `(value - mean) / std`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// The column.
    pub name: String,
    /// Subtracted for the net.
    pub mean: f64,
    /// Divides for the net.
    pub std: f64,
}

impl Output {
    /// A target that is not scaled.
    pub fn unscaled(name: &str) -> Output {
        Output {
            name: name.to_string(),
            mean: 0.0,
            std: 1.0,
        }
    }

    /// The value of the net's output in the units of the data.
    pub fn unscale(&self, value: f32) -> f32 {
        (f64::from(value) * self.std + self.mean) as f32
    }
}

impl Default for Task {
    fn default() -> Self {
        Task::Classes(Vec::new())
    }
}

impl Task {
    /// The names of the classes, labels or regression targets; with heads, those of each in turn.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Task::Classes(names) | Task::MultiLabel(names) => {
                names.iter().map(String::as_str).collect()
            }
            Task::Regression(outputs) => outputs.iter().map(|output| &*output.name).collect(),
            Task::Heads(heads) => heads.iter().flat_map(|head| head.task.names()).collect(),
        }
    }

    /// The number of classes, labels or regression targets, of all heads together.
    pub fn len(&self) -> usize {
        match self {
            Task::Classes(names) | Task::MultiLabel(names) => names.len(),
            Task::Regression(outputs) => outputs.len(),
            Task::Heads(heads) => heads.iter().map(|head| head.task.len()).sum(),
        }
    }

    /// The heads; none where the task is another.
    pub fn heads(&self) -> &[Head] {
        match self {
            Task::Heads(heads) => heads,
            Task::Classes(_) | Task::MultiLabel(_) | Task::Regression(_) => &[],
        }
    }

    /// Numbers that a sample's target takes: one for a class, one for each label or number.
    pub fn target_width(&self) -> usize {
        match self {
            Task::Classes(_) => 1,
            Task::MultiLabel(_) | Task::Regression(_) => self.len(),
            Task::Heads(heads) => heads.iter().map(|head| head.task.target_width()).sum(),
        }
    }

    /// Of each number of a target, the scaling for the net, where there is one.
    pub fn target_scales(&self) -> Vec<Option<&Output>> {
        match self {
            Task::Classes(_) | Task::MultiLabel(_) => vec![None; self.target_width()],
            Task::Regression(outputs) => outputs.iter().map(Some).collect(),
            Task::Heads(heads) => {
                let heads = heads.iter();
                heads.flat_map(|head| head.task.target_scales()).collect()
            }
        }
    }

    /// Validates untrusted metadata.
    ///
    /// # Errors
    /// What is impossible.
    pub fn check(&self) -> Result<(), TaskError> {
        match self {
            Task::Heads(heads) => {
                let mut tasks = heads.iter().map(|head| &head.task);
                if tasks.any(|task| matches!(task, Task::Heads(_))) {
                    return Err(TaskError::NestedHeads);
                }
                distinct(heads.iter().map(|head| &*head.name))?;
                heads.iter().try_for_each(|head| head.task.check())
            }
            Task::Classes(classes) if classes.len() == 1 => {
                Err(TaskError::OneClass(classes[0].clone()))
            }
            Task::Classes(_) | Task::MultiLabel(_) => distinct(self.names().into_iter()),
            Task::Regression(outputs) => {
                distinct(outputs.iter().map(|output| &*output.name))?;
                let scaled = |output: &&Output| {
                    let fits = |number: f64| number.is_finite() && (number as f32).is_finite();
                    fits(output.mean) && fits(output.std) && output.std != 0.0
                };
                match outputs.iter().find(|output| !scaled(output)) {
                    None => Ok(()),
                    Some(output) => Err(TaskError::Scale(output.clone())),
                }
            }
        }
    }

    /// Columns of targets in a table.
    pub fn num_targets(&self) -> usize {
        match self {
            Task::Classes(_) => 1,
            Task::MultiLabel(_) | Task::Regression(_) => self.len(),
            Task::Heads(heads) => heads.len(),
        }
    }

    /// Whether there is nothing to predict.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The classes; none where the task is another.
    pub fn classes(&self) -> &[String] {
        match self {
            Task::Classes(names) => names,
            Task::MultiLabel(_) | Task::Regression(_) | Task::Heads(_) => &[],
        }
    }

    /// Brings the net's predictions, row after row, to the units of the data.
    pub fn unscale(&self, predictions: &mut [f32]) {
        for row in predictions.chunks_exact_mut(self.len().max(1)) {
            self.unscale_row(row);
        }
    }

    fn unscale_row(&self, mut row: &mut [f32]) {
        match self {
            Task::Classes(_) | Task::MultiLabel(_) => {}
            Task::Regression(outputs) => {
                for (value, output) in row.iter_mut().zip(outputs) {
                    *value = output.unscale(*value);
                }
            }
            Task::Heads(heads) => {
                for head in heads {
                    let (own, rest) = row.split_at_mut(head.task.len());
                    head.task.unscale_row(own);
                    row = rest;
                }
            }
        }
    }

    /// The name of the task in messages.
    pub fn what(&self) -> &'static str {
        match self {
            Task::Classes(_) => "classes",
            Task::MultiLabel(_) => "labels",
            Task::Regression(_) => "numbers",
            Task::Heads(_) => "heads",
        }
    }
}

/// # Errors
/// No name, or one that is there twice.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), TaskError> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(TaskError::Twice(name.to_string()));
        }
    }
    match seen.is_empty() {
        true => Err(TaskError::Empty),
        false => Ok(()),
    }
}

/// What is impossible of a prediction task, in words that follow "its task".
#[derive(Clone, Debug, PartialEq, Error)]
pub enum TaskError {
    /// A head that has heads.
    #[error("has heads within a head")]
    NestedHeads,
    /// Nothing to choose between.
    #[error("has one class only ({0:?})")]
    OneClass(String),
    /// A scaling that no training gives.
    #[error("scales {:?} by mean {} and deviation {}, which is impossible", .0.name, .0.mean, .0.std)]
    Scale(Output),
    /// A name that is there twice.
    #[error("names {0:?} twice")]
    Twice(String),
    /// No name.
    #[error("has nothing to say: no class, label, number or head")]
    Empty,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_impossible_is_refused() {
        let number = |mean, std| Output {
            mean,
            std,
            ..Output::unscaled("price")
        };
        let head = |task| Head {
            name: "kind".into(),
            task,
        };
        let classes = |names: &[&str]| Task::Classes(names.iter().map(|n| n.to_string()).collect());
        assert_eq!(classes(&["a", "b"]).check(), Ok(()));
        assert_eq!(
            Task::Heads(vec![head(classes(&["a", "b"]))]).check(),
            Ok(())
        );
        for task in [
            classes(&[]),
            classes(&["a"]),
            classes(&["a", "a"]),
            Task::MultiLabel(Vec::new()),
            Task::Regression(Vec::new()),
            Task::Regression(vec![number(0.0, 0.0)]),
            Task::Regression(vec![number(1e300, 1.0)]),
            Task::Regression(vec![number(0.0, 1.0), number(0.0, 1.0)]),
            Task::Heads(Vec::new()),
            Task::Heads(vec![head(Task::Heads(vec![head(classes(&["a", "b"]))]))]),
            Task::Heads(vec![head(classes(&["a", "b"])), head(classes(&["a", "b"]))]),
        ] {
            task.check().expect_err("impossible");
        }
    }

    #[test]
    fn each_head_has_its_part_of_a_row() {
        let price = Output {
            mean: 10.0,
            std: 2.0,
            ..Output::unscaled("price")
        };
        let head = |name: &str, task| Head {
            name: name.to_string(),
            task,
        };
        let classes = Task::Classes(vec!["cat".into(), "dog".into(), "emu".into()]);
        let task = Task::Heads(vec![
            head("kind", classes),
            head("price", Task::Regression(vec![price])),
        ]);
        assert_eq!((task.len(), task.target_width()), (4, 2));
        let mut rows = [0.2, 0.3, 0.5, 1.0, 0.1, 0.2, 0.7, -1.0];
        task.unscale(&mut rows);
        assert_eq!(rows, [0.2, 0.3, 0.5, 12.0, 0.1, 0.2, 0.7, 8.0]);
        let scales = task.target_scales();
        assert!(scales[0].is_none() && scales[1].is_some_and(|price| price.std == 2.0));
    }
}
