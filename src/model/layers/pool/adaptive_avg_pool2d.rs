//! Average pooling to a given size.

use burn::tensor::module::adaptive_avg_pool2d;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::{Shape, Value};
use crate::model::graph::{
    Forward, Layer, LayerReader, Mismatch, Pair, Planned, Scope, channels_first, channels_last,
    image_dims, into_image,
};

/// Means over windows that are laid so that the output has the given size, whatever that of the input: output `i` of `n` is
/// the mean of the rows from `floor(i height / n)` to `ceil((i + 1) height / n)`. PyTorch's `AdaptiveAvgPool2d`.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, output `[batch, size, size, channels]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveAvgPool2d {
    /// Height and width of the output: one number, or [height, width].
    size: Pair,
}

impl Layer for AdaptiveAvgPool2d {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        let (_, _, channels) = image_dims(input)?;
        let [height, width] = self.size.get();
        let output = Shape::Image {
            height,
            width,
            channels,
        };
        Ok(Planned::new(self.clone(), output).multiply_adds(input.num_elements() as u64))
    }
}

impl Forward for AdaptiveAvgPool2d {
    fn forward(&self, input: Value, _: &Scope<'_>) -> Value {
        let x = into_image(input);
        let [_, height, width, _] = x.dims();
        if [height, width] == self.size.get() {
            return Value::Image(x);
        }
        let x = adaptive_avg_pool2d(channels_first(x), self.size.get());
        Value::Image(channels_last(x))
    }

    fn needs_f32(&self) -> bool {
        true
    }
}
