//! NAdam (Dozat, 2016): Adam with Nesterov's look ahead, by a momentum that rises to beta1:
//! `mu_t = beta1 (1 - 0.96^(t d) / 2)`, `P_t = mu_1 ... mu_t`,
//! `w -= lr (mu_{t+1} m / (1 - P_{t+1}) + (1 - mu_t) g / (1 - P_t)) / (sqrt(v / (1 - beta2^t)) + epsilon)`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::defaults;
use super::optimizer::Optimizer;
use super::options::MomentOptions;
use crate::kernels::{Update, rules};

/// Adam with Nesterov's look ahead. Epsilon is added after the correction, in Keras and PyTorch alike.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Nadam {
    /// The step's size.
    #[serde(default = "defaults::rate")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[schemars(extend("x-style" = {"keras": 1e-3, "torch": 2e-3}))]
    learning_rate: f64,
    /// Of its moving averages.
    #[serde(flatten)]
    moments: MomentOptions,
    /// Keeps the division finite.
    #[serde(default = "defaults::epsilon")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[schemars(extend("x-style" = {"keras": 1e-7, "torch": 1e-8}))]
    epsilon: f64,
    /// How fast the momentum rises: 1 as in Keras, 0.004 as in the paper and PyTorch.
    #[serde(default = "default_momentum_decay")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[schemars(extend("x-style" = {"keras": 1, "torch": 4e-3}))]
    momentum_decay: f64,
    /// So many times the parameter is added to its gradient (PyTorch's `weight_decay`; Keras's is that of
    /// `adamw`). Biases decay too.
    #[serde(default)]
    #[schemars(range(min = 0))]
    weight_decay: f64,
}

fn default_momentum_decay() -> f64 {
    1.0
}

/// A product of momentums below this is 0 beside 1 in 32 bits.
const NEGLIGIBLE: f64 = 1e-12;

impl Nadam {
    /// `mu_t`
    fn momentum(&self, step: u64) -> f64 {
        self.moments.beta1 * (1.0 - 0.5 * 0.96f64.powf(step as f64 * self.momentum_decay))
    }

    /// `mu_1 ... mu_t`: a function of the step, so that there is no state of it.
    fn product(&self, step: u64) -> f64 {
        let mut product = 1.0;
        for earlier in 1..=step {
            product *= self.momentum(earlier);
            if product < NEGLIGIBLE {
                break;
            }
        }
        product
    }
}

impl Optimizer for Nadam {
    fn slots(&self) -> &'static [&'static str] {
        &["nadam.m", "nadam.v"]
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn update(&self, step: u64, learning_rate: f64) -> Update {
        let correction = (1.0 - self.moments.beta2.powf(step as f64)).sqrt();
        let rate = learning_rate * correction;
        let (now, next) = (self.momentum(step), self.momentum(step + 1));
        let product = self.product(step);
        let rule = rules::Nadam {
            rate: (rate * next / (1.0 - product * next)) as f32,
            ahead: (rate * (1.0 - now) / (1.0 - product)) as f32,
            beta1: self.moments.beta1,
            beta2: self.moments.beta2,
            epsilon: (self.epsilon * correction) as f32,
        };
        Update::new(rule).coupled_decay(self.weight_decay as f32)
    }
}
