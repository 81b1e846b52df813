//! A convolution of images in two: over each channel by itself, then over all of them (Chollet, 2017).

use schemars::JsonSchema;
use serde::Deserialize;

use super::conv2d::Conv2d;
use super::options::Window2d;
use super::parts::plan_parts;
use crate::data::Shape;
use crate::model::graph::{Layer, LayerReader, Mismatch, Planned, image_dims};
use crate::model::layers::options::{self, WeightOptions};
use crate::model::penalty::Penalty;

/// A convolution of each channel by itself, then one of 1 x 1 over all of them. Keras's `SeparableConv2D`.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, output `[batch, height', width', filters]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct SeparableConv2d {
    /// Output channels.
    #[schemars(range(min = 1))]
    filters: usize,
    #[serde(flatten)]
    window: Window2d,
    /// Adds a number per filter.
    #[serde(default = "options::yes")]
    bias: bool,
    #[serde(flatten)]
    weights: WeightOptions,
    #[serde(flatten)]
    penalty: Penalty,
}

impl Layer for SeparableConv2d {
    fn plan(&self, input: Shape, reader: LayerReader) -> Result<Planned, Mismatch> {
        let (_, _, channels) = image_dims(input)?;
        let weights = WeightOptions {
            activation: options::linear(),
            ..self.weights
        };
        let each = Conv2d {
            filters: channels,
            window: self.window,
            groups: channels,
            bias: false,
            weights,
            penalty: self.penalty,
            in_channels: None,
        };
        let all = Conv2d {
            filters: self.filters,
            window: Window2d::pixels([1, 1]),
            groups: 1,
            bias: self.bias,
            weights,
            penalty: self.penalty,
            in_channels: None,
        };
        let part = |conv| ("conv2d".to_string(), Box::new(conv) as Box<dyn Layer>);
        let parts = vec![part(each), part(all)];
        plan_parts(&parts, self.weights.activation, input, reader)
    }
}
