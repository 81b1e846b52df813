//! Accuracy: the share of samples whose class is predicted.

use super::Confusion;
use super::class_predictions::ClassPredictions;

/// scikit-learn's `accuracy_score`; `None` without samples.
pub fn accuracy(_: &ClassPredictions, confusion: &Confusion) -> Option<f64> {
    confusion.hit_rate()
}
