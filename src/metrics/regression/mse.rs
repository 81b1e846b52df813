//! Mean squared error.

/// scikit-learn's `mean_squared_error`; `None` without samples.
pub fn mse(predicted: &[f32], target: &[f32]) -> Option<f64> {
    super::mean::mean(predicted, target, |p, t| (p - t).powi(2))
}
