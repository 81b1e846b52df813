//! Top-5 accuracy: the share of samples whose class is among the five most probable.

use super::Confusion;
use super::class_predictions::ClassPredictions;

const K: usize = 5;

/// The fewest classes with which it can be below 1.
pub const MIN_CLASSES: usize = K + 1;

/// scikit-learn's `top_k_accuracy_score` with `k=5`; of equally probable classes the later one goes
/// first, as there. `None` with up to five classes, where it would always be 1, and without samples.
pub fn top_5_accuracy(predictions: &ClassPredictions, _: &Confusion) -> Option<f64> {
    if predictions.classes.len() < MIN_CLASSES {
        return None;
    }
    let is_hit = |&sample: &usize| {
        let row = predictions.row(sample);
        let target = predictions.targets[sample];
        let before =
            |(class, &p): (usize, &f32)| p > row[target] || (p == row[target] && class > target);
        row.iter().enumerate().filter(|&pair| before(pair)).count() < K
    };
    let hits = (0..predictions.len()).filter(is_hit).count();
    predictions.mean(hits as f64)
}
