//! Polynomial decay: a power of the remaining fraction of training.

use schemars::JsonSchema;
use serde::Deserialize;

use super::schedule::{At, Schedule};

/// From the optimizer's rate to `end` times it, by the step; with power 1 along a line. PyTorch's `PolynomialLR`,
/// Keras's `PolynomialDecay`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Polynomial {
    /// The power.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    power: f64,
    /// The last rate, as a share of the first.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    end: f64,
}

fn one() -> f64 {
    1.0
}

impl Schedule for Polynomial {
    fn factor(&self, at: At) -> f64 {
        self.end + (1.0 - self.end) * (1.0 - at.progress()).powf(self.power)
    }
}
