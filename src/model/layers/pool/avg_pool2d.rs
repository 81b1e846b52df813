//! 2-D average pooling.

use burn::tensor::module::avg_pool2d;
use burn::tensor::ops::AvgPoolOptions;
use schemars::JsonSchema;
use serde::Deserialize;

use super::options::Pool2d;
use crate::data::{Shape, Value};
use crate::model::graph::{
    Forward, Layer, LayerReader, Mismatch, Planned, Scope, channels_first, channels_last, cost,
    into_image,
};

/// The mean of each window, channel by channel.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, output `[batch, height', width', channels]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct AvgPool2d {
    #[serde(flatten)]
    window: Pool2d,
    /// Whether pixels of padding count in the mean: not in Keras, by default in PyTorch.
    #[serde(default)]
    #[schemars(extend("x-style" = {"keras": false, "torch": true}))]
    count_padding: bool,
}

impl Layer for AvgPool2d {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        let output = self.window.output(input)?;
        let size = self.window.size();
        Ok(Planned::new(self.clone(), output).multiply_adds(cost(&[
            output.num_elements(),
            size[0],
            size[1],
        ])))
    }
}

impl Forward for AvgPool2d {
    fn forward(&self, input: Value, _: &Scope<'_>) -> Value {
        let x = into_image(input);
        let [_, height, width, _] = x.dims();
        let laid = self.window.lay([height, width]);
        let mut options = AvgPoolOptions::new(self.window.size());
        options.stride = self.window.stride();
        options.count_include_pad = self.count_padding;
        options.padding = laid.expect("the plan has laid these windows").padding;
        Value::Image(channels_last(avg_pool2d(channels_first(x), options)))
    }
}
