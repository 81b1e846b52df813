//! Area under the ROC curve: the probability that a sample of the class is ranked above one of the
//! others, ties counting half (Mann and Whitney's U).

use super::Confusion;
use super::class_predictions::ClassPredictions;
use super::ranking::{Tied, one_against_rest};

/// scikit-learn's `roc_auc_score` (`multi_class="ovr"`): the positive class's with two classes, else
/// the mean over the classes, each against the rest. `None` where a class has no samples, or all
/// of them.
pub fn auc(predictions: &ClassPredictions, _: &Confusion) -> Option<f64> {
    one_against_rest(predictions, area)
}

fn area(ranked: &[Tied]) -> Option<f64> {
    let (mut members, mut others, mut won) = (0.0, 0.0, 0.0);
    for tied in ranked {
        let (more, below) = (tied.members as f64, tied.others as f64);
        won += below * (members + more / 2.0);
        members += more;
        others += below;
    }
    (members > 0.0 && others > 0.0).then(|| won / (members * others))
}
