//! Group normalisation (Wu and He, 2018); with as many groups as channels instance normalisation.

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::Deserialize;

use super::layer_norm::{features, scale_and_shift, standardise};
use crate::data::{Shape, Value};
use crate::model::graph::{Forward, Layer, LayerReader, Mismatch, Planned, Scope, Working, cost};

/// Scales each group of channels of a sample to mean 0 and variance 1, over all its pixels or steps; then
/// `gamma * x + beta`.
///
/// # Shapes
/// Input and output `[batch, .., channels]`; gamma and beta `[channels]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupNorm {
    /// Groups of channels; 32 is Keras's default.
    #[serde(default = "default_groups")]
    #[schemars(range(min = 1))]
    groups: usize,
    /// Added to the variance (Keras's default; PyTorch's is 1e-5).
    #[serde(default = "default_epsilon")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[schemars(extend("x-style" = {"keras": 1e-3, "torch": 1e-5}))]
    epsilon: f64,
}

fn default_groups() -> usize {
    32
}
fn default_epsilon() -> f64 {
    1e-3
}

impl GroupNorm {
    fn apply<const D: usize>(&self, x: Tensor<D>, scope: &Scope<'_>) -> Tensor<D> {
        let dims = x.dims();
        let (batch, channels) = (dims[0], dims[D - 1]);
        let places: usize = dims[1..D - 1].iter().product();
        let each = channels / self.groups;
        let grouped = x.reshape([batch, places, self.groups, each]);
        let grouped = grouped.permute([0, 2, 1, 3]);
        let rows = grouped.reshape([batch, self.groups, places * each]);
        let rows = standardise(rows, 2, self.epsilon);
        let rows = rows.reshape([batch, self.groups, places, each]);
        let x = rows
            .permute([0, 2, 1, 3])
            .reshape([batch, places, channels]);
        let last = |name: &str| scope.weight::<1>(name).reshape([1, 1, channels]);
        (x * last("gamma") + last("beta")).reshape(dims)
    }
}

impl Layer for GroupNorm {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        let channels = features(input)?;
        if !channels.is_multiple_of(self.groups) {
            let message = format!(
                "is {}, which must divide the {channels} channels",
                self.groups
            );
            return Err(Mismatch::of("groups", message));
        }
        // Centred, squared, scaled.
        let working = Working {
            per_sample: cost(&[input.num_elements(), 4]),
            fixed: 0,
        };
        Ok(Planned::new(self.clone(), input)
            .params(scale_and_shift(channels))
            .multiply_adds(input.num_elements() as u64)
            .working(working))
    }
}

impl Forward for GroupNorm {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        match input {
            Value::Image(x) => Value::Image(self.apply(x, scope)),
            Value::Sequence(x) => Value::Sequence(self.apply(x, scope)),
            Value::Flat(x) => Value::Flat(self.apply(x, scope)),
            Value::Tokens(x) => unreachable!("planned for numbers, got {x:?}"),
        }
    }

    fn needs_f32(&self) -> bool {
        true
    }
}
