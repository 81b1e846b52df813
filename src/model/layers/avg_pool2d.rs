//! 2-D average pooling.

use burn::tensor::module::avg_pool2d;
use burn::tensor::ops::AvgPoolOptions;
use schemars::JsonSchema;
use serde::Deserialize;

use super::window::{Padding, Pair, check_pool_padding, windows};
use super::{
    Layer, LayerPlan, Mismatch, Scope, channels_first, channels_last, cost, defaults, image_dims,
    into_image,
};
use crate::data::{Shape, Value};

/// The mean of each window, channel by channel.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, output `[batch, height', width', channels]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AvgPool2d {
    /// Height and width of the window: one number, or [height, width].
    #[serde(default = "defaults::two")]
    size: Pair,
    /// Steps between windows; default: the window's size.
    stride: Option<Pair>,
    /// "valid" (none), "same", or a number of pixels on every side.
    #[serde(default)]
    padding: Padding,
    /// Whether pixels of padding count in the mean: not in Keras, by default in PyTorch.
    #[serde(default)]
    count_padding: bool,
}

impl Layer for AvgPool2d {
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        let (height, width, channels) = image_dims(input)?;
        let size = self.size.get();
        check_pool_padding(self.padding, &size)?;
        let stride = self.stride.map_or(size, Pair::get);
        let [height, width] = windows([height, width], size, stride, [1, 1], self.padding)?.output;
        Ok(LayerPlan {
            multiply_adds: cost(&[height, width, channels, size[0], size[1]]),
            ..LayerPlan::free(Shape::Image {
                height,
                width,
                channels,
            })
        })
    }

    fn forward(&self, input: Value, _: &Scope<'_>) -> Value {
        let x = into_image(input);
        let [_, height, width, _] = x.dims();
        let size = self.size.get();
        let stride = self.stride.map_or(size, Pair::get);
        let mut options = AvgPoolOptions::new(size);
        options.stride = stride;
        options.count_include_pad = self.count_padding;
        options.padding = windows([height, width], size, stride, [1, 1], self.padding)
            .expect("the plan has laid these windows")
            .padding;
        Value::Image(channels_last(avg_pool2d(channels_first(x), options)))
    }
}
