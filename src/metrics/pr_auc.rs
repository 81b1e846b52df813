//! Area under the precision-recall curve, as average precision: the mean, over the samples of the
//! class, of the precision at their rank. For a rare class it is more informative than the area under the ROC curve.

use super::Confusion;
use super::class_predictions::ClassPredictions;
use super::ranking::{Tied, one_against_rest};

/// scikit-learn's `average_precision_score` (steps, no interpolation between them, which would be too kind):
/// the positive class's with two classes, else the mean over the classes, each against the rest
/// (`average="macro"`). 0 for a class without samples, as there; `None` without any.
pub fn pr_auc(predictions: &ClassPredictions, _: &Confusion) -> Option<f64> {
    one_against_rest(predictions, average_precision)
}

fn average_precision(ranked: &[Tied]) -> Option<f64> {
    let (mut members, mut seen, mut sum) = (0, 0, 0.0);
    for tied in ranked {
        members += tied.members;
        seen += tied.members + tied.others;
        sum += tied.members as f64 * members as f64 / seen as f64;
    }
    (seen > 0).then(|| sum / members.max(1) as f64)
}
