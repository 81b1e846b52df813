//! Metrics of regression, for one output; the caller averages over several.

//!
//! Adding a metric: one file, and one line in [`REGRESSION_METRICS`].
//!
//! ```
//! use kiln::metrics::regression::{mse, r2};
//!
//! let (predicted, target) = ([2.5, 0.0, 2.0, 8.0], [3.0, -0.5, 2.0, 7.0]);
//! assert_eq!(mse(&predicted, &target), Some(0.375));
//! assert!((r2(&predicted, &target).unwrap() - 0.948_608_137).abs() < 1e-9);
//! ```

mod mae;
mod mape;
mod mean;
mod mse;
mod r2;
mod rmse;

pub use mae::mae;
pub use mape::mape;
pub use mse::mse;
pub use r2::r2;
pub use rmse::rmse;

/// One figure of predicted numbers.
pub struct RegressionMetric {
    /// The name, as in `history.jsonl` behind `valid_`.
    pub name: &'static str,
    /// Its definition, in a sentence for the guide.
    pub about: &'static str,
    /// Whether more is better.
    pub higher_is_better: bool,
    /// Computes it from (predicted, target), which have the same length; `None` if it is not defined.
    pub compute: fn(&[f32], &[f32]) -> Option<f64>,
}

/// Every metric of predicted numbers.
pub const REGRESSION_METRICS: &[RegressionMetric] = &[
    RegressionMetric {
        name: "mse",
        about: "mean squared error, in squared units of the target.",
        higher_is_better: false,
        compute: mse,
    },
    RegressionMetric {
        name: "rmse",
        about: "root of the mean squared error, in the units of the target.",
        higher_is_better: false,
        compute: rmse,
    },
    RegressionMetric {
        name: "mae",
        about: "mean absolute error, in the units of the target.",
        higher_is_better: false,
        compute: mae,
    },
    RegressionMetric {
        name: "r2",
        about: "coefficient of determination: 1 is perfect, 0 is as good as the mean of the targets, below 0 is worse.",
        higher_is_better: true,
        compute: r2,
    },
    RegressionMetric {
        name: "mape",
        about: "mean absolute error relative to the target, as a fraction.",
        higher_is_better: false,
        compute: mape,
    },
];
