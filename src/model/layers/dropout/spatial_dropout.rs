//! Dropout of whole channels (Tompson and others, 2015).

use burn::tensor::{Tensor, TensorData};
use schemars::JsonSchema;
use serde::Deserialize;

use super::mask::masks;
use crate::data::{Shape, Value};
use crate::model::graph::{Forward, Layer, LayerReader, Mismatch, Planned, Scope};

/// In training, sets a random share of the channels of an image, or of the features of a sequence, to 0 in
/// all places, and multiplies the others by `1 / (1 - rate)`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpatialDropout {
    /// The share of channels set to 0.
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    rate: f64,
}

fn drop<const D: usize>(x: Tensor<D>, mask: Vec<f32>) -> Tensor<D> {
    let mut shape = [1; D];
    (shape[0], shape[D - 1]) = (x.dims()[0], x.dims()[D - 1]);
    let mask = Tensor::<D>::from_data(TensorData::new(mask, shape), &x.device());
    x.clone() * mask.cast(x.dtype())
}

impl Layer for SpatialDropout {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        match input {
            Shape::Image { .. } | Shape::Sequence { .. } => Ok(Planned::new(self.clone(), input)),
            other => Err(Mismatch::new(format!(
                "expects an image or a sequence, gets {other} values"
            ))
            .hint("rows have { dropout = { rate = 0.5 } }")),
        }
    }
}

impl Forward for SpatialDropout {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let training = scope.pass.training.as_ref();
        if training.is_none() || self.rate == 0.0 {
            return input;
        }
        let mask = |channels| masks(scope.name, "channels", self.rate, training, 1, channels);
        match input {
            Value::Image(x) => {
                let channels = x.dims()[3];
                Value::Image(drop(x, mask(channels)))
            }
            Value::Sequence(x) => {
                let features = x.dims()[2];
                Value::Sequence(drop(x, mask(features)))
            }
            other => unreachable!("planned for an image or a sequence, got {other:?}"),
        }
    }

    fn is_random(&self) -> bool {
        self.rate > 0.0
    }
}
