//! 2-D convolution: `y[i, j, o] = bias[o] + sum x[i*s + u, j*s + v, c] * weight[o, c, u, v]`.

use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use schemars::JsonSchema;
use serde::Deserialize;

use super::window::{Padding, Pair, windows};
use super::{
    FusedConv, Layer, LayerPlan, Mismatch, Role, Scope, channels_first, channels_last, cost,
    defaults, image_dims, into_image,
};
use crate::data::{Shape, Value, size_product};
use crate::kernels::half_conv;
use crate::model::activation::Activation;
use crate::model::init::{Fans, Init};
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
    /// Splits input and output channels into that many independent groups.
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
    /// Input channels; inferred, and checked where given.
    #[schemars(range(min = 1))]
    in_channels: Option<usize>,
    #[serde(flatten)]
    penalty: Penalty,
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
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        let (height, width, channels) = image_dims(input)?;
        self.check_channels(channels)?;
        let kernel = self.kernel.get();
        let stride = self.stride.get();
        let dilation = self.dilation.get();
        let [out_height, out_width] =
            windows([height, width], kernel, stride, dilation, self.padding)?.output;
        let group_channels = channels / self.groups;
        let taps = kernel[0] * kernel[1];
        let fans = Fans {
            fan_in: size_product(&[group_channels, taps]),
            fan_out: size_product(&[self.filters, taps]),
        };
        let shape = [self.filters, group_channels, kernel[0], kernel[1]];
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
            output: Shape::Image {
                height: out_height,
                width: out_width,
                channels: self.filters,
            },
            params,
            multiply_adds: cost(&[out_height, out_width, self.filters, fans.fan_in]),
        })
    }

    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let x = into_image(input);
        let [_, height, width, _] = x.dims();
        let (kernel, stride) = (self.kernel.get(), self.stride.get());
        let dilation = self.dilation.get();
        let padding = windows([height, width], kernel, stride, dilation, self.padding)
            .expect("the plan has laid these windows")
            .padding;
        let mut options = ConvOptions::new(stride, [0, 0], dilation, self.groups);
        options.padding = padding;
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
        scope.activate(self.activation, Value::Image(channels_last(y)))
    }

    fn role(&self) -> Role {
        if self.stride.get() != [1, 1] {
            return Role::Slow("stride");
        }
        if self.dilation.get() != [1, 1] {
            return Role::Slow("dilation");
        }
        if self.groups != 1 {
            return Role::Slow("groups");
        }
        Role::Conv(FusedConv {
            padding: self.padding,
            kernel: self.kernel.get(),
            activation: self.activation,
        })
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }
}
