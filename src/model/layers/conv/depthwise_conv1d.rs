//! A convolution of sequences that looks at each feature by itself (Chollet, 2017).

use schemars::JsonSchema;
use serde::Deserialize;

use super::conv1d::Conv1d;
use super::options::Window1d;
use super::parts::plan_parts;
use crate::data::{Shape, size_product};
use crate::model::graph::{Layer, LayerReader, Mismatch, Planned, sequence_dims};
use crate::model::layers::options::{self, WeightOptions};
use crate::model::penalty::Penalty;

/// A convolution of each feature by itself. Keras's `DepthwiseConv1D`.
///
/// # Shapes
/// Input `[batch, length, features]`, output `[batch, length', features * multiplier]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct DepthwiseConv1d {
    #[serde(flatten)]
    window: Window1d,
    /// Outputs of each feature.
    #[serde(default = "options::one")]
    #[schemars(range(min = 1))]
    multiplier: usize,
    /// Adds a number per output feature.
    #[serde(default = "options::yes")]
    bias: bool,
    #[serde(flatten)]
    weights: WeightOptions,
    #[serde(flatten)]
    penalty: Penalty,
}

impl Layer for DepthwiseConv1d {
    fn plan(&self, input: Shape, reader: LayerReader) -> Result<Planned, Mismatch> {
        let (_, features) = sequence_dims(input)?;
        let conv = Conv1d {
            filters: size_product(&[features, self.multiplier]),
            window: self.window,
            groups: features,
            bias: self.bias,
            weights: WeightOptions {
                activation: options::linear(),
                ..self.weights
            },
            penalty: self.penalty,
        };
        let parts = vec![("conv1d".to_string(), Box::new(conv) as Box<dyn Layer>)];
        plan_parts(&parts, self.weights.activation, input, reader)
    }
}
