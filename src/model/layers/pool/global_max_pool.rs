//! Global max pooling.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::{Shape, Value};
use crate::model::graph::{Forward, Layer, LayerReader, Mismatch, Planned, Scope};

/// The largest value of each channel over an image, or of each feature over a sequence.
///
/// # Shapes
/// Input `[batch, height, width, channels]` or `[batch, length, features]`, output `[batch, channels]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GlobalMaxPool {}

impl Layer for GlobalMaxPool {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        match input {
            Shape::Image { channels, .. } => Ok(Planned::new(
                self.clone(),
                Shape::Flat { features: channels },
            )),
            Shape::Sequence { features, .. } => {
                Ok(Planned::new(self.clone(), Shape::Flat { features }))
            }
            other => Err(Mismatch::new(format!(
                "expects an image or a sequence, gets {other} values"
            ))),
        }
    }
}

impl Forward for GlobalMaxPool {
    fn forward(&self, input: Value, _: &Scope<'_>) -> Value {
        let x = match input {
            Value::Image(x) => {
                let [batch, height, width, channels] = x.dims();
                x.reshape([batch, height * width, channels])
            }
            Value::Sequence(x) => x,
            other => unreachable!("planned for an image or a sequence, got {other:?}"),
        };
        Value::Flat(x.max_dim(1).squeeze_dim(1))
    }
}
