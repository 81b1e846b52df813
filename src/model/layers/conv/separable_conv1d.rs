//! A convolution of sequences in two: over each feature by itself, then over all of them (Chollet, 2017).

use schemars::JsonSchema;
use serde::Deserialize;

use super::conv1d::Conv1d;
use super::options::Window1d;
use super::parts::plan_parts;
use crate::data::Shape;
use crate::model::graph::{Layer, LayerReader, Mismatch, Planned, sequence_dims};
use crate::model::layers::options::{self, WeightOptions};
use crate::model::penalty::Penalty;

/// A convolution of each feature by itself, then one of one step over all of them. Keras's `SeparableConv1D`.
///
/// # Shapes
/// Input `[batch, length, features]`, output `[batch, length', filters]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct SeparableConv1d {
    /// Output features.
    #[schemars(range(min = 1))]
    filters: usize,
    #[serde(flatten)]
    window: Window1d,
    /// Adds a number per filter.
    #[serde(default = "options::yes")]
    bias: bool,
    #[serde(flatten)]
    weights: WeightOptions,
    #[serde(flatten)]
    penalty: Penalty,
}

impl Layer for SeparableConv1d {
    fn plan(&self, input: Shape, reader: LayerReader) -> Result<Planned, Mismatch> {
        let (_, features) = sequence_dims(input)?;
        let weights = WeightOptions {
            activation: options::linear(),
            ..self.weights
        };
        let each = Conv1d {
            filters: features,
            window: self.window,
            groups: features,
            bias: false,
            weights,
            penalty: self.penalty,
        };
        let all = Conv1d {
            filters: self.filters,
            window: Window1d::steps(),
            groups: 1,
            bias: self.bias,
            weights,
            penalty: self.penalty,
        };
        let part = |conv| ("conv1d".to_string(), Box::new(conv) as Box<dyn Layer>);
        let parts = vec![part(each), part(all)];
        plan_parts(&parts, self.weights.activation, input, reader)
    }
}
