//! Mean loss.

use super::Confusion;
use super::class_predictions::ClassPredictions;

/// The mean over the samples, each counting the same (`train.class_weights` weighs training alone);
/// `None` without samples.
pub fn loss(predictions: &ClassPredictions, _: &Confusion) -> Option<f64> {
    let sum: f64 = predictions.losses.iter().map(|&loss| f64::from(loss)).sum();
    predictions.mean(sum)
}
