//! The predictions of a net for a split, for any task, and every metric of them.

use std::collections::HashSet;

use super::class_predictions::ClassPredictions;
use super::label_predictions::{LABEL_METRICS, LabelPredictions};
use super::regression::REGRESSION_METRICS;
use super::regression_predictions::RegressionPredictions;
use super::{METRICS, compute_all};
use crate::data::Task;
use crate::metrics::figure::mean_loss;

/// The predictions of a split.
#[derive(Clone, Debug, PartialEq)]
pub enum Predictions {
    /// One class of several.
    Classes(ClassPredictions),
    /// Labels, each of which holds or not.
    MultiLabel(LabelPredictions),
    /// Numbers.
    Regression(RegressionPredictions),
    /// Several of these, each by a head of the net.
    Heads(HeadPredictions),
}

/// The predictions of the heads of a net for a split.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeadPredictions {
    /// Each by its name; its losses are not weighted.
    pub heads: Vec<(String, Predictions)>,
    /// The loss of each sample: the weighted sum over the heads.
    pub losses: Vec<f32>,
}

impl Predictions {
    /// The number of samples.
    pub fn len(&self) -> usize {
        self.losses().len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The loss of each sample.
    pub fn losses(&self) -> &[f32] {
        match self {
            Predictions::Classes(p) => &p.losses,
            Predictions::MultiLabel(p) => &p.losses,
            Predictions::Regression(p) => &p.losses,
            Predictions::Heads(p) => &p.losses,
        }
    }

    /// Every metric of the task, in the table's order, the loss first; of heads, behind it those of each
    /// as `HEAD_METRIC`.
    pub fn figures(&self) -> Vec<(String, Option<f64>)> {
        let figures = match self {
            Predictions::Classes(p) => compute_all(p),
            Predictions::MultiLabel(p) => p.figures(),
            Predictions::Regression(p) => p.figures(),
            Predictions::Heads(p) => vec![("loss", mean_loss(&p.losses))],
        };
        let own = figures
            .into_iter()
            .map(|(name, value)| (name.to_string(), value));
        let heads: Vec<&str> = self.heads().iter().map(|(head, _)| &**head).collect();
        let names = HeadFigures::new(&heads);
        let of_heads = self.heads().iter().flat_map(|(head, predictions)| {
            let figures = predictions.figures().into_iter();
            figures.map(move |(name, value)| (names.name(head, &name), value))
        });
        own.chain(of_heads).collect()
    }

    /// The first sample of which something that was predicted is not a finite number.
    pub fn first_not_finite(&self) -> Option<usize> {
        let first = |values: &[f32], samples: usize| {
            let place = values.iter().position(|value| !value.is_finite())?;
            Some(place / (values.len() / samples.max(1)).max(1))
        };
        match self {
            Predictions::Classes(p) => first(&p.probabilities, self.len()),
            Predictions::MultiLabel(p) => first(&p.probabilities, self.len()),
            Predictions::Regression(p) => first(&p.predicted, self.len()),
            Predictions::Heads(p) => {
                let heads = p.heads.iter();
                heads.filter_map(|(_, head)| head.first_not_finite()).min()
            }
        }
    }

    /// The heads, each with its name; none where the task is another.
    pub fn heads(&self) -> &[(String, Predictions)] {
        match self {
            Predictions::Heads(p) => &p.heads,
            _ => &[],
        }
    }

    /// With classes, the accuracy of always guessing the most frequent one.
    pub fn majority_share(&self) -> Option<f64> {
        match self {
            Predictions::Classes(p) => p.majority_share(),
            Predictions::MultiLabel(_) | Predictions::Regression(_) | Predictions::Heads(_) => None,
        }
    }
}

/// What the figures of heads are called: `HEAD_METRIC`; `HEAD.METRIC` where that could mean two things, as
/// `kind_balanced_accuracy` does where there are the heads `kind` and `kind_balanced`. No metric's name has a dot,
/// so that the last one always ends the head's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadFigures {
    separator: char,
}

impl HeadFigures {
    /// Those of heads with these names.
    pub fn new(heads: &[&str]) -> HeadFigures {
        let known = known_metrics();
        let mut seen = HashSet::new();
        let mut names = heads.iter().flat_map(|head| {
            known
                .iter()
                .map(move |metric| format!("{head}_{}", metric.name))
        });
        let separator = if names.all(|name| seen.insert(name)) {
            '_'
        } else {
            '.'
        };
        HeadFigures { separator }
    }

    /// The name of a head's figure.
    pub fn name(self, head: &str, metric: &str) -> String {
        format!("{head}{}{metric}", self.separator)
    }
}

/// A metric by name, whatever its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The name in `history.jsonl`, behind `valid_`.
    pub name: &'static str,
    /// Whether more is better.
    pub higher_is_better: bool,
    /// Whether it is defined for classification, multi-label and regression.
    tasks: [bool; 3],
    /// The fewest classes with which it is defined.
    pub min_classes: usize,
}

impl Known {
    /// Whether it is a metric of the task.
    pub fn is_for(&self, task: &Task) -> bool {
        match task {
            Task::Classes(_) => self.tasks[0],
            Task::MultiLabel(_) => self.tasks[1],
            Task::Regression(_) => self.tasks[2],
            Task::Heads(_) => self.name == "loss",
        }
    }
}

/// Every metric of every task, each name once.
pub fn known_metrics() -> Vec<Known> {
    let mut known: Vec<Known> = Vec::new();
    let mut add = |name, higher_is_better, task: usize, min_classes| match known
        .iter_mut()
        .find(|metric| metric.name == name)
    {
        Some(metric) => metric.tasks[task] = true,
        None => {
            let mut tasks = [false; 3];
            tasks[task] = true;
            known.push(Known {
                name,
                higher_is_better,
                tasks,
                min_classes,
            });
        }
    };
    for metric in METRICS {
        add(metric.name, metric.higher_is_better, 0, metric.min_classes);
    }
    for metric in LABEL_METRICS {
        add(metric.name, metric.higher_is_better, 1, 1);
    }
    add("loss", false, 2, 1);
    for metric in REGRESSION_METRICS {
        add(metric.name, metric.higher_is_better, 2, 1);
    }
    known
}
