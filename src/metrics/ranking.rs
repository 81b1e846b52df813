//! Samples ranked by the probability of one class: what both areas under curves are made of.

use rayon::prelude::*;

use super::class_predictions::ClassPredictions;

/// Samples of the same probability.
pub struct Tied {
    /// Those of the class.
    pub members: usize,
    /// Those of other classes.
    pub others: usize,
}

/// The samples in groups of equal probability of `class`, the most probable first.
pub fn ranked(predictions: &ClassPredictions, class: usize) -> Vec<Tied> {
    let mut scored: Vec<(f32, bool)> = (0..predictions.len())
        .map(|i| (predictions.row(i)[class], predictions.targets[i] == class))
        .collect();
    scored.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    scored
        .chunk_by(|a, b| a.0 == b.0)
        .map(|tied| {
            let members = tied.iter().filter(|(_, is)| *is).count();
            Tied {
                members,
                others: tied.len() - members,
            }
        })
        .collect()
}

/// A figure of the positive class with two classes, else its mean over the classes, each against the
/// rest; `None` if a class has none.
pub fn one_against_rest(
    predictions: &ClassPredictions,
    figure: fn(&[Tied]) -> Option<f64>,
) -> Option<f64> {
    let num_classes = predictions.classes.len();
    if num_classes == 2 {
        return figure(&ranked(predictions, predictions.positive));
    }
    // A thousand classes are a thousand sorts; the sum runs in the order of the classes all the same.
    let figures: Option<Vec<f64>> = (0..num_classes)
        .into_par_iter()
        .map(|class| figure(&ranked(predictions, class)))
        .collect();
    let figures = figures?;
    (num_classes > 0).then(|| figures.iter().sum::<f64>() / num_classes as f64)
}
