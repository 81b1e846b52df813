//! A constant learning rate.

use schemars::JsonSchema;
use serde::Deserialize;

use super::schedule::{At, Schedule};

/// The same rate all the time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Constant {}

impl Schedule for Constant {
    fn factor(&self, at: At) -> f64 {
        let _ = at;
        1.0
    }
}
