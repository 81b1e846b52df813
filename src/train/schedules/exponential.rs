//! Exponential decay: the learning rate is multiplied by a factor every epoch.

use schemars::JsonSchema;
use serde::Deserialize;

use super::schedule::{At, Schedule};

/// The rate times gamma after every epoch. PyTorch's `ExponentialLR`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exponential {
    /// What the rate is multiplied by.
    #[schemars(extend("exclusiveMinimum" = 0))]
    gamma: f64,
}

impl Schedule for Exponential {
    fn factor(&self, at: At) -> f64 {
        self.gamma.powi(at.epoch() as i32)
    }
}
