//! Accuracy: the share of samples whose class is predicted.

use super::{Confusion, Predictions};

/// scikit-learn's `accuracy_score`; `None` without samples.
pub fn accuracy(_: &Predictions, confusion: &Confusion) -> Option<f64> {
    confusion.hit_rate()
}
