//! The schedule of the first transformers (Vaswani and others, 2017).

use schemars::JsonSchema;
use serde::Deserialize;

use super::schedule::{At, Schedule};

/// Rises along a line for the first steps and falls with the root of the step's number after them; the
/// optimizer's rate is the peak.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Noam {
    /// Steps up to the peak.
    #[schemars(range(min = 1))]
    warmup_steps: u64,
}

impl Schedule for Noam {
    fn factor(&self, at: At) -> f64 {
        let (step, peak) = ((at.step + 1) as f64, self.warmup_steps as f64);
        (step / peak).min((peak / step).sqrt())
    }
}
