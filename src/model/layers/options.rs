//! Options that layers share, each declared once: a layer takes them in with `#[serde(flatten)]`, and they stand among
//! its own in the experiment, the schema and the guide. `serde` cannot refuse unknown keys of such a layer, so its schema
//! does (`additionalProperties`), against which every table is checked before it is read.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::activation::Activation;
use crate::model::graph::Pair;
use crate::model::init::Init;

/// How the weights of a layer start, and what ends the layer. Those that are penalised have a `Penalty` beside it.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub struct WeightOptions {
    /// The activation.
    #[serde(default = "linear")]
    pub activation: Activation,
    /// How the weights start.
    #[serde(default = "glorot")]
    #[schemars(extend("x-style" = {"keras": "glorot_uniform", "torch": "torch_uniform"}))]
    pub weight_init: Init,
    /// How the bias starts.
    #[serde(default = "zeros")]
    #[schemars(extend("x-style" = {"keras": "zeros", "torch": "torch_uniform"}))]
    pub bias_init: Init,
}

impl Default for WeightOptions {
    fn default() -> Self {
        WeightOptions {
            activation: linear(),
            weight_init: glorot(),
            bias_init: zeros(),
        }
    }
}

/// One.
pub fn one() -> usize {
    1
}

/// Two by two.
pub fn two() -> Pair {
    Pair::Both(2)
}

/// On.
pub fn yes() -> bool {
    true
}

/// No activation.
pub fn linear() -> Activation {
    Activation::Linear
}

/// Keras's initial weights.
pub fn glorot() -> Init {
    Init::GlorotUniform
}

/// Zeros.
pub fn zeros() -> Init {
    Init::Zeros
}
