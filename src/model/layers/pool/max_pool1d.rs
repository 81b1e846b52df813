//! 1-D max pooling.

use burn::tensor::module::max_pool1d;
use burn::tensor::ops::MaxPoolOptions;
use schemars::JsonSchema;
use serde::Deserialize;

use super::options::Pool1d;
use crate::data::{Shape, Value};
use crate::model::graph::{Forward, Layer, LayerReader, Mismatch, Planned, Scope, into_sequence};

/// The largest value of each window of steps, feature by feature.
///
/// # Shapes
/// Input `[batch, length, features]`, output `[batch, length', features]`; steps beyond the last whole window
/// are left out, as in Keras and PyTorch.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct MaxPool1d {
    #[serde(flatten)]
    window: Pool1d,
}

impl Layer for MaxPool1d {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        Ok(Planned::new(self.clone(), self.window.output(input)?))
    }
}

impl Forward for MaxPool1d {
    fn forward(&self, input: Value, _: &Scope<'_>) -> Value {
        let x = into_sequence(input).permute([0, 2, 1]);
        let laid = self.window.lay(x.dims()[2]);
        let mut options = MaxPoolOptions::new([self.window.size]);
        options.stride = [self.window.stride()];
        options.padding = [laid.expect("the plan has laid these windows").padding[0]];
        let y = max_pool1d(x, options);
        Value::Sequence(y.permute([0, 2, 1]))
    }
}
