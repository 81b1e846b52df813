//! 1-D convolution: `y[t, o] = bias[o] + sum x[t*s + u, c] * weight[o, c, u]`.

use burn::tensor::Tensor;
use burn::tensor::module::conv1d;
use burn::tensor::ops::ConvOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::window::{Padding, PaddingName, windows};
use super::{Layer, LayerPlan, Mismatch, Scope, cost, defaults, into_sequence, sequence_dims};
use crate::config::Precision;
use crate::data::{Shape, Value, size_product};
use crate::device::on_cpu;
use crate::kernels::BlockOptions;
use crate::kernels::conv_block;
use crate::model::activation::Activation;
use crate::model::init::{Fans, Init};
use crate::model::params::ParamSpec;
use crate::model::penalty::Penalty;

/// Convolution over the steps of a sequence.
///
/// # Shapes
/// Input `[batch, length, features]`, output `[batch, length', filters]`, weight `[filters, features / groups,
/// kernel]`, bias `[filters]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Conv1d {
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
    /// Splits input and output features into that many independent groups.
    #[serde(default = "defaults::one")]
    #[schemars(range(min = 1))]
    groups: usize,
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
}

/// Steps that are added at the ends of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Padding1d {
    /// As many at the beginning as let no output see a later step.
    Causal(Causal),
    /// As of images.
    Plain(Padding),
}

/// The word "causal".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Causal {
    /// All at the beginning.
    Causal,
}

impl Default for Padding1d {
    fn default() -> Self {
        Padding1d::Plain(Padding::default())
    }
}

impl Conv1d {
    /// Outputs, and steps that are added at the beginning and the end.
    fn lay(&self, length: usize) -> Result<(usize, (usize, usize)), Mismatch> {
        let reach = (self.kernel - 1) * self.dilation;
        let (length, before, padding) = match self.padding {
            Padding1d::Causal(_) => (length + reach, reach, Padding::Named(PaddingName::Valid)),
            Padding1d::Plain(padding) => (length, 0, padding),
        };
        let pair = |n: usize| [n, 1];
        let laid = windows(
            pair(length),
            pair(self.kernel),
            pair(self.stride),
            pair(self.dilation),
            padding,
        )
        .map_err(|_| {
            Mismatch::new(format!(
                "expects a sequence of at least {} steps, gets {length}",
                reach + 1
            ))
        })?;
        let (first, last) = laid.padding[0];
        Ok((laid.output[0], (before + first, last)))
    }
}

impl Layer for Conv1d {
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        let (length, features) = sequence_dims(input)?;
        let groups = self.groups;
        if !features.is_multiple_of(groups) || !self.filters.is_multiple_of(groups) {
            let message = format!(
                "is {groups}, which must divide both the {features} input features and the {} filters",
                self.filters
            );
            return Err(Mismatch::of("groups", message));
        }
        let (outputs, _) = self.lay(length)?;
        let fans = Fans {
            fan_in: size_product(&[features / groups, self.kernel]),
            fan_out: size_product(&[self.filters, self.kernel]),
        };
        let shape = [self.filters, features / groups, self.kernel];
        let weight = ParamSpec::new("weight", &shape, self.weight_init, fans);
        let view = [1, 1, self.filters, fans.fan_in];
        let mut params = vec![weight.penalised(self.penalty, view)];
        if self.bias {
            params.push(ParamSpec::new(
                "bias",
                &[self.filters],
                self.bias_init,
                fans,
            ));
        }
        Ok(LayerPlan {
            output: Shape::Sequence {
                length: outputs,
                features: self.filters,
            },
            params,
            multiply_adds: cost(&[outputs, self.filters, fans.fan_in]),
        })
    }

    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let x = into_sequence(input);
        let [batch, length, features] = x.dims();
        let (_, padding) = self.lay(length).expect("the plan has laid these windows");
        let weight: Tensor<3> = scope.weight("weight");
        let plain = self.stride == 1 && self.dilation == 1 && self.groups == 1;
        if plain && on_cpu(&x.device()) && scope.pass.compute.half().is_none() {
            // An image of one row.
            let none = || Tensor::zeros([self.filters], &x.device());
            let bias = scope.param("bias").unwrap_or_else(none);
            let relu = self.activation == Activation::Relu && !scope.skip_activation;
            let options = BlockOptions {
                padding: [(0, 0), padding],
                relu,
                pool: false,
                precision: match scope.pass.training {
                    Some(_) => scope.pass.compute.kernels(),
                    None => Precision::F32,
                },
            };
            let weight = weight.unsqueeze_dim::<4>(2);
            let image = x.reshape([batch, 1, length, features]);
            let y = conv_block(image, weight, bias, options);
            let [_, _, outputs, filters] = y.dims();
            let y = Value::Sequence(y.reshape([batch, outputs, filters]));
            return if relu {
                y
            } else {
                scope.activate(self.activation, y)
            };
        }
        let x = x.permute([0, 2, 1]);
        let x = match padding {
            (0, 0) => x,
            (before, after) => x.pad([(before, after)], 0.0),
        };
        let options = ConvOptions::new([self.stride], [0], [self.dilation], self.groups);
        let y = conv1d(x, weight, scope.param("bias"), options);
        scope.activate(self.activation, Value::Sequence(y.permute([0, 2, 1])))
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }
}
