//! Flattening.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Layer, LayerPlan, Mismatch, Scope};
use crate::data::{Shape, Value};
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
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        if let Shape::Tokens { .. } = input {
            return Err(Mismatch::new("expects numbers, gets tokens").hint("embed tokens first"));
        }
        Ok(LayerPlan::free(Shape::Flat {
            features: input.num_elements(),
        }))
    }

    fn forward(&self, input: Value, _: &Scope<'_>) -> Value {
        Value::Flat(into_flat(input))
    }
}
