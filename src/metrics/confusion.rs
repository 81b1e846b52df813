//! The confusion matrix, and the figures of each class that follow from it. Only cells that are not 0 are
//! kept: of 30,000 classes there are 900 million.

use std::collections::BTreeMap;

/// Counts of samples by target and prediction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// By target: the samples of each class that was predicted.
    rows: Vec<BTreeMap<usize, usize>>,
    /// Samples predicted as each class.
    predicted: Vec<usize>,
}

/// Figures of one class against the rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassScores {
    /// Of the samples predicted as this class, the share that is; 0 where there is none.
    pub precision: f64,
    /// Of the samples of this class, the share that is predicted as such; 0 where there is none.
    pub recall: f64,
    /// The harmonic mean of both; 0 where both are 0.
    pub f1: f64,
    /// Samples of this class.
    pub samples: usize,
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

impl Confusion {
    /// Counts pairs of (target, predicted).
    pub fn count(num_classes: usize, pairs: impl Iterator<Item = (usize, usize)>) -> Confusion {
        let mut confusion = Confusion {
            rows: vec![BTreeMap::new(); num_classes],
            predicted: vec![0; num_classes],
        };
        for (target, predicted) in pairs {
            *confusion.rows[target].entry(predicted).or_default() += 1;
            confusion.predicted[predicted] += 1;
        }
        confusion
    }

    /// The number of classes.
    pub fn num_classes(&self) -> usize {
        self.rows.len()
    }

    /// Samples of one class that were predicted as another, or as that class itself.
    pub fn count_of(&self, target: usize, predicted: usize) -> usize {
        self.rows[target].get(&predicted).copied().unwrap_or(0)
    }

    /// The samples of a class by the class that was predicted.
    pub fn row(&self, target: usize) -> Vec<usize> {
        let mut row = vec![0; self.num_classes()];
        for (&predicted, &count) in &self.rows[target] {
            row[predicted] = count;
        }
        row
    }

    /// Target, predicted class and samples of each cell that is not 0.
    pub fn cells(&self) -> impl Iterator<Item = [usize; 3]> + '_ {
        let rows = self.rows.iter().enumerate();
        rows.flat_map(|(target, row)| {
            row.iter()
                .map(move |(&predicted, &count)| [target, predicted, count])
        })
    }

    /// The figures of one class.
    pub fn class(&self, class: usize) -> ClassScores {
        let hits = self.count_of(class, class);
        let samples: usize = self.rows[class].values().sum();
        let predicted = self.predicted[class];
        ClassScores {
            precision: ratio(hits, predicted),
            recall: ratio(hits, samples),
            f1: ratio(2 * hits, samples + predicted),
            samples,
        }
    }

    /// The share of samples on the diagonal; `None` without samples.
    pub fn hit_rate(&self) -> Option<f64> {
        let samples = self.num_samples();
        (samples > 0).then(|| self.hits() as f64 / samples as f64)
    }

    /// Samples whose class is predicted.
    pub fn hits(&self) -> usize {
        (0..self.num_classes()).map(|c| self.count_of(c, c)).sum()
    }

    /// All samples.
    pub fn num_samples(&self) -> usize {
        self.predicted.iter().sum()
    }

    /// The mean over the classes that occur as target or prediction (scikit-learn's macro average).
    /// `None` without samples.
    pub fn macro_average(&self, figure: fn(&ClassScores) -> f64) -> Option<f64> {
        let present: Vec<f64> = (0..self.num_classes())
            .filter(|&class| self.occurs(class))
            .map(|class| figure(&self.class(class)))
            .collect();
        (!present.is_empty()).then(|| present.iter().sum::<f64>() / present.len() as f64)
    }

    fn occurs(&self, class: usize) -> bool {
        !self.rows[class].is_empty() || self.predicted[class] > 0
    }

    /// The mean over the samples, each with the figure of its class. `None` without samples.
    pub fn weighted_average(&self, figure: fn(&ClassScores) -> f64) -> Option<f64> {
        let sum: f64 = (0..self.num_classes())
            .map(|class| self.class(class))
            .map(|scores| scores.samples as f64 * figure(&scores))
            .sum();
        let samples = self.num_samples();
        (samples > 0).then(|| sum / samples as f64)
    }
}
