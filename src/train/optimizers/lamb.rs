//! LAMB (You and others, 2020), for large batches: Adam's step, scaled for each parameter to the size of its weights:
//! `u = m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon) + decay w; w -= lr |w| / |u| u`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::defaults;
use super::optimizer::Optimizer;
use super::options::{MomentOptions, StepSize};
use crate::kernels::{Update, rules};

/// Adam's step, scaled to the size of the weights. Weight decay is a part of the step before it is scaled, as in
/// the paper (Keras's is apart from it).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Lamb {
    /// The learning rate.
    #[serde(flatten)]
    step: StepSize,
    /// Of its moving averages.
    #[serde(flatten)]
    moments: MomentOptions,
    /// Keeps the division finite.
    #[serde(default = "defaults::epsilon")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    epsilon: f64,
    /// The share of a parameter in the step. Biases decay too.
    #[serde(default)]
    #[schemars(range(min = 0))]
    weight_decay: f64,
}

impl Optimizer for Lamb {
    fn slots(&self) -> &'static [&'static str] {
        &["lamb.m", "lamb.v"]
    }

    fn learning_rate(&self) -> f64 {
        self.step.learning_rate
    }

    fn update(&self, step: u64, learning_rate: f64) -> Update {
        let scale = |beta: f64| (1.0 / (1.0 - beta.powf(step as f64))) as f32;
        let rule = rules::Lamb {
            rate: learning_rate as f32,
            beta1: self.moments.beta1,
            beta2: self.moments.beta2,
            scale1: scale(self.moments.beta1),
            scale2: scale(self.moments.beta2),
            epsilon: self.epsilon as f32,
            decay: self.weight_decay as f32,
        };
        Update::new(rule)
    }
}
