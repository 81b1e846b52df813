//! Flattening.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::{Shape, Value};
use crate::model::graph::{Forward, Layer, LayerReader, Mismatch, Planned, Scope};
use crate::model::value::into_flat;

/// All values of a sample in one row: of an image row after row, pixel after pixel, channel after
/// channel (as Keras).
///
/// # Shapes
/// Input `[batch, ...]`, output `[batch, features]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flatten {}

impl Layer for Flatten {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        if let Shape::Tokens { .. } = input {
            return Err(Mismatch::new("expects numbers, gets tokens").hint("embed tokens first"));
        }
        Ok(Planned::new(
            self.clone(),
            Shape::Flat {
                features: input.num_elements(),
            },
        ))
    }
}

impl Forward for Flatten {
    fn forward(&self, input: Value, _: &Scope<'_>) -> Value {
        Value::Flat(into_flat(input))
    }
}
