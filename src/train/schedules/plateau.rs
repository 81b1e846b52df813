//! A lower rate where validation gets no better.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{At, Schedule};
use crate::train::monitor::Watch;

/// The rate times `factor` after `patience` epochs without a better value of `train.monitor`. Keras's and
/// PyTorch's `ReduceLROnPlateau`, with Keras's defaults.
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

impl ReduceOnPlateau {
    /// What the rate is multiplied by after epochs with these values.
    pub fn after(&self, values: impl Iterator<Item = Option<f64>>, higher_is_better: bool) -> f64 {
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

    fn plateau(&self) -> Option<&ReduceOnPlateau> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keras 3.15, `ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1, min_lr=0.2)` on these losses, rate 1.
    #[test]
    fn falls_after_epochs_without_a_better_value() {
        let plateau = ReduceOnPlateau {
            factor: 0.5,
            patience: 2,
            min_delta: 1e-4,
            cooldown: 1,
            min: 0.2,
        };
        let losses = [1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.8, 0.8];
        let after = |count: usize| plateau.after(losses[..count].iter().map(|&x| Some(x)), false);
        let found: Vec<f64> = (1..=9).map(after).collect();
        assert_eq!(found, [1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2]);
    }
}
