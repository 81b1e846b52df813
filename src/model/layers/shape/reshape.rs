//! The same values in another shape.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::{Shape, Value};
use crate::model::graph::{Forward, Layer, LayerReader, Mismatch, Planned, Scope};
use crate::model::value::into_flat;

/// The same values in another shape, in the same order.
///
/// # Shapes
/// Input `[batch, ...]`, output `[batch, ...shape]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reshape {
    /// [height, width, channels], [length, features] or [features]; one of them may be -1: what is left.
    #[schemars(length(min = 1, max = 3), inner(range(min = -1)))]
    #[schemars(extend("not" = {"contains": {"const": 0}}, "contains" = {"const": -1}, "minContains" = 0, "maxContains" = 1))]
    shape: Vec<i64>,
}

impl Reshape {
    /// The shape of so many values.
    ///
    /// # Errors
    /// Sizes that hold more or fewer.
    fn of(&self, values: usize) -> Result<Shape, Mismatch> {
        let free = self.shape.iter().filter(|&&size| size == -1).count();
        if free > 1 {
            return Err(Mismatch::of("shape", "has -1 more than once"));
        }
        if self.shape.contains(&0) {
            return Err(Mismatch::of("shape", "has a size of 0"));
        }
        let stated = self.shape.iter().filter(|&&size| size != -1);
        let product = stated.fold(1usize, |product, &size| {
            product.saturating_mul(size as usize)
        });
        if free == 0 && product != values {
            let message = format!("has {product} values, but the layer before gives {values}");
            return Err(Mismatch::of("shape", message));
        }
        if !values.is_multiple_of(product) {
            let message = format!(
                "has {product} values beside -1, which do not divide the {values} of the layer before"
            );
            return Err(Mismatch::of("shape", message));
        }
        let size = |at: usize| match self.shape[at] {
            -1 => values / product,
            size => size as usize,
        };
        Ok(match self.shape.len() {
            3 => Shape::Image {
                height: size(0),
                width: size(1),
                channels: size(2),
            },
            2 => Shape::Sequence {
                length: size(0),
                features: size(1),
            },
            _ => Shape::Flat { features: size(0) },
        })
    }
}

impl Layer for Reshape {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        if let Shape::Tokens { .. } = input {
            return Err(Mismatch::new("expects numbers, gets tokens").hint("embed tokens first"));
        }
        let output = self.of(input.num_elements())?;
        Ok(Planned::new(self.clone(), output))
    }
}

impl Forward for Reshape {
    fn forward(&self, input: Value, _: &Scope<'_>) -> Value {
        let x = into_flat(input);
        let [batch, values] = x.dims();
        match self.of(values).expect("a planned layer") {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_size_may_be_left_to_the_others() {
        let plan = |shape: &[i64]| {
            let layer = Reshape {
                shape: shape.to_vec(),
            };
            let plan = layer.plan(Shape::Flat { features: 12 }, LayerReader::new(&[]));
            plan.map(|plan| plan.output)
                .map_err(|mut mismatch| mismatch.faults.remove(0).message)
        };
        let image = Shape::Image {
            height: 2,
            width: 3,
            channels: 2,
        };
        assert_eq!(plan(&[2, -1, 2]), Ok(image));
        assert_eq!(plan(&[2, 3, 2]), Ok(image));
        assert_eq!(plan(&[-1]), Ok(Shape::Flat { features: 12 }));
        let sequence = Shape::Sequence {
            length: 4,
            features: 3,
        };
        assert_eq!(plan(&[-1, 3]), Ok(sequence));
        for (shape, why) in [
            (&[-1, -1][..], "has -1 more than once"),
            (&[0, -1], "has a size of 0"),
            (&[5, 2], "has 10 values, but the layer before gives 12"),
            (
                &[5, -1],
                "has 5 values beside -1, which do not divide the 12 of the layer before",
            ),
            (
                &[i64::MAX, i64::MAX],
                "has 18446744073709551615 values, but the layer before gives 12",
            ),
        ] {
            assert_eq!(plan(shape), Err(why.to_string()));
        }
    }
}
