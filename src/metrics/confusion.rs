//! The confusion matrix, and the figures of each class that follow from it.

/// Counts of samples by target and prediction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// `counts[target][predicted]`
    pub counts: Vec<Vec<usize>>,
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
        let mut counts = vec![vec![0; num_classes]; num_classes];
        for (target, predicted) in pairs {
            counts[target][predicted] += 1;
        }
        Confusion { counts }
    }

    /// The figures of one class.
    pub fn class(&self, class: usize) -> ClassScores {
        let hits = self.counts[class][class];
        let samples: usize = self.counts[class].iter().sum();
        let predicted: usize = self.counts.iter().map(|row| row[class]).sum();
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
        (0..self.counts.len()).map(|c| self.counts[c][c]).sum()
    }

    /// All samples.
    pub fn num_samples(&self) -> usize {
        self.counts.iter().flatten().sum()
    }

    /// The mean over the classes that occur as target or prediction (scikit-learn's macro average).
    /// `None` without samples.
    pub fn macro_average(&self, figure: fn(&ClassScores) -> f64) -> Option<f64> {
        let present: Vec<f64> = (0..self.counts.len())
            .filter(|&class| self.occurs(class))
            .map(|class| figure(&self.class(class)))
            .collect();
        (!present.is_empty()).then(|| present.iter().sum::<f64>() / present.len() as f64)
    }

    fn occurs(&self, class: usize) -> bool {
        self.counts[class].iter().any(|&n| n > 0) || self.counts.iter().any(|row| row[class] > 0)
    }

    /// The mean over the samples, each with the figure of its class. `None` without samples.
    pub fn weighted_average(&self, figure: fn(&ClassScores) -> f64) -> Option<f64> {
        let sum: f64 = (0..self.counts.len())
            .map(|class| self.class(class))
            .map(|scores| scores.samples as f64 * figure(&scores))
            .sum();
        let samples = self.num_samples();
        (samples > 0).then(|| sum / samples as f64)
    }
}
