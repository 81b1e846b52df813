//! Global average pooling.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::{Shape, Value};
use crate::kernels::global_mean_block;
use crate::model::graph::{
    Forward, Layer, LayerReader, Mismatch, Operation, Planned, Scope, cost, image_dims, into_image,
};

/// The mean over height and width of each channel, or over the steps of a sequence.
///
/// # Shapes
/// Input `[batch, height, width, channels]` or `[batch, length, features]`, output `[batch, channels]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GlobalAvgPool {}

impl Layer for GlobalAvgPool {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        if let Shape::Sequence { length, features } = input {
            return Ok(Planned::new(self.clone(), Shape::Flat { features })
                .multiply_adds(cost(&[length, features])));
        }
        let (height, width, channels) = image_dims(input)?;
        Ok(
            Planned::new(self.clone(), Shape::Flat { features: channels })
                .multiply_adds(cost(&[height, width, channels])),
        )
    }
}

impl Forward for GlobalAvgPool {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        if let Value::Sequence(x) = input {
            return Value::Flat(x.mean_dim(1).squeeze_dim(1));
        }
        let x = into_image(input);
        if scope.kernel {
            return Value::Flat(global_mean_block(x));
        }
        let [batch, height, width, channels] = x.dims();
        let pixels = x.reshape([batch, height * width, channels]);
        Value::Flat(pixels.mean_dim(1).reshape([batch, channels]))
    }

    fn operation(&self) -> Operation {
        Operation::GlobalAvgPool
    }

    fn needs_f32(&self) -> bool {
        true
    }
}
