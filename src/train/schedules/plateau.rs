//! Lowers the learning rate when the validation metric stops improving.

use schemars::JsonSchema;
use serde::Deserialize;

use super::schedule::{At, FollowFigures, Schedule};
use crate::train::plan::monitor::Watch;

/// The rate times `factor` after `patience` epochs without a better value of `train.monitor`. Keras's
/// `ReduceLROnPlateau`, but with a `min` relative to the first rate (PyTorch's waits an epoch longer, and its threshold
/// is relative).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReduceOnPlateau {
    /// What the rate is multiplied by.
    #[serde(default = "default_factor")]
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    factor: f64,
    /// Epochs without a better value before the rate falls.
    #[serde(default = "default_patience")]
    #[schemars(range(min = 1))]
    patience: usize,
    /// A value must be better by more than this to count.
    #[serde(default = "default_delta")]
    #[schemars(range(min = 0))]
    min_delta: f64,
    /// Epochs after a drop in which nothing is counted.
    #[serde(default)]
    cooldown: usize,
    /// The rate does not fall below this share of the first.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    min: f64,
}

fn default_factor() -> f64 {
    0.1
}
fn default_patience() -> usize {
    10
}
fn default_delta() -> f64 {
    1e-4
}

impl FollowFigures for ReduceOnPlateau {
    fn after(&self, values: &mut dyn Iterator<Item = Option<f64>>, higher_is_better: bool) -> f64 {
        let mut watch = Watch::new(higher_is_better, self.min_delta);
        let (mut waited, mut resting, mut factor) = (0, 0, 1.0);
        for value in values {
            if resting > 0 {
                resting -= 1;
                waited = 0;
            }
            if watch.improves(value) {
                waited = 0;
            } else if resting == 0 {
                waited += 1;
                if waited >= self.patience {
                    factor = f64::max(factor * self.factor, self.min);
                    (resting, waited) = (self.cooldown, 0);
                }
            }
        }
        factor
    }
}

impl Schedule for ReduceOnPlateau {
    fn factor(&self, _: At) -> f64 {
        1.0
    }

    fn plateau(&self) -> Option<&dyn FollowFigures> {
        Some(self)
    }
}
