//! The same values in another shape.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Layer, LayerPlan, Mismatch, Scope};
use crate::data::{Shape, Value};
use crate::model::value::into_flat;

/// The same values in another shape, in the same order.
///
/// # Shapes
/// Input `[batch, ...]`, output `[batch, ...shape]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reshape {
    /// [height, width, channels], [length, features] or [features].
    #[schemars(length(min = 1, max = 3), inner(range(min = 1)))]
    shape: Vec<usize>,
}

impl Reshape {
    fn output(&self) -> Shape {
        match self.shape[..] {
            [height, width, channels] => Shape::Image {
                height,
                width,
                channels,
            },
            [length, features] => Shape::Sequence { length, features },
            _ => Shape::Flat {
                features: self.shape.iter().product(),
            },
        }
    }
}

impl Layer for Reshape {
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        if let Shape::Tokens { .. } = input {
            return Err(Mismatch::new("expects numbers, gets tokens").hint("embed tokens first"));
        }
        let (found, wanted) = (input.num_elements(), self.output().num_elements());
        if found != wanted {
            let message = format!("has {wanted} values, but the layer before gives {found}");
            return Err(Mismatch::of("shape", message));
        }
        Ok(LayerPlan::free(self.output()))
    }

    fn forward(&self, input: Value, _: &Scope<'_>) -> Value {
        let x = into_flat(input);
        let batch = x.dims()[0];
        match self.output() {
            Shape::Image {
                height,
                width,
                channels,
            } => Value::Image(x.reshape([batch, height, width, channels])),
            Shape::Sequence { length, features } => {
                Value::Sequence(x.reshape([batch, length, features]))
            }
            _ => Value::Flat(x),
        }
    }
}
