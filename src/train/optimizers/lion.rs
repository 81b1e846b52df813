//! Lion (Chen and others, 2023): steps of one size, whose signs are those of a mean gradient:
//! `w -= lr sign(beta1 m + (1 - beta1) g); m = beta2 m + (1 - beta2) g`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::defaults;
use super::optimizer::Optimizer;
use crate::kernels::{Update, rules};

/// Steps of one size. The authors advise a third to a tenth of Adam's rate, with three to ten times AdamW's decay.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lion {
    /// The step's size.
    #[serde(default = "defaults::rate")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    learning_rate: f64,
    /// The share of the mean gradient in the step.
    #[serde(default = "defaults::beta1")]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    beta1: f64,
    /// The share of the mean gradient that a step keeps.
    #[serde(default = "default_beta2")]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    beta2: f64,
    /// The share of a parameter, times the learning rate, that each step takes away. Biases decay too.
    #[serde(default)]
    #[schemars(range(min = 0))]
    weight_decay: f64,
}

fn default_beta2() -> f64 {
    0.99
}

impl Optimizer for Lion {
    fn slots(&self) -> &'static [&'static str] {
        &["lion.m"]
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn update(&self, _: u64, learning_rate: f64) -> Update {
        let rule = rules::Lion {
            rate: learning_rate as f32,
            beta1: self.beta1,
            beta2: self.beta2,
        };
        Update::new(rule).keeping((1.0 - learning_rate * self.weight_decay) as f32)
    }
}
