//! Convolutions that look at each channel by itself (Chollet, 2017).

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::window::{Padding, Pair};
use super::{Layer, LayerPlan, Mismatch, Scope, Working, defaults, image_dims};
use crate::config::Spec;
use crate::data::{Shape, Value, size_product};
use crate::model::activation::Activation;
use crate::model::init::Init;
use crate::model::network::{Layers, Network};
use crate::model::penalty::Penalty;

/// A convolution of each channel by itself. Keras's `DepthwiseConv2D`; it starts as PyTorch's `Conv2d` with groups,
/// which with a multiplier of 1 is within the same limits in Keras.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, output `[batch, height', width', channels * multiplier]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct DepthwiseConv2d {
    /// Height and width of the window: one number, or [height, width].
    kernel: Pair,
    /// Steps between windows.
    #[serde(default)]
    stride: Pair,
    /// "valid" (none), "same", or a number of pixels on every side.
    #[serde(default)]
    padding: Padding,
    /// Steps between the window's taps.
    #[serde(default)]
    dilation: Pair,
    /// Outputs of each channel.
    #[serde(default = "defaults::one")]
    #[schemars(range(min = 1))]
    multiplier: usize,
    /// Adds a number per output channel.
    #[serde(default = "defaults::yes")]
    bias: bool,
    /// What follows.
    #[serde(default = "defaults::linear")]
    activation: Activation,
    /// How the weights start.
    #[serde(default = "defaults::glorot")]
    weight_init: Init,
    /// How the bias starts.
    #[serde(default = "defaults::zeros")]
    bias_init: Init,
    #[serde(flatten)]
    penalty: Penalty,
    #[serde(skip)]
    planned: OnceLock<Network>,
}

/// A convolution of each channel by itself, then one of 1 x 1 over all of them. Keras's `SeparableConv2D`.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, output `[batch, height', width', filters]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct SeparableConv2d {
    /// Output channels.
    #[schemars(range(min = 1))]
    filters: usize,
    /// Height and width of the window: one number, or [height, width].
    kernel: Pair,
    /// Steps between windows.
    #[serde(default)]
    stride: Pair,
    /// "valid" (none), "same", or a number of pixels on every side.
    #[serde(default)]
    padding: Padding,
    /// Steps between the window's taps.
    #[serde(default)]
    dilation: Pair,
    /// Adds a number per filter.
    #[serde(default = "defaults::yes")]
    bias: bool,
    /// What follows.
    #[serde(default = "defaults::linear")]
    activation: Activation,
    /// How the weights start.
    #[serde(default = "defaults::glorot")]
    weight_init: Init,
    /// How the bias starts.
    #[serde(default = "defaults::zeros")]
    bias_init: Init,
    #[serde(flatten)]
    penalty: Penalty,
    #[serde(skip)]
    planned: OnceLock<Network>,
}

/// Plans layers that are described by a list.
pub(super) fn plan_parts(
    parts: serde_json::Value,
    input: Shape,
    planned: &OnceLock<Network>,
) -> Result<LayerPlan, Mismatch> {
    let specs: Vec<Spec> =
        serde_json::from_value(parts).map_err(|error| Mismatch::new(error.to_string()))?;
    let layers = Layers::read(&specs).map_err(|faults| {
        let words: Vec<String> = faults.iter().map(|fault| fault.message.clone()).collect();
        Mismatch::new(words.join("; "))
    })?;
    let network = Network::plan_inner(layers, input, None)?;
    let layers = || network.layers.iter();
    let params = layers().flat_map(|layer| {
        let specs = layer.params.iter();
        specs.map(|spec| spec.within(&layer.name))
    });
    let plan = LayerPlan {
        output: network.output(),
        params: params.collect(),
        multiply_adds: network.multiply_adds(),
    };
    let _ = planned.set(network);
    Ok(plan)
}

/// Runs them.
pub(super) fn run_parts(planned: &OnceLock<Network>, input: Value, scope: &Scope<'_>) -> Value {
    let network = planned.get().expect("a layer runs after it was planned");
    network.run_inner(scope.name, input, scope, 0)
}

impl Layer for DepthwiseConv2d {
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        let (_, _, channels) = image_dims(input)?;
        let parts = json!([{"conv2d": {
            "filters": size_product(&[channels, self.multiplier]), "groups": channels, "kernel": self.kernel,
            "stride": self.stride, "padding": self.padding, "dilation": self.dilation, "bias": self.bias,
            "weight_init": self.weight_init, "bias_init": self.bias_init, "l1": self.penalty.l1,
            "l2": self.penalty.l2, "max_norm": self.penalty.max_norm,
        }}]);
        plan_parts(parts, input, &self.planned)
    }

    fn working(&self, _: Shape) -> Working {
        self.planned.get().map(Network::working).unwrap_or_default()
    }

    fn holds_layers(&self) -> bool {
        true
    }

    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let y = run_parts(&self.planned, input, scope);
        scope.activate(self.activation, y)
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }
}

impl Layer for SeparableConv2d {
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        let (_, _, channels) = image_dims(input)?;
        let parts = json!([
            {"conv2d": {
                "filters": channels, "groups": channels, "kernel": self.kernel, "stride": self.stride,
                "padding": self.padding, "dilation": self.dilation, "bias": false, "weight_init": self.weight_init,
                "l1": self.penalty.l1, "l2": self.penalty.l2, "max_norm": self.penalty.max_norm,
            }},
            {"conv2d": {
                "filters": self.filters, "kernel": 1, "bias": self.bias, "weight_init": self.weight_init,
                "bias_init": self.bias_init, "l1": self.penalty.l1, "l2": self.penalty.l2,
                "max_norm": self.penalty.max_norm,
            }},
        ]);
        plan_parts(parts, input, &self.planned)
    }

    fn working(&self, _: Shape) -> Working {
        self.planned.get().map(Network::working).unwrap_or_default()
    }

    fn holds_layers(&self) -> bool {
        true
    }

    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let y = run_parts(&self.planned, input, scope);
        scope.activate(self.activation, y)
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }
}
