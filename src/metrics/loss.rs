//! Mean loss.

use super::Predictions;

/// The mean over the samples; `None` without samples.
pub fn loss(predictions: &Predictions) -> Option<f64> {
    let sum: f64 = predictions.losses.iter().map(|&loss| f64::from(loss)).sum();
    (!predictions.is_empty()).then(|| sum / predictions.len() as f64)
}
