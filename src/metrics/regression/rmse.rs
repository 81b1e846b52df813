//! Root of the mean squared error, in the unit of the target.

/// scikit-learn's `root_mean_squared_error`; `None` without samples.
pub fn rmse(predicted: &[f32], target: &[f32]) -> Option<f64> {
    super::mse(predicted, target).map(f64::sqrt)
}
