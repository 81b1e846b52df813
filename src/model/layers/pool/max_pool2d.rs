//! 2-D max pooling.

use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use schemars::JsonSchema;
use serde::Deserialize;

use super::options::Pool2d;
use crate::data::{Shape, Value};
use crate::model::graph::{
    Forward, Layer, LayerReader, Mismatch, Operation, Planned, Scope, channels_first,
    channels_last, into_image,
};

/// The largest value of each window, channel by channel.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, output `[batch, height', width', channels]`. What
/// lies beyond the last whole window is left out, as in Keras and PyTorch.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct MaxPool2d {
    #[serde(flatten)]
    window: Pool2d,
}

impl Layer for MaxPool2d {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        Ok(Planned::new(self.clone(), self.window.output(input)?))
    }
}

impl Forward for MaxPool2d {
    fn forward(&self, input: Value, _: &Scope<'_>) -> Value {
        let x = into_image(input);
        let [_, height, width, _] = x.dims();
        let laid = self.window.lay([height, width]);
        let mut options = MaxPoolOptions::new(self.window.size());
        options.stride = self.window.stride();
        options.padding = laid.expect("the plan has laid these windows").padding;
        Value::Image(channels_last(max_pool2d(channels_first(x), options)))
    }

    fn operation(&self) -> Operation {
        Operation::MaxPool2d {
            size: self.window.size(),
            stride: self.window.stride(),
            padding: self.window.padding,
        }
    }
}
