//! 1-D average pooling.

use burn::tensor::module::avg_pool1d;
use burn::tensor::ops::AvgPoolOptions;
use schemars::JsonSchema;
use serde::Deserialize;

use super::options::Pool1d;
use crate::data::{Shape, Value};
use crate::model::graph::{Forward, Layer, LayerReader, Mismatch, Planned, Scope, into_sequence};

/// The mean of each window of steps, feature by feature.
///
/// # Shapes
/// As of `max_pool1d`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct AvgPool1d {
    #[serde(flatten)]
    window: Pool1d,
    /// Whether steps of padding count in the mean: not in Keras, by default in PyTorch.
    #[serde(default)]
    #[schemars(extend("x-style" = {"keras": false, "torch": true}))]
    count_padding: bool,
}

impl Layer for AvgPool1d {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        Ok(Planned::new(self.clone(), self.window.output(input)?))
    }
}

impl Forward for AvgPool1d {
    fn forward(&self, input: Value, _: &Scope<'_>) -> Value {
        let x = into_sequence(input).permute([0, 2, 1]);
        let laid = self.window.lay(x.dims()[2]);
        let mut options = AvgPoolOptions::new([self.window.size]);
        options.stride = [self.window.stride()];
        options.padding = [laid.expect("the plan has laid these windows").padding[0]];
        options.count_include_pad = self.count_padding;
        let y = avg_pool1d(x, options);
        Value::Sequence(y.permute([0, 2, 1]))
    }
}
