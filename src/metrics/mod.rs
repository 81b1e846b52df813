//! Metrics: one file each, computed on the host in 64-bit floats from the predictions of a split.
//!
//! Definitions and edge cases follow scikit-learn (`zero_division=0`); `tests/suite/metrics.rs` compares them with its
//! figures. With two classes precision, recall and F1 are those of the positive class, with more they are
//! macro averages; `_macro`, `_micro` and `_weighted` are these averages for any number of classes.
//! AUC and PR AUC are macro averages of one class against the rest. [`regression`] has
//! the metrics of regression.
//!
//! Adding a metric: one file, and one line in [`METRICS`].

mod accuracy;
mod auc;
mod balanced_accuracy;
mod brier;
pub mod class_predictions;
mod confusion;
mod ece;
mod f1;
pub mod figure;
mod interval;
mod label_predictions;
mod log_loss;
mod loss;
mod pr_auc;
mod precision;
mod predictions;
mod ranking;
mod recall;
pub mod regression;
mod regression_predictions;
mod top_5_accuracy;

pub use crate::metrics::figure::Figure;
pub use class_predictions::ClassPredictions;
pub use class_predictions::decide;
pub use confusion::{ClassScores, Confusion};
pub use interval::wilson;
pub use label_predictions::{LABEL_METRICS, LabelPredictions};
pub use predictions::{HeadFigures, HeadPredictions, Known, Predictions, known_metrics};
pub use regression_predictions::RegressionPredictions;

/// One figure of a split.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The name in `history.jsonl`, behind `valid_`.
    pub name: &'static str,
    /// Its definition, in a sentence or two for the guide.
    pub about: &'static str,
    /// Whether more is better.
    pub higher_is_better: bool,
    /// Computes it; `None` if it is not defined.
    pub compute: fn(&ClassPredictions, &Confusion) -> Option<f64>,
    /// Whether it is in the printed tables; `history.jsonl` and `--json` have every metric.
    pub in_tables: bool,
    /// The fewest classes with which it is defined.
    pub min_classes: usize,
}

type Compute = fn(&ClassPredictions, &Confusion) -> Option<f64>;

const fn higher(name: &'static str, compute: Compute, about: &'static str) -> Metric {
    Metric {
        name,
        about,
        higher_is_better: true,
        compute,
        in_tables: true,
        min_classes: 1,
    }
}

const fn lower(name: &'static str, compute: Compute, about: &'static str) -> Metric {
    Metric {
        higher_is_better: false,
        ..higher(name, compute, about)
    }
}

impl Metric {
    const fn json_only(self) -> Metric {
        Metric {
            in_tables: false,
            ..self
        }
    }

    const fn min_classes(self, min_classes: usize) -> Metric {
        Metric {
            min_classes,
            ..self
        }
    }
}

/// Every metric: `higher` where more is better, `lower` where less is.
pub const METRICS: &[Metric] = &[
    lower("loss", loss::loss, "the training loss without class weights and penalties, mean over the samples."),
    higher("accuracy", accuracy::accuracy, "share of samples whose predicted class is the target; tables show its 95% interval (Wilson) and the majority baseline."),
    higher("balanced_accuracy", balanced_accuracy::balanced_accuracy, "mean of the classes' recalls, so that rare classes count as much as frequent ones."),
    higher("precision", precision::precision, "of the samples predicted as a class, the share that are of it; of the positive class with two classes, else the macro average."),
    higher("recall", recall::recall, "of the samples of a class, the share that are predicted as it; of the positive class with two classes, else the macro average."),
    higher("f1", f1::f1, "harmonic mean of precision and recall; of the positive class with two classes, else the macro average."),
    higher("auc", auc::auc, "area under the ROC curve; with more than two classes the macro average of one class against the rest. Undefined where the split holds one class only."),
    higher("pr_auc", pr_auc::pr_auc, "average precision, the area under the precision-recall curve; macro average with more than two classes."),
    lower("log_loss", log_loss::log_loss, "mean of -ln(probability of the target), probabilities clipped as scikit-learn does.").json_only(),
    lower("brier", brier::brier, "mean squared error of the probabilities: in [0, 1] with two classes; with more, the sum over the classes, in [0, 2]."),
    lower("ece", ece::ece, "expected calibration error: mean distance between confidence and accuracy in 15 bins of equal width (Guo and others, 2017)."),
    higher("top_5_accuracy", top_5_accuracy::top_5_accuracy, "share of samples whose target is among the five most probable classes.")
        .min_classes(top_5_accuracy::MIN_CLASSES),
    higher("precision_macro", precision::precision_macro, "mean of the classes' precision, each class counting the same.").json_only(),
    higher("precision_micro", precision::precision_micro, "precision over the counts of all classes together; with one class a sample it is the accuracy.").json_only(),
    higher("precision_weighted", precision::precision_weighted, "mean of the classes' precision, each class weighted by its number of samples.").json_only(),
    higher("recall_macro", recall::recall_macro, "mean of the classes' recall, each class counting the same.").json_only(),
    higher("recall_micro", recall::recall_micro, "recall over the counts of all classes together; with one class a sample it is the accuracy.").json_only(),
    higher("recall_weighted", recall::recall_weighted, "mean of the classes' recall, each class weighted by its number of samples.").json_only(),
    higher("f1_macro", f1::f1_macro, "mean of the classes' F1, each class counting the same.").json_only(),
    higher("f1_micro", f1::f1_micro, "F1 over the counts of all classes together; with one class a sample it is the accuracy.").json_only(),
    higher("f1_weighted", f1::f1_weighted, "mean of the classes' F1, each class weighted by its number of samples.").json_only(),
];

/// The metric of that name.
pub fn find_metric(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

/// Every metric's value by name, in the table's order.
pub fn compute_all(predictions: &ClassPredictions) -> Vec<(&'static str, Option<f64>)> {
    let confusion = predictions.confusion();
    METRICS
        .iter()
        .map(|metric| (metric.name, (metric.compute)(predictions, &confusion)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two classes, the second positive.
    pub fn binary(scores: &[f32], targets: &[usize]) -> ClassPredictions {
        ClassPredictions {
            classes: vec!["no".into(), "yes".into()],
            probabilities: scores.iter().flat_map(|&p| [1.0 - p, p]).collect(),
            targets: targets.to_vec(),
            losses: vec![0.0; targets.len()],
            positive: 1,
            threshold: 0.5,
        }
    }

    /// Accuracy, precision, recall, F1, AUC.
    fn figures(predictions: &ClassPredictions) -> Vec<f64> {
        let confusion = predictions.confusion();
        ["accuracy", "precision", "recall", "f1", "auc"]
            .iter()
            .map(|name| find_metric(name).expect("a metric"))
            .map(|metric| (metric.compute)(predictions, &confusion).unwrap_or(f64::NAN))
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
        let p = ClassPredictions {
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
