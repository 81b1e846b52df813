//! Multi-label predictions of a split.
//!
//! Averages over labels are scikit-learn's of an indicator matrix: macro the mean of the labels'
//! figures, micro the figure of all (sample, label) pairs together.

use super::class_predictions::ClassPredictions;
use super::figure::{Figure, mean_loss};
use super::find_metric;

/// Probabilities of labels, and the labels that hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelPredictions {
    /// The labels' names.
    pub names: Vec<String>,
    /// `[samples, labels]`, row by row.
    pub probabilities: Vec<f32>,
    /// `[samples, labels]`, row by row.
    pub targets: Vec<bool>,
    /// The loss of each sample.
    pub losses: Vec<f32>,
    /// A label with a probability of at least this is predicted.
    pub threshold: f32,
}

/// A figure of labels.
pub struct LabelMetric {
    /// The name in `history.jsonl`, behind `valid_`.
    pub name: &'static str,
    /// Its definition, in a sentence for the guide.
    pub about: &'static str,
    /// Whether more is better.
    pub higher_is_better: bool,
    compute: fn(&LabelPredictions) -> Option<f64>,
}

const fn higher(
    name: &'static str,
    compute: fn(&LabelPredictions) -> Option<f64>,
    about: &'static str,
) -> LabelMetric {
    LabelMetric {
        name,
        about,
        higher_is_better: true,
        compute,
    }
}

/// Every metric of labels.
pub const LABEL_METRICS: &[LabelMetric] = &[
    LabelMetric {
        name: "loss",
        about: "the training loss without penalties, mean over the samples.",
        higher_is_better: false,
        compute: |p| mean_loss(&p.losses),
    },
    higher(
        "accuracy",
        LabelPredictions::accuracy,
        "share of (sample, label) pairs that are predicted right.",
    ),
    higher(
        "exact_match",
        LabelPredictions::exact_match,
        "share of samples all of whose labels are predicted right.",
    ),
    higher(
        "precision_micro",
        |p| p.micro("precision"),
        "precision over all (sample, label) pairs together.",
    ),
    higher(
        "recall_micro",
        |p| p.micro("recall"),
        "recall over all (sample, label) pairs together.",
    ),
    higher(
        "f1_micro",
        |p| p.micro("f1"),
        "F1 over all (sample, label) pairs together.",
    ),
    higher(
        "precision_macro",
        |p| p.macro_mean("precision"),
        "mean of the labels' precision.",
    ),
    higher(
        "recall_macro",
        |p| p.macro_mean("recall"),
        "mean of the labels' recall.",
    ),
    higher(
        "f1_macro",
        |p| p.macro_mean("f1"),
        "mean of the labels' F1.",
    ),
    higher(
        "auc",
        |p| p.macro_mean("auc"),
        "mean of the labels' areas under the ROC curve.",
    ),
    higher(
        "pr_auc",
        |p| p.macro_mean("pr_auc"),
        "mean of the labels' average precision.",
    ),
];

impl LabelPredictions {
    /// Every metric.
    pub fn figures(&self) -> Vec<Figure> {
        LABEL_METRICS
            .iter()
            .map(|metric| (metric.name, (metric.compute)(self)))
            .collect()
    }

    /// One label of every sample as a class of two, the second positive.
    pub fn label(&self, label: usize) -> ClassPredictions {
        let width = self.names.len().max(1);
        let every = |from: usize| from..self.targets.len();
        let picks: Vec<usize> = every(label).step_by(width).collect();
        self.as_classes(&self.names[label], &picks)
    }

    /// All (sample, label) pairs as samples of a class of two.
    fn pairs(&self) -> ClassPredictions {
        self.as_classes("any", &(0..self.targets.len()).collect::<Vec<_>>())
    }

    fn as_classes(&self, name: &str, picks: &[usize]) -> ClassPredictions {
        ClassPredictions {
            classes: vec![format!("not {name}"), name.to_string()],
            probabilities: picks
                .iter()
                .flat_map(|&i| [1.0 - self.probabilities[i], self.probabilities[i]])
                .collect(),
            targets: picks
                .iter()
                .map(|&i| usize::from(self.targets[i]))
                .collect(),
            losses: Vec::new(),
            positive: 1,
            threshold: self.threshold,
        }
    }

    /// The share of (sample, label) pairs that are right (Keras's `binary_accuracy`).
    fn accuracy(&self) -> Option<f64> {
        self.micro("accuracy")
    }

    /// The share of samples of which every label is right.
    fn exact_match(&self) -> Option<f64> {
        let width = self.names.len().max(1);
        let rows = self.probabilities.chunks_exact(width);
        let targets = self.targets.chunks_exact(width);
        let samples = targets.len();
        let right = |(row, targets): (&[f32], &[bool])| {
            let mut pairs = row.iter().zip(targets);
            pairs.all(|(&p, &target)| (p >= self.threshold) == target)
        };
        let hits = rows.zip(targets).filter(|pair| right(*pair)).count();
        (samples > 0).then(|| hits as f64 / samples as f64)
    }

    fn micro(&self, metric: &str) -> Option<f64> {
        class_figure(metric, &self.pairs())
    }

    /// The mean over the labels for which the metric is defined.
    fn macro_mean(&self, metric: &str) -> Option<f64> {
        let each = (0..self.names.len()).map(|label| class_figure(metric, &self.label(label)));
        let defined: Vec<f64> = each.flatten().collect();
        (!defined.is_empty()).then(|| defined.iter().sum::<f64>() / defined.len() as f64)
    }
}

fn class_figure(metric: &str, predictions: &ClassPredictions) -> Option<f64> {
    let metric = find_metric(metric)?;
    (metric.compute)(predictions, &predictions.confusion())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scikit-learn 1.9 of the indicator matrices [[1,0],[1,1],[0,1],[0,0]] and predictions at 0.5.
    #[test]
    fn averages_are_those_of_an_indicator_matrix() {
        let predictions = LabelPredictions {
            names: vec!["a".into(), "b".into()],
            probabilities: vec![0.9, 0.2, 0.4, 0.8, 0.6, 0.7, 0.1, 0.3],
            targets: vec![true, false, true, true, false, true, false, false],
            losses: vec![1.0; 4],
            threshold: 0.5,
        };
        let figures = predictions.figures();
        let figure = |name| figures.iter().find(|(n, _)| *n == name).and_then(|f| f.1);
        assert_eq!(figure("accuracy"), Some(0.75));
        assert_eq!(figure("exact_match"), Some(0.5));
        assert_eq!(figure("precision_micro"), Some(0.75));
        assert_eq!(figure("f1_micro"), Some(0.75));
        assert_eq!(figure("f1_macro"), Some(0.75));
        assert_eq!(figure("auc"), Some((0.75 + 1.0) / 2.0));
    }
}
