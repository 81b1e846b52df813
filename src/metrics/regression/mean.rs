//! The mean of a figure over all values.

/// The mean of a figure of each pair of (predicted, target); `None` without pairs.
pub fn mean(predicted: &[f32], target: &[f32], figure: impl Fn(f64, f64) -> f64) -> Option<f64> {
    debug_assert_eq!(
        predicted.len(),
        target.len(),
        "a target for each prediction"
    );
    let pairs = predicted.iter().zip(target);
    let sum: f64 = pairs.map(|(&p, &t)| figure(p.into(), t.into())).sum();
    (!target.is_empty()).then(|| sum / target.len() as f64)
}
