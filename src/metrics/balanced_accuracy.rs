//! Balanced accuracy: the mean of the classes' recalls, so that each class counts the same however
//! many samples it has.

use super::Confusion;
use super::class_predictions::ClassPredictions;

/// scikit-learn's `balanced_accuracy_score`: over the classes that have samples; `None` without
/// samples.
pub fn balanced_accuracy(_: &ClassPredictions, confusion: &Confusion) -> Option<f64> {
    let recalls: Vec<f64> = (0..confusion.num_classes())
        .map(|class| confusion.class(class))
        .filter(|scores| scores.samples > 0)
        .map(|scores| scores.recall)
        .collect();
    (!recalls.is_empty()).then(|| recalls.iter().sum::<f64>() / recalls.len() as f64)
}
