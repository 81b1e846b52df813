//! Log loss: the mean of `-ln p` of each sample's class.
//!
//! For a net trained on a cross-entropy it is the loss, except for rounding: the loss is computed from the logits, which
//! are still precise where the probability rounds to 0 or 1.

use super::Confusion;
use super::class_predictions::ClassPredictions;

/// scikit-learn's `log_loss` of the probabilities as 64-bit floats: clipped to [2.2e-16, 1 - 2.2e-16], so
/// that a sample costs at most 36. `None` without samples.
pub fn log_loss(predictions: &ClassPredictions, _: &Confusion) -> Option<f64> {
    let cost = |sample: usize| {
        let p = f64::from(predictions.row(sample)[predictions.targets[sample]]);
        -p.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
    };
    predictions.mean((0..predictions.len()).map(cost).sum())
}
