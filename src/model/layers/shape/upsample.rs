//! Larger images and longer sequences.

use burn::tensor::{Tensor, TensorData};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::{Shape, Value, size_product};
use crate::model::graph::{
    Forward, Layer, LayerReader, Mismatch, Pair, Planned, Scope, Working, cost,
};
use crate::model::layers::options;

/// Repeats pixels or steps, or interpolates between pixels. Keras's `UpSampling2D` and `UpSampling1D`.
///
/// # Shapes
/// Input `[batch, height, width, channels]` or `[batch, length, features]`, output that many times as high, wide
/// or long.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upsample {
    /// How many times as high and wide: one number, or [height, width].
    #[serde(default = "options::two")]
    size: Pair,
    /// The interpolation between pixels.
    #[serde(default)]
    mode: Mode,
}

/// The interpolation between pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// Each is repeated.
    #[default]
    Nearest,
    /// The values between them.
    Bilinear,
}

impl Layer for Upsample {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        let [high, wide] = self.size.get();
        match input {
            Shape::Image {
                height,
                width,
                channels,
            } => {
                let output = Shape::Image {
                    height: size_product(&[height, high]),
                    width: size_product(&[width, wide]),
                    channels,
                };
                let working = match self.mode {
                    Mode::Nearest => Working::default(),
                    // The image with as many rows as the output, and the matrices that interpolate.
                    Mode::Bilinear => Working {
                        per_sample: cost(&[high, height, width, channels]),
                        fixed: cost(&[high, height, height])
                            .saturating_add(cost(&[wide, width, width])),
                    },
                };
                Ok(Planned::new(self.clone(), output).working(working))
            }
            Shape::Sequence { length, features } if self.mode == Mode::Nearest => {
                let output = Shape::Sequence {
                    length: size_product(&[length, high]),
                    features,
                };
                Ok(Planned::new(self.clone(), output))
            }
            Shape::Sequence { .. } => {
                Err(Mismatch::of("mode", "is for images; steps are repeated"))
            }
            other => Err(Mismatch::new(format!(
                "expects an image or a sequence, gets {other} values"
            ))),
        }
    }
}

impl Forward for Upsample {
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
                let [batch, height, width, channels] = x.dims();
                let rows = x.reshape([batch, height, width * channels]);
                let rows = between(height, high, &rows).matmul(rows);
                let pixels = rows.reshape([batch * height * high, width, channels]);
                let pixels = between(width, wide, &pixels).matmul(pixels);
                Value::Image(pixels.reshape([batch, height * high, width * wide, channels]))
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

/// The matrix `[1, factor * size, size]` that interpolates along an axis, for values such as `like`: Burn's own
/// interpolation has no gradient on GPUs (burn-cubecl 0.22.1). Pixels are areas: the centre of the first of
/// `factor` new ones lies at `0.5 / factor - 0.5`.
fn between(size: usize, factor: usize, like: &Tensor<3>) -> Tensor<3> {
    let mut shares = vec![0.0f32; factor * size * size];
    for (index, row) in shares.chunks_exact_mut(size).enumerate() {
        let place = (index as f64 + 0.5) / factor as f64 - 0.5;
        let place = place.clamp(0.0, (size - 1) as f64);
        let first = place as usize;
        let share = (place - first as f64) as f32;
        row[first] += 1.0 - share;
        row[(first + 1).min(size - 1)] += share;
    }
    let data = TensorData::new(shares, [1, factor * size, size]);
    Tensor::<3>::from_data(data, &like.device()).cast(like.dtype())
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    /// PyTorch: `F.interpolate(torch.tensor([[[[0., 4.]]]]), scale_factor=(1, 2), mode="bilinear")`.
    #[test]
    fn values_lie_between_the_centres_of_pixels() {
        let like = Tensor::<3>::from_data([[[0.0], [4.0]]], &Device::flex());
        let found = between(2, 2, &like).matmul(like);
        let found: Vec<f32> = found.into_data().try_to_vec().expect("floats");
        assert_eq!(found, [0.0, 1.0, 3.0, 4.0]);
    }
}
