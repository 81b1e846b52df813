//! Predicted classes of a split.

use super::confusion::Confusion;

/// Predicted classes of a split.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassPredictions {
    /// Class names.
    pub classes: Vec<String>,
    /// `[samples, classes]`, row by row.
    pub probabilities: Vec<f32>,
    /// The index of each sample's class.
    pub targets: Vec<usize>,
    /// The loss of each sample.
    pub losses: Vec<f32>,
    /// The index of the positive class, with two classes.
    pub positive: usize,
    /// A probability of the positive class of at least this counts as positive, with two classes.
    pub threshold: f32,
}

impl ClassPredictions {
    /// The number of samples.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The probabilities of one sample, by class.
    pub fn row(&self, sample: usize) -> &[f32] {
        let classes = self.classes.len();
        &self.probabilities[sample * classes..(sample + 1) * classes]
    }

    /// The predicted class of one sample.
    pub fn predicted(&self, sample: usize) -> usize {
        decide(self.row(sample), self.positive, self.threshold)
    }

    /// Counts of (target, predicted).
    pub fn confusion(&self) -> Confusion {
        let pairs = (0..self.len()).map(|i| (self.targets[i], self.predicted(i)));
        Confusion::count(self.classes.len(), pairs)
    }

    /// A sum over the samples as their mean; `None` without samples.
    pub fn mean(&self, sum: f64) -> Option<f64> {
        (!self.is_empty()).then(|| sum / self.len() as f64)
    }

    /// The share of the most frequent class: the accuracy of guessing it always. `None` without
    /// samples.
    pub fn majority_share(&self) -> Option<f64> {
        let mut counts = vec![0usize; self.classes.len()];
        for &target in &self.targets {
            counts[target] += 1;
        }
        let most = counts.into_iter().max()?;
        self.mean(most as f64)
    }
}

/// The class that probabilities stand for: with two classes by the threshold, else the largest
/// (the first of equals).
pub fn decide(row: &[f32], positive: usize, threshold: f32) -> usize {
    if let &[_, _] = row {
        return if row[positive] >= threshold {
            positive
        } else {
            1 - positive
        };
    }
    largest(row)
}

/// The index of the largest probability, the first of equals.
pub fn largest(row: &[f32]) -> usize {
    let mut best = 0;
    for (class, &probability) in row.iter().enumerate() {
        if probability > row[best] {
            best = class;
        }
    }
    best
}
