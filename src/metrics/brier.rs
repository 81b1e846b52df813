//! The Brier score (1950): the mean squared distance of the probabilities from the one-hot targets.

use super::Confusion;
use super::class_predictions::ClassPredictions;

/// scikit-learn's `brier_score_loss`. With two classes the squared distance of the positive class's
/// probability from 0 or 1, in [0, 1]; with more the sum over the classes, in [0, 2] (Brier's own form,
/// not halved). `None` without samples.
pub fn brier(predictions: &ClassPredictions, _: &Confusion) -> Option<f64> {
    let distance = |sample: usize| -> f64 {
        let squares = predictions
            .row(sample)
            .iter()
            .enumerate()
            .map(|(class, &p)| {
                let is = f64::from(u8::from(predictions.targets[sample] == class));
                (is - f64::from(p)).powi(2)
            });
        squares.sum()
    };
    let sum: f64 = (0..predictions.len()).map(distance).sum();
    let scale = if predictions.classes.len() == 2 {
        0.5
    } else {
        1.0
    };
    predictions.mean(scale * sum)
}
