//! One figure of a split.

/// A figure by name; `None` if it is not defined.
pub type Figure = (&'static str, Option<f64>);

/// The mean of the samples' losses.
pub fn mean_loss(losses: &[f32]) -> Option<f64> {
    let sum: f64 = losses.iter().map(|&loss| f64::from(loss)).sum();
    (!losses.is_empty()).then(|| sum / losses.len() as f64)
}
