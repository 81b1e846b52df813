//! Convolutions of sequences that look at each feature by itself (Chollet, 2017).

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::conv1d::Padding1d;
use super::depthwise_conv2d::{plan_parts, run_parts};
use super::{Layer, LayerPlan, Mismatch, Scope, Working, defaults, sequence_dims};
use crate::data::{Shape, Value, size_product};
use crate::model::activation::Activation;
use crate::model::init::Init;
use crate::model::network::Network;
use crate::model::penalty::Penalty;

/// A convolution of each feature by itself. Keras's `DepthwiseConv1D`.
///
/// # Shapes
/// Input `[batch, length, features]`, output `[batch, length', features * multiplier]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct DepthwiseConv1d {
    /// Steps of the window.
    #[schemars(range(min = 1, max = 65535))]
    kernel: usize,
    /// Steps between windows.
    #[serde(default = "defaults::one")]
    #[schemars(range(min = 1, max = 65535))]
    stride: usize,
    /// "valid" (none), "same", "causal" (all at the beginning), or a number of steps at both ends.
    #[serde(default)]
    padding: Padding1d,
    /// Steps between the window's taps.
    #[serde(default = "defaults::one")]
    #[schemars(range(min = 1, max = 65535))]
    dilation: usize,
    /// Outputs of each feature.
    #[serde(default = "defaults::one")]
    #[schemars(range(min = 1))]
    multiplier: usize,
    /// Adds a number per output feature.
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

/// A convolution of each feature by itself, then one of one step over all of them. Keras's `SeparableConv1D`.
///
/// # Shapes
/// Input `[batch, length, features]`, output `[batch, length', filters]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct SeparableConv1d {
    /// Output features.
    #[schemars(range(min = 1))]
    filters: usize,
    /// Steps of the window.
    #[schemars(range(min = 1, max = 65535))]
    kernel: usize,
    /// Steps between windows.
    #[serde(default = "defaults::one")]
    #[schemars(range(min = 1, max = 65535))]
    stride: usize,
    /// "valid" (none), "same", "causal" (all at the beginning), or a number of steps at both ends.
    #[serde(default)]
    padding: Padding1d,
    /// Steps between the window's taps.
    #[serde(default = "defaults::one")]
    #[schemars(range(min = 1, max = 65535))]
    dilation: usize,
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

impl Layer for DepthwiseConv1d {
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        let (_, features) = sequence_dims(input)?;
        let parts = json!([{"conv1d": {
            "filters": size_product(&[features, self.multiplier]), "groups": features, "kernel": self.kernel,
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

impl Layer for SeparableConv1d {
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        let (_, features) = sequence_dims(input)?;
        let parts = json!([
            {"conv1d": {
                "filters": features, "groups": features, "kernel": self.kernel, "stride": self.stride,
                "padding": self.padding, "dilation": self.dilation, "bias": false, "weight_init": self.weight_init,
                "l1": self.penalty.l1, "l2": self.penalty.l2, "max_norm": self.penalty.max_norm,
            }},
            {"conv1d": {
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
