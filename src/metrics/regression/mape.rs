//! Mean absolute percentage error, as a fraction: 0.1 is 10 percent.

/// scikit-learn's `mean_absolute_percentage_error`: a target nearer to 0 than 2.2e-16 counts as that, so that
/// targets of 0 make it huge rather than infinite. `None` without samples.
pub fn mape(predicted: &[f32], target: &[f32]) -> Option<f64> {
    super::mean::mean(predicted, target, |p, t| {
        (p - t).abs() / t.abs().max(f64::EPSILON)
    })
}
