//! Transposed 1-D convolution: `y[t*s + u, o] += x[t, c] * weight[c, o, u]`, plus a bias.

use burn::tensor::module::conv_transpose1d;
use burn::tensor::ops::ConvTransposeOptions;
use schemars::JsonSchema;
use serde::Deserialize;

use super::conv_transpose2d::check;
use crate::data::{Shape, Value, size_product};
use crate::model::activation::Activation;
use crate::model::graph::{
    Forward, Layer, LayerReader, Mismatch, Padding, Planned, Scope, Spread, cost, into_sequence,
    sequence_dims, spread,
};
use crate::model::init::Fans;
use crate::model::layers::options::{self, WeightOptions};
use crate::model::params::ParamSpec;
use crate::model::penalty::Penalty;

/// Longer sequences: the gradient of a convolution with regard to its input, with trained weights. Keras's
/// `Conv1DTranspose`, PyTorch's `ConvTranspose1d`.
///
/// # Shapes
/// Input `[batch, length, features]`, output `[batch, length', filters]`, weight `[features, filters / groups,
/// kernel]`, bias `[filters]`; the length' as of `conv_transpose2d`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct ConvTranspose1d {
    /// Output features.
    #[schemars(range(min = 1))]
    filters: usize,
    /// Steps of the window.
    #[schemars(range(min = 1, max = 65535))]
    kernel: usize,
    /// Steps between windows in the output.
    #[serde(default = "options::one")]
    #[schemars(range(min = 1, max = 65535))]
    stride: usize,
    /// "valid" (the whole sum), "same" (length times stride), or a number of steps cut off at both ends.
    #[serde(default)]
    padding: Padding,
    /// Steps added at the end, where the padding is a number; fewer than the stride or the dilation.
    #[serde(default)]
    #[schemars(range(max = 65535))]
    output_padding: usize,
    /// Steps between the window's taps.
    #[serde(default = "options::one")]
    #[schemars(range(min = 1, max = 65535))]
    dilation: usize,
    /// Splits input and output features into that many independent groups.
    #[serde(default = "options::one")]
    #[schemars(range(min = 1))]
    groups: usize,
    /// Adds a number per filter.
    #[serde(default = "options::yes")]
    bias: bool,
    #[serde(flatten)]
    weights: WeightOptions,
    #[serde(flatten)]
    penalty: Penalty,
}

impl ConvTranspose1d {
    fn lay(&self, length: usize) -> Result<Spread, Mismatch> {
        let (padding, more) = (self.padding, self.output_padding);
        spread(
            length,
            self.kernel,
            self.stride,
            self.dilation,
            padding,
            more,
        )
    }
}

impl Layer for ConvTranspose1d {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        let (length, features) = sequence_dims(input)?;
        let (filters, groups) = (self.filters, self.groups);
        let most = self.stride.max(self.dilation);
        check(
            features,
            filters,
            groups,
            self.padding,
            self.output_padding,
            most,
        )?;
        let steps = self.lay(length)?;
        let fans = Fans {
            fan_in: size_product(&[filters / groups, self.kernel]),
            fan_out: size_product(&[features, self.kernel]),
        };
        let shape = [features, filters / groups, self.kernel];
        let weight = ParamSpec::new("weight", &shape, self.weights.weight_init, fans);
        let view = [groups, features / groups, filters / groups, self.kernel];
        let mut params = vec![weight.penalised(self.penalty, view)];
        if self.bias {
            params.push(ParamSpec::new(
                "bias",
                &[filters],
                self.weights.bias_init,
                fans,
            ));
        }
        Ok(Planned::new(
            self.clone(),
            Shape::Sequence {
                length: steps.output,
                features: filters,
            },
        )
        .params(params)
        .multiply_adds(cost(&[length, features, fans.fan_in])))
    }
}

impl Forward for ConvTranspose1d {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let x = into_sequence(input);
        let steps = self.lay(x.dims()[1]);
        let steps = steps.expect("the plan has laid these windows");
        let options = ConvTransposeOptions::new(
            [self.stride],
            [0],
            [steps.beyond],
            [self.dilation],
            self.groups,
        );
        let x = x.permute([0, 2, 1]);
        let y = conv_transpose1d(x, scope.weight("weight"), None, options);
        let y = y.narrow(2, steps.begin, steps.output);
        let y = match scope.param::<1>("bias") {
            Some(bias) => y + bias.reshape([1, self.filters, 1]),
            None => y,
        };
        scope.activate(
            self.weights.activation,
            Value::Sequence(y.permute([0, 2, 1])),
        )
    }

    fn needs_f32(&self) -> bool {
        true
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.weights.activation)
    }
}
