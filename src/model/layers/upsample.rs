//! Larger images and longer sequences.

use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use schemars::JsonSchema;
use serde::Deserialize;

use super::window::Pair;
use super::{Layer, LayerPlan, Mismatch, Scope, channels_first, channels_last};
use crate::data::{Shape, Value};

/// Repeats pixels or steps, or interpolates between pixels. Keras's `UpSampling2D` and `UpSampling1D`.
///
/// # Shapes
/// Input `[batch, height, width, channels]` or `[batch, length, features]`, output that many times as high, wide
/// or long.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upsample {
    /// How many times as high and wide: one number, or [height, width].
    #[serde(default = "two")]
    size: Pair,
    /// What lies between pixels.
    #[serde(default)]
    mode: Mode,
}

/// What lies between pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// Each is repeated.
    #[default]
    Nearest,
    /// The values between them.
    Bilinear,
}

fn two() -> Pair {
    Pair::Both(2)
}

impl Layer for Upsample {
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        let [high, wide] = self.size.get();
        match input {
            Shape::Image {
                height,
                width,
                channels,
            } => Ok(LayerPlan::free(Shape::Image {
                height: height * high,
                width: width * wide,
                channels,
            })),
            Shape::Sequence { length, features } if self.mode == Mode::Nearest => {
                Ok(LayerPlan::free(Shape::Sequence {
                    length: length * high,
                    features,
                }))
            }
            Shape::Sequence { .. } => {
                Err(Mismatch::of("mode", "is for images; steps are repeated"))
            }
            other => Err(Mismatch::new(format!(
                "expects an image or a sequence, gets {other} values"
            ))),
        }
    }

    fn forward(&self, input: Value, _: &Scope<'_>) -> Value {
        let [high, wide] = self.size.get();
        match (input, self.mode) {
            (Value::Image(x), Mode::Nearest) => {
                let [batch, height, width, channels] = x.dims();
                let rows = x.reshape([batch * height, 1, width, 1, channels]);
                let rows = rows.expand([batch * height, high, width, wide, channels]);
                Value::Image(rows.reshape([batch, height * high, width * wide, channels]))
            }
            (Value::Image(x), Mode::Bilinear) => {
                let [_, height, width, _] = x.dims();
                let options = InterpolateOptions::new(InterpolateMode::Bilinear)
                    .with_align_corners(false)
                    .with_output_size([height * high, width * wide]);
                Value::Image(channels_last(interpolate(channels_first(x), options)))
            }
            (Value::Sequence(x), _) => {
                let [batch, length, features] = x.dims();
                let steps = x.reshape([batch, length, 1, features]);
                let steps = steps.expand([batch, length, high, features]);
                Value::Sequence(steps.reshape([batch, length * high, features]))
            }
            (other, _) => unreachable!("planned for an image or a sequence, got {other:?}"),
        }
    }
}
