//! Lowers the learning rate every few epochs.

use schemars::JsonSchema;
use serde::Deserialize;

use super::schedule::{At, Schedule};

/// The rate times gamma every few epochs, or at given ones. PyTorch's `StepLR` and `MultiStepLR`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Epochs between two drops.
    #[serde(default = "default_epochs")]
    #[schemars(range(min = 1))]
    epochs: u64,
    /// Instead of `epochs`: the epochs (counted from 0) at which the rate drops.
    #[serde(default)]
    milestones: Option<Vec<u64>>,
    /// What the rate is multiplied by.
    #[serde(default = "default_gamma")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    gamma: f64,
}

fn default_epochs() -> u64 {
    10
}
fn default_gamma() -> f64 {
    0.1
}

impl Schedule for Step {
    fn factor(&self, at: At) -> f64 {
        let drops = match &self.milestones {
            Some(epochs) => epochs.iter().filter(|&&epoch| at.epoch() >= epoch).count() as u64,
            None => at.epoch() / self.epochs,
        };
        self.gamma.powi(drops as i32)
    }
}
