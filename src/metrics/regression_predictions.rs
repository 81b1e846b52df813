//! Regression predictions of a split; with several targets per sample, a metric is the mean over them
//! (scikit-learn's `multioutput="uniform_average"`).

use super::figure::{Figure, mean_loss};
use super::regression::{REGRESSION_METRICS, RegressionMetric};

/// Predicted numbers and those that were to be predicted, in the units of the data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RegressionPredictions {
    /// The numbers' names.
    pub names: Vec<String>,
    /// `[samples, numbers]`, row by row.
    pub predicted: Vec<f32>,
    /// `[samples, numbers]`, row by row.
    pub targets: Vec<f32>,
    /// The loss of each sample, of the numbers as scaled for the net.
    pub losses: Vec<f32>,
}

impl RegressionPredictions {
    /// One number of every sample: (predicted, target).
    pub fn column(&self, number: usize) -> (Vec<f32>, Vec<f32>) {
        let width = self.names.len().max(1);
        let pick = |rows: &[f32]| rows.iter().skip(number).step_by(width).copied().collect();
        (pick(&self.predicted), pick(&self.targets))
    }

    /// A metric of one number.
    pub fn figure(&self, metric: &RegressionMetric, number: usize) -> Option<f64> {
        let (predicted, targets) = self.column(number);
        (metric.compute)(&predicted, &targets)
    }

    /// The loss, and every metric.
    pub fn figures(&self) -> Vec<Figure> {
        let mut figures = vec![("loss", mean_loss(&self.losses))];
        for metric in REGRESSION_METRICS {
            let each: Option<Vec<f64>> = (0..self.names.len())
                .map(|number| self.figure(metric, number))
                .collect();
            let mean = each
                .filter(|each| !each.is_empty())
                .map(|each| each.iter().sum::<f64>() / each.len() as f64);
            figures.push((metric.name, mean));
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `sklearn.metrics.r2_score([[1, 10], [2, 20], [4, 30]], [[1, 12], [3, 20], [4, 28]])` and the others
    /// of that pair, in scikit-learn 1.9.
    #[test]
    fn several_numbers_are_averaged() {
        let predictions = RegressionPredictions {
            names: vec!["a".into(), "b".into()],
            predicted: vec![1.0, 12.0, 3.0, 20.0, 4.0, 28.0],
            targets: vec![1.0, 10.0, 2.0, 20.0, 4.0, 30.0],
            losses: vec![0.5, 1.0, 1.5],
        };
        let figures = predictions.figures();
        let figure = |name| figures.iter().find(|(n, _)| *n == name).and_then(|f| f.1);
        assert_eq!(figure("loss"), Some(1.0));
        assert_eq!(figure("mse"), Some(1.5));
        assert!((figure("mae").expect("defined") - 5.0 / 6.0).abs() < 1e-12);
        let r2 = (1.0 - 1.0 / (14.0 / 3.0) + 1.0 - 8.0 / 200.0) / 2.0;
        assert!((figure("r2").expect("defined") - r2).abs() < 1e-12);
    }
}
