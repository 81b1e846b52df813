//! Options that optimizers share, each declared once; an optimizer takes them in with `#[serde(flatten)]`, and its schema
//! refuses unknown keys (`additionalProperties`), as the layers' do.

use schemars::JsonSchema;
use serde::Deserialize;

use super::defaults;
use super::optimizer::Form;

/// The size of a step.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub struct StepSize {
    /// The step's size.
    #[serde(default = "defaults::rate")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub learning_rate: f64,
}

/// The moving averages of Adam and of those that follow it.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub struct MomentOptions {
    /// The share of the mean gradient that a step keeps.
    #[serde(default = "defaults::beta1")]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub beta1: f64,
    /// The share of the mean squared gradient that a step keeps.
    #[serde(default = "defaults::beta2")]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub beta2: f64,
}

/// What keeps Adam's division finite.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub struct EpsilonOptions {
    /// Keeps the division finite.
    #[serde(default = "defaults::epsilon")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[schemars(extend("x-style" = {"keras": 1e-7, "torch": 1e-8}))]
    pub epsilon: f64,
    /// Where epsilon is added: to the root as it is ("keras"), or after the correction for its beginning at 0
    /// ("torch"), where the same number is about 31 times larger at the first step.
    #[serde(default)]
    #[schemars(extend("x-style" = {"keras": "keras", "torch": "torch"}))]
    pub epsilon_form: Form,
}
