//! One cycle (Smith and Topin, 2018): up, then down to almost nothing.

use schemars::JsonSchema;
use serde::Deserialize;

use super::schedule::{At, Schedule};

/// Rises to the optimizer's rate and falls far below its beginning, both along half a cosine, by the step.
/// PyTorch's `OneCycleLR` (two phases; the momentum stays).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneCycle {
    /// The share of the steps in which the rate rises.
    #[serde(default = "default_rise")]
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    rise: f64,
    /// The first rate is the peak divided by this.
    #[serde(default = "default_start")]
    #[schemars(range(min = 1))]
    start_divisor: f64,
    /// The last rate is the first divided by this.
    #[serde(default = "default_end")]
    #[schemars(range(min = 1))]
    end_divisor: f64,
}

fn default_rise() -> f64 {
    0.3
}
fn default_start() -> f64 {
    25.0
}
fn default_end() -> f64 {
    1e4
}

impl Schedule for OneCycle {
    fn factor(&self, at: At) -> f64 {
        let start = 1.0 / self.start_divisor;
        let end = start / self.end_divisor;
        let last = at.steps.max(2) as f64 - 1.0;
        let peak = (self.rise * at.steps as f64 - 1.0).max(1e-9);
        let step = at.step as f64;
        let along = |from: f64, to: f64, share: f64| {
            let share = share.clamp(0.0, 1.0);
            to + (from - to) * (1.0 + (std::f64::consts::PI * share).cos()) / 2.0
        };
        if step <= peak {
            along(start, 1.0, step / peak)
        } else {
            along(1.0, end, (step - peak) / (last - peak).max(1e-9))
        }
    }
}
