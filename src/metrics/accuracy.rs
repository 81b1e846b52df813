//! Accuracy.

use super::Predictions;

/// The share of samples whose class is predicted; `None` without samples.
pub fn accuracy(predictions: &Predictions) -> Option<f64> {
    let hits = (0..predictions.len())
        .filter(|&i| predictions.predicted(i) == predictions.targets[i])
        .count();
    (!predictions.is_empty()).then(|| hits as f64 / predictions.len() as f64)
}
