//! 2-D max pooling.

use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use schemars::JsonSchema;
use serde::Deserialize;

use super::window::{Padding, PaddingName, Pair, check_pool_padding, windows};
use super::{
    Layer, LayerPlan, Mismatch, Role, Scope, channels_first, channels_last, defaults, image_dims,
    into_image,
};
use crate::data::{Shape, Value};

/// The largest value of each window, channel by channel.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, output `[batch, height', width', channels]`. What
/// lies beyond the last whole window is left out, as in Keras and PyTorch.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaxPool2d {
    /// Height and width of the window: one number, or [height, width].
    #[serde(default = "defaults::two")]
    size: Pair,
    /// Steps between windows; default: the window's size.
    stride: Option<Pair>,
    /// "valid" (none), "same", or a number of pixels on every side.
    #[serde(default)]
    padding: Padding,
}

impl Layer for MaxPool2d {
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        let (height, width, channels) = image_dims(input)?;
        let size = self.size.get();
        check_pool_padding(self.padding, &size)?;
        let stride = self.stride.map_or(size, Pair::get);
        let [height, width] = windows([height, width], size, stride, [1, 1], self.padding)?.output;
        Ok(LayerPlan::free(Shape::Image {
            height,
            width,
            channels,
        }))
    }

    fn role(&self) -> Role {
        let size = self.size.get();
        let valid = [Padding::Named(PaddingName::Valid), Padding::Number(0)];
        if size != [2, 2] {
            Role::Slow("size")
        } else if self.stride.map_or(size, Pair::get) != size {
            Role::Slow("stride")
        } else if !valid.contains(&self.padding) {
            Role::Slow("padding")
        } else {
            Role::MaxPool
        }
    }

    fn forward(&self, input: Value, _: &Scope<'_>) -> Value {
        let x = into_image(input);
        let [_, height, width, _] = x.dims();
        let size = self.size.get();
        let stride = self.stride.map_or(size, Pair::get);
        let mut options = MaxPoolOptions::new(size);
        options.stride = stride;
        options.padding = windows([height, width], size, stride, [1, 1], self.padding)
            .expect("the plan has laid these windows")
            .padding;
        Value::Image(channels_last(max_pool2d(channels_first(x), options)))
    }
}
