//! 1-D convolution: `y[t, o] = bias[o] + sum x[t*s + u, c] * weight[o, c, u]`.

use burn::tensor::Tensor;
use burn::tensor::module::conv1d;
use burn::tensor::ops::ConvOptions;
use schemars::JsonSchema;
use serde::Deserialize;

use super::options::Window1d;
use crate::config::Precision;
use crate::data::{Shape, Value, size_product};
use crate::kernels::{BlockOptions, Pointwise, conv_block};
use crate::model::activation::Activation;
use crate::model::graph::{
    Forward, Layer, LayerReader, Mismatch, Operation, Planned, Scope, cost, into_sequence,
    sequence_dims,
};
use crate::model::init::Fans;
use crate::model::layers::options::{self, WeightOptions};
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
    pub filters: usize,
    /// Its windows.
    #[serde(flatten)]
    pub window: Window1d,
    /// Splits input and output features into that many independent groups.
    #[serde(default = "options::one")]
    #[schemars(range(min = 1))]
    pub groups: usize,
    /// Adds a number per filter.
    #[serde(default = "options::yes")]
    pub bias: bool,
    /// Its weights, and what follows them.
    #[serde(flatten)]
    pub weights: WeightOptions,
    /// Of its weights.
    #[serde(flatten)]
    pub penalty: Penalty,
}

impl Layer for Conv1d {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        let (length, features) = sequence_dims(input)?;
        let groups = self.groups;
        if !features.is_multiple_of(groups) || !self.filters.is_multiple_of(groups) {
            let message = format!(
                "is {groups}, which must divide both the {features} input features and the {} filters",
                self.filters
            );
            return Err(Mismatch::of("groups", message));
        }
        let (outputs, _) = self.window.lay(length)?;
        let fans = Fans {
            fan_in: size_product(&[features / groups, self.window.kernel]),
            fan_out: size_product(&[self.filters, self.window.kernel]),
        };
        let shape = [self.filters, features / groups, self.window.kernel];
        let weight = ParamSpec::new("weight", &shape, self.weights.weight_init, fans);
        let view = [1, 1, self.filters, fans.fan_in];
        let mut params = vec![weight.penalised(self.penalty, view)];
        if self.bias {
            params.push(ParamSpec::new(
                "bias",
                &[self.filters],
                self.weights.bias_init,
                fans,
            ));
        }
        Ok(Planned::new(
            self.clone(),
            Shape::Sequence {
                length: outputs,
                features: self.filters,
            },
        )
        .params(params)
        .multiply_adds(cost(&[outputs, self.filters, fans.fan_in])))
    }
}

impl Forward for Conv1d {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let x = into_sequence(input);
        let [batch, length, features] = x.dims();
        let (_, padding) = self
            .window
            .lay(length)
            .expect("the plan has laid these windows");
        let weight: Tensor<3> = scope.weight("weight");
        if scope.kernel {
            // An image of one row.
            let none = || Tensor::zeros([self.filters], &x.device());
            let bias = scope.param("bias").unwrap_or_else(none);
            let relu = self.weights.activation == Activation::Relu && !scope.skip_activation;
            let options = BlockOptions {
                padding: [(0, 0), padding],
                stride: [1, 1],
                then: if relu {
                    Pointwise::Relu
                } else {
                    Pointwise::Linear
                },
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
                scope.activate(self.weights.activation, y)
            };
        }
        let x = x.permute([0, 2, 1]);
        let x = match padding {
            (0, 0) => x,
            (before, after) => x.pad([(before, after)], 0.0),
        };
        let options = ConvOptions::new(
            [self.window.stride],
            [0],
            [self.window.dilation],
            self.groups,
        );
        let y = conv1d(x, weight, scope.param("bias"), options);
        scope.activate(
            self.weights.activation,
            Value::Sequence(y.permute([0, 2, 1])),
        )
    }

    fn operation(&self) -> Operation {
        Operation::Conv1d {
            stride: self.window.stride,
            dilation: self.window.dilation,
            groups: self.groups,
        }
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.weights.activation)
    }
}
