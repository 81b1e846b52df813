//! Area under the ROC curve: the probability that a sample of the class is ranked above one of the
//! others, ties counting half.

use super::Predictions;

/// The positive class's with two classes, else the mean over the classes, each against the rest.
/// `None` where a class has no samples, or all of them.
pub fn auc(predictions: &Predictions) -> Option<f64> {
    let num_classes = predictions.classes.len();
    if num_classes == 2 {
        return one_against_rest(predictions, predictions.positive);
    }
    let mut sum = 0.0;
    for class in 0..num_classes {
        sum += one_against_rest(predictions, class)?;
    }
    (num_classes > 0).then(|| sum / num_classes as f64)
}

/// From the sum of the ranks of the class's samples (Mann and Whitney's U).
fn one_against_rest(predictions: &Predictions, class: usize) -> Option<f64> {
    let mut scored: Vec<(f32, bool)> = (0..predictions.len())
        .map(|i| (predictions.row(i)[class], predictions.targets[i] == class))
        .collect();
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = scored.iter().filter(|(_, is)| *is).count() as f64;
    let negatives = scored.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let mut rank_sum = 0.0;
    let mut start = 0;
    while start < scored.len() {
        let tied = scored[start..]
            .iter()
            .take_while(|(p, _)| *p == scored[start].0)
            .count();
        let mean_rank = start as f64 + (tied as f64 + 1.0) / 2.0;
        let members = scored[start..start + tied]
            .iter()
            .filter(|(_, is)| *is)
            .count();
        rank_sum += mean_rank * members as f64;
        start += tied.max(1);
    }
    Some((rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}
