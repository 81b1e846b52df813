//! Mean absolute error, in the unit of the target.

/// scikit-learn's `mean_absolute_error`; `None` without samples.
pub fn mae(predicted: &[f32], target: &[f32]) -> Option<f64> {
    super::mean::mean(predicted, target, |p, t| (p - t).abs())
}
