//! Cosine annealing (Loshchilov and Hutter, 2017).

use schemars::JsonSchema;
use serde::Deserialize;

use super::schedule::{At, Schedule};

/// From the optimizer's rate to `min` times it, by the step. PyTorch's `CosineAnnealingLR`; with cycles,
/// `CosineAnnealingWarmRestarts`. Keras's `CosineDecay` and `CosineDecayRestarts`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cosine {
    /// The last rate, as a share of the first.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    min: f64,
    /// Epochs after which the schedule restarts; default: one cycle for the whole training.
    #[serde(default)]
    #[schemars(range(min = 1))]
    cycle_epochs: Option<u64>,
    /// Each cycle is that many times as long as the one before it.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    cycle_growth: u64,
}

fn one() -> u64 {
    1
}

impl Schedule for Cosine {
    fn factor(&self, at: At) -> f64 {
        let (mut step, mut length) = match self.cycle_epochs {
            None => (at.step, at.steps.max(1)),
            Some(epochs) => (at.step, (epochs * at.per_epoch).max(1)),
        };
        while self.cycle_epochs.is_some() && step >= length {
            step -= length;
            length = length.saturating_mul(self.cycle_growth);
        }
        let share = (step as f64 / length as f64).min(1.0);
        self.min + (1.0 - self.min) * (1.0 + (std::f64::consts::PI * share).cos()) / 2.0
    }
}
