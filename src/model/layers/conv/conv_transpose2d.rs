//! Transposed 2-D convolution: `y[i*s + u, j*s + v, o] += x[i, j, c] * weight[c, o, u, v]`, plus a bias.

use burn::tensor::module::conv_transpose2d;
use burn::tensor::ops::ConvTransposeOptions;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::{Shape, Value, size_product};
use crate::model::activation::Activation;
use crate::model::graph::{
    Forward, Layer, LayerReader, Mismatch, Padding, Pair, Planned, Scope, Spread, channels_first,
    channels_last, cost, image_dims, into_image, spread,
};
use crate::model::init::Fans;
use crate::model::layers::options::{self, WeightOptions};
use crate::model::params::ParamSpec;
use crate::model::penalty::Penalty;

/// Larger images: the gradient of a convolution with regard to its input, with trained weights. Keras's
/// `Conv2DTranspose`, PyTorch's `ConvTranspose2d`.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, output `[batch, height', width', filters]`, weight `[channels,
/// filters / groups, kernel height, kernel width]`, bias `[filters]`. Of n inputs "valid" makes `n stride +
/// max(reach - stride, 0)` outputs and "same" `n stride`, as in Keras; a number p makes `(n - 1) stride + reach - 2
/// p + output_padding`, as in PyTorch; the reach is `(kernel - 1) dilation + 1`. Initialisers count as inputs of a
/// unit what both libraries count: `filters / groups` times the taps of the window.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct ConvTranspose2d {
    /// Output channels.
    #[schemars(range(min = 1))]
    filters: usize,
    /// Height and width of the window: one number, or [height, width].
    kernel: Pair,
    /// Steps between windows in the output.
    #[serde(default)]
    stride: Pair,
    /// "valid" (the whole sum), "same" (size times stride), or a number of pixels cut off on every side.
    #[serde(default)]
    padding: Padding,
    /// Rows and columns added at the end, where the padding is a number; fewer than the stride or the dilation.
    #[serde(default)]
    #[schemars(range(max = 65535))]
    output_padding: usize,
    /// Steps between the window's taps.
    #[serde(default)]
    dilation: Pair,
    /// Splits input and output channels into that many independent groups.
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

/// What transposed convolutions of images and of sequences check: groups, and what may be added at the end.
pub fn check(
    channels: usize,
    filters: usize,
    groups: usize,
    padding: Padding,
    output_padding: usize,
    most: usize,
) -> Result<(), Mismatch> {
    if !channels.is_multiple_of(groups) || !filters.is_multiple_of(groups) {
        let message = format!(
            "is {groups}, which must divide both the {channels} inputs and the {filters} filters"
        );
        return Err(Mismatch::of("groups", message));
    }
    if output_padding == 0 {
        return Ok(());
    }
    let wrong = |message: String| Err(Mismatch::of("output_padding", message));
    match padding {
        Padding::Named(_) => wrong(format!(
            "is {output_padding}, but only a padding that is a number leaves the size open"
        )),
        Padding::Number(_) if output_padding >= most => wrong(format!(
            "is {output_padding}, expected less than the stride or the dilation ({most})"
        )),
        Padding::Number(_) => Ok(()),
    }
}

impl ConvTranspose2d {
    fn lay(&self, height: usize, width: usize) -> Result<[Spread; 2], Mismatch> {
        let (kernel, stride) = (self.kernel.get(), self.stride.get());
        let dilation = self.dilation.get();
        let along = |axis: usize, size| {
            let (padding, more) = (self.padding, self.output_padding);
            spread(
                size,
                kernel[axis],
                stride[axis],
                dilation[axis],
                padding,
                more,
            )
        };
        Ok([along(0, height)?, along(1, width)?])
    }
}

impl Layer for ConvTranspose2d {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        let (height, width, channels) = image_dims(input)?;
        let (stride, dilation) = (self.stride.get(), self.dilation.get());
        let most = |axis: usize| stride[axis].max(dilation[axis]);
        check(
            channels,
            self.filters,
            self.groups,
            self.padding,
            self.output_padding,
            most(0).min(most(1)),
        )?;
        let [rows, columns] = self.lay(height, width)?;
        let kernel = self.kernel.get();
        let taps = kernel[0] * kernel[1];
        let fans = Fans {
            fan_in: size_product(&[self.filters / self.groups, taps]),
            fan_out: size_product(&[channels, taps]),
        };
        let shape = [channels, self.filters / self.groups, kernel[0], kernel[1]];
        let weight = ParamSpec::new("weight", &shape, self.weights.weight_init, fans);
        let inputs = channels / self.groups;
        let view = [self.groups, inputs, self.filters / self.groups, taps];
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
                height: rows.output,
                width: columns.output,
                channels: self.filters,
            },
        )
        .params(params)
        .multiply_adds(cost(&[height, width, channels, fans.fan_in])))
    }
}

impl Forward for ConvTranspose2d {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let x = into_image(input);
        let [_, height, width, _] = x.dims();
        let spread = self.lay(height, width);
        let [rows, columns] = spread.expect("the plan has laid these windows");
        let options = ConvTransposeOptions::new(
            self.stride.get(),
            [0, 0],
            [rows.beyond, columns.beyond],
            self.dilation.get(),
            self.groups,
        );
        let y = conv_transpose2d(channels_first(x), scope.weight("weight"), None, options);
        let y = y.narrow(2, rows.begin, rows.output);
        let y = y.narrow(3, columns.begin, columns.output);
        let y = match scope.param::<1>("bias") {
            Some(bias) => y + bias.reshape([1, self.filters, 1, 1]),
            None => y,
        };
        scope.activate(self.weights.activation, Value::Image(channels_last(y)))
    }

    fn needs_f32(&self) -> bool {
        true
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.weights.activation)
    }
}
