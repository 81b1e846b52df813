//! Accuracy: the share of samples whose class is predicted.

use super::{ClassPredictions, Confusion};

/// scikit-learn's `accuracy_score`; `None` without samples.
pub fn accuracy(_: &ClassPredictions, confusion: &Confusion) -> Option<f64> {
    confusion.hit_rate()
}
