//! R2, the coefficient of determination: 1 is perfect, 0 as good as the mean of the targets.

/// scikit-learn's `r2_score`: where all targets are the same, 1 if they are met and 0 if not. `None` with
/// fewer than two samples.
pub fn r2(predicted: &[f32], target: &[f32]) -> Option<f64> {
    if target.len() < 2 {
        return None;
    }
    let centre = super::mean::mean(target, target, |t, _| t)?;
    let spread = super::mean::mean(target, target, |t, _| (t - centre).powi(2))?;
    let error = super::mse(predicted, target)?;
    Some(match (error == 0.0, spread == 0.0) {
        (true, _) => 1.0,
        (false, true) => 0.0,
        (false, false) => 1.0 - error / spread,
    })
}
