//! Global average pooling.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Layer, LayerPlan, Mismatch, Role, Scope, cost, image_dims, into_image};
use crate::data::{Shape, Value};
use crate::device::on_cpu;
use crate::kernels::global_mean_block;

/// The mean over height and width of each channel, or over the steps of a sequence.
///
/// # Shapes
/// Input `[batch, height, width, channels]` or `[batch, length, features]`, output `[batch, channels]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GlobalAvgPool {}

impl Layer for GlobalAvgPool {
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        if let Shape::Sequence { length, features } = input {
            return Ok(LayerPlan {
                multiply_adds: cost(&[length, features]),
                ..LayerPlan::free(Shape::Flat { features })
            });
        }
        let (height, width, channels) = image_dims(input)?;
        Ok(LayerPlan {
            multiply_adds: cost(&[height, width, channels]),
            ..LayerPlan::free(Shape::Flat { features: channels })
        })
    }

    fn role(&self) -> Role {
        Role::Alone
    }

    fn needs_f32(&self) -> bool {
        true
    }

    fn forward(&self, input: Value, _: &Scope<'_>) -> Value {
        if let Value::Sequence(x) = input {
            return Value::Flat(x.mean_dim(1).squeeze_dim(1));
        }
        let x = into_image(input);
        if on_cpu(&x.device()) {
            return Value::Flat(global_mean_block(x));
        }
        let [batch, height, width, channels] = x.dims();
        let pixels = x.reshape([batch, height * width, channels]);
        Value::Flat(pixels.mean_dim(1).reshape([batch, channels]))
    }
}
