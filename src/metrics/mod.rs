//! Metrics: one file each, computed on the host in 64-bit floats from the predictions of a split.
//!
//! Definitions and edge cases follow scikit-learn (`zero_division=0`). With more than two classes
//! precision, recall, F1 and AUC are macro averages (AUC one class against the rest).
//!
//! Adding a metric: one file, and one line in [`METRICS`].

mod accuracy;
mod auc;
mod confusion;
mod f1;
mod interval;
mod loss;
mod precision;
mod recall;

pub use confusion::{ClassScores, Confusion};
pub use interval::wilson;

/// The predictions of a split, from which every metric is computed.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// Class names.
    pub classes: Vec<String>,
    /// `[samples, classes]`, row by row.
    pub probabilities: Vec<f32>,
    /// The index of each sample's class.
    pub targets: Vec<usize>,
    /// The loss of each sample.
    pub losses: Vec<f32>,
    /// The index of the positive class, with two classes.
    pub positive: usize,
    /// A probability of the positive class of at least this counts as positive, with two classes.
    pub threshold: f32,
}

impl Predictions {
    /// The number of samples.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The probabilities of one sample, by class.
    pub fn row(&self, sample: usize) -> &[f32] {
        let classes = self.classes.len();
        &self.probabilities[sample * classes..(sample + 1) * classes]
    }

    /// The predicted class of one sample.
    pub fn predicted(&self, sample: usize) -> usize {
        decide(self.row(sample), self.positive, self.threshold)
    }

    /// Counts of (target, predicted).
    pub fn confusion(&self) -> Confusion {
        let pairs = (0..self.len()).map(|i| (self.targets[i], self.predicted(i)));
        Confusion::count(self.classes.len(), pairs)
    }

    /// The share of the most frequent class: the accuracy of guessing it always. `None` without
    /// samples.
    pub fn majority_share(&self) -> Option<f64> {
        let mut counts = vec![0usize; self.classes.len()];
        for &target in &self.targets {
            counts[target] += 1;
        }
        let most = counts.into_iter().max()?;
        (!self.is_empty()).then(|| most as f64 / self.len() as f64)
    }
}

/// The class that probabilities stand for: with two classes by the threshold, else the largest
/// (the first of equals).
pub fn decide(row: &[f32], positive: usize, threshold: f32) -> usize {
    if let &[_, _] = row {
        return if row[positive] >= threshold {
            positive
        } else {
            1 - positive
        };
    }
    let mut best = 0;
    for (class, &probability) in row.iter().enumerate() {
        if probability > row[best] {
            best = class;
        }
    }
    best
}

/// One figure of a split.
pub struct Metric {
    /// The name in `history.jsonl`, behind `valid_`.
    pub name: &'static str,
    /// Whether more is better.
    pub higher_is_better: bool,
    /// Computes it; `None` where it is not defined.
    pub compute: fn(&Predictions) -> Option<f64>,
}

/// Every metric.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "loss",
        higher_is_better: false,
        compute: loss::loss,
    },
    Metric {
        name: "accuracy",
        higher_is_better: true,
        compute: accuracy::accuracy,
    },
    Metric {
        name: "precision",
        higher_is_better: true,
        compute: precision::precision,
    },
    Metric {
        name: "recall",
        higher_is_better: true,
        compute: recall::recall,
    },
    Metric {
        name: "f1",
        higher_is_better: true,
        compute: f1::f1,
    },
    Metric {
        name: "auc",
        higher_is_better: true,
        compute: auc::auc,
    },
];

/// Every metric's value by name, in the table's order.
pub fn compute_all(predictions: &Predictions) -> Vec<(&'static str, Option<f64>)> {
    METRICS
        .iter()
        .map(|metric| (metric.name, (metric.compute)(predictions)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two classes, the second positive.
    pub fn binary(scores: &[f32], targets: &[usize]) -> Predictions {
        Predictions {
            classes: vec!["no".into(), "yes".into()],
            probabilities: scores.iter().flat_map(|&p| [1.0 - p, p]).collect(),
            targets: targets.to_vec(),
            losses: vec![0.0; targets.len()],
            positive: 1,
            threshold: 0.5,
        }
    }

    fn figures(predictions: &Predictions) -> Vec<f64> {
        let all = compute_all(predictions);
        all[1..]
            .iter()
            .map(|(_, value)| value.unwrap_or(f64::NAN))
            .collect()
    }

    fn close(found: &[f64], expected: &[f64]) {
        for (f, e) in found.iter().zip(expected) {
            assert!(
                (f - e).abs() < 1e-6 || (f.is_nan() && e.is_nan()),
                "{found:?} {expected:?}"
            );
        }
    }

    // Expected figures: scikit-learn 1.9, accuracy_score, precision_score, recall_score, f1_score
    // (zero_division=0; average="macro" for three classes), roc_auc_score (multi_class="ovr").

    #[test]
    fn two_classes_agree_with_scikit_learn() {
        let p = binary(&[0.1, 0.4, 0.35, 0.8, 0.7, 0.5], &[0, 0, 1, 1, 0, 1]);
        close(
            &figures(&p),
            &[4.0 / 6.0, 2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0, 0.666_666_7],
        );
    }

    #[test]
    fn ties_count_half_in_the_auc() {
        let p = binary(&[0.5, 0.5, 0.5, 0.9], &[0, 1, 0, 1]);
        close(&figures(&p)[4..], &[0.75]);
    }

    #[test]
    fn without_a_positive_prediction_precision_is_zero() {
        let p = binary(&[0.1, 0.2, 0.3], &[0, 1, 1]);
        close(&figures(&p), &[1.0 / 3.0, 0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn one_class_has_no_auc() {
        let p = binary(&[0.1, 0.9], &[1, 1]);
        close(&figures(&p), &[0.5, 1.0, 0.5, 2.0 / 3.0, f64::NAN]);
    }

    #[test]
    fn three_classes_are_averaged() {
        let p = Predictions {
            classes: vec!["a".into(), "b".into(), "c".into()],
            probabilities: vec![
                0.7, 0.2, 0.1, 0.3, 0.4, 0.3, 0.2, 0.2, 0.6, 0.5, 0.3, 0.2, 0.1, 0.8, 0.1, 0.3,
                0.3, 0.4,
            ],
            targets: vec![0, 1, 2, 1, 1, 0],
            losses: vec![0.0; 6],
            positive: 2,
            threshold: 0.5,
        };
        close(
            &figures(&p),
            &[
                4.0 / 6.0,
                0.666_666_7,
                0.722_222_2,
                0.655_555_6,
                0.918_981_48,
            ],
        );
    }

    #[test]
    fn no_samples_have_no_figures() {
        let p = binary(&[], &[]);
        assert!(compute_all(&p).iter().all(|(_, value)| value.is_none()));
        assert_eq!(p.majority_share(), None);
    }

    #[test]
    fn the_positive_class_may_be_the_first() {
        let mut p = binary(&[0.1, 0.4, 0.8], &[0, 0, 1]);
        p.positive = 0;
        p.threshold = 0.7;
        // class 0 has the probabilities 0.9, 0.6, 0.2
        assert_eq!(
            (0..3).map(|i| p.predicted(i)).collect::<Vec<_>>(),
            [0, 1, 1]
        );
    }
}
