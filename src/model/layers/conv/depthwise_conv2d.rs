//! A convolution of images that looks at each channel by itself (Chollet, 2017).

use schemars::JsonSchema;
use serde::Deserialize;

use super::conv2d::Conv2d;
use super::options::Window2d;
use super::parts::plan_parts;
use crate::data::{Shape, size_product};
use crate::model::graph::{Layer, LayerReader, Mismatch, Planned, image_dims};
use crate::model::layers::options::{self, WeightOptions};
use crate::model::penalty::Penalty;

/// A convolution of each channel by itself. Keras's `DepthwiseConv2D`; it starts as PyTorch's `Conv2d` with groups,
/// which with a multiplier of 1 is within the same limits in Keras.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, output `[batch, height', width', channels * multiplier]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct DepthwiseConv2d {
    #[serde(flatten)]
    window: Window2d,
    /// Outputs of each channel.
    #[serde(default = "options::one")]
    #[schemars(range(min = 1))]
    multiplier: usize,
    /// Adds a number per output channel.
    #[serde(default = "options::yes")]
    bias: bool,
    #[serde(flatten)]
    weights: WeightOptions,
    #[serde(flatten)]
    penalty: Penalty,
}

impl Layer for DepthwiseConv2d {
    fn plan(&self, input: Shape, reader: LayerReader) -> Result<Planned, Mismatch> {
        let (_, _, channels) = image_dims(input)?;
        let conv = Conv2d {
            filters: size_product(&[channels, self.multiplier]),
            window: self.window,
            groups: channels,
            bias: self.bias,
            weights: WeightOptions {
                activation: options::linear(),
                ..self.weights
            },
            penalty: self.penalty,
            in_channels: None,
        };
        let parts = vec![("conv2d".to_string(), Box::new(conv) as Box<dyn Layer>)];
        plan_parts(&parts, self.weights.activation, input, reader)
    }
}
