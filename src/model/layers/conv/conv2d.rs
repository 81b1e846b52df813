//! 2-D convolution: `y[i, j, o] = bias[o] + sum x[i*s + u, j*s + v, c] * weight[o, c, u, v]`.

use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use schemars::JsonSchema;
use serde::Deserialize;

use super::options::Window2d;
use crate::data::{Shape, Value, size_product};
use crate::kernels::half_conv;
use crate::model::activation::Activation;
use crate::model::graph::{
    ConvGeometry, Forward, Layer, LayerReader, Mismatch, Operation, Planned, Scope, channels_first,
    channels_last, cost, image_dims, into_image,
};
use crate::model::init::Fans;
use crate::model::layers::options::{self, WeightOptions};
use crate::model::params::ParamSpec;
use crate::model::penalty::Penalty;

/// 2-D convolution over the height and width of an image.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, output `[batch, height', width', filters]`, weight
/// `[filters, channels / groups, kernel height, kernel width]`, bias `[filters]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Conv2d {
    /// Output channels.
    #[schemars(range(min = 1))]
    pub filters: usize,
    /// Its windows.
    #[serde(flatten)]
    pub window: Window2d,
    /// Splits input and output channels into that many independent groups.
    #[serde(default = "options::one")]
    #[schemars(range(min = 1))]
    pub groups: usize,
    /// Adds a number per filter.
    #[serde(default = "options::yes")]
    pub bias: bool,
    /// Its weights, and what follows them.
    #[serde(flatten)]
    pub weights: WeightOptions,
    /// Input channels; inferred, and checked where given.
    #[schemars(range(min = 1))]
    pub in_channels: Option<usize>,
    /// Of its weights.
    #[serde(flatten)]
    pub penalty: Penalty,
}

impl Conv2d {
    fn check_channels(&self, channels: usize) -> Result<(), Mismatch> {
        if let Some(stated) = self.in_channels.filter(|&stated| stated != channels) {
            return Err(Mismatch::of(
                "in_channels",
                format!("is {stated}, but the layer before gives {channels} channels"),
            )
            .hint(format!("write in_channels = {channels}, or leave it out")));
        }
        if !channels.is_multiple_of(self.groups) || !self.filters.is_multiple_of(self.groups) {
            return Err(Mismatch::of(
                "groups",
                format!(
                    "is {}, which must divide both the {channels} input channels and the {} filters",
                    self.groups, self.filters
                ),
            ));
        }
        Ok(())
    }
}

impl Layer for Conv2d {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        let (height, width, channels) = image_dims(input)?;
        self.check_channels(channels)?;
        let kernel = self.window.kernel.get();
        let [out_height, out_width] = self.window.lay([height, width])?.output;
        let group_channels = channels / self.groups;
        let taps = kernel[0] * kernel[1];
        let fans = Fans {
            fan_in: size_product(&[group_channels, taps]),
            fan_out: size_product(&[self.filters, taps]),
        };
        let shape = [self.filters, group_channels, kernel[0], kernel[1]];
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
            Shape::Image {
                height: out_height,
                width: out_width,
                channels: self.filters,
            },
        )
        .params(params)
        .multiply_adds(cost(&[out_height, out_width, self.filters, fans.fan_in])))
    }
}

impl Forward for Conv2d {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let x = into_image(input);
        let [_, height, width, _] = x.dims();
        let (stride, dilation) = (self.window.stride.get(), self.window.dilation.get());
        let laid = self.window.lay([height, width]);
        let mut options = ConvOptions::new(stride, [0, 0], dilation, self.groups);
        options.padding = laid.expect("the plan has laid these windows").padding;
        let (x, weight) = (channels_first(x), scope.weight("weight"));
        let y = if scope.pass.compute.half().is_some() {
            let y = half_conv(x, weight, options);
            match scope.param::<1>("bias") {
                Some(bias) => y + bias.reshape([1, self.filters, 1, 1]),
                None => y,
            }
        } else {
            conv2d(x, weight, scope.param("bias"), options)
        };
        scope.activate(self.weights.activation, Value::Image(channels_last(y)))
    }

    fn operation(&self) -> Operation {
        Operation::Conv2d(ConvGeometry {
            kernel: self.window.kernel.get(),
            stride: self.window.stride.get(),
            dilation: self.window.dilation.get(),
            groups: self.groups,
            padding: self.window.padding,
            activation: self.weights.activation,
        })
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.weights.activation)
    }
}
