//! Wilson's score interval (1927): which shares are compatible with what was counted.

/// The 95% interval of a share of `hits` among `samples`; (0, 1) without samples.
pub fn wilson(hits: usize, samples: usize) -> (f64, f64) {
    if samples == 0 {
        return (0.0, 1.0);
    }
    const Z: f64 = 1.959_963_984_540_054;
    let n = samples as f64;
    let share = hits as f64 / n;
    let denominator = 1.0 + Z * Z / n;
    let centre = (share + Z * Z / (2.0 * n)) / denominator;
    let half = Z / denominator * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `statsmodels.stats.proportion.proportion_confint(8, 10, method="wilson")`
    #[test]
    fn agrees_with_statsmodels() {
        let (low, high) = wilson(8, 10);
        assert!((low - 0.490_162).abs() < 1e-5 && (high - 0.943_318).abs() < 1e-5);
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }
}
