//! Layer normalisation (Ba and others, 2016).

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::{Shape, Value};
use crate::model::graph::{Forward, Layer, LayerReader, Mismatch, Planned, Scope, Working, cost};
use crate::model::init::{Fans, Init};
use crate::model::params::ParamSpec;

/// Scales the features of each sample, step or pixel to mean 0 and variance 1; then `gamma * x + beta`.
///
/// # Shapes
/// Input and output `[.., features]`; gamma and beta `[features]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerNorm {
    /// Added to the variance (Keras's default; PyTorch's is 1e-5).
    #[serde(default = "default_epsilon")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[schemars(extend("x-style" = {"keras": 1e-3, "torch": 1e-5}))]
    epsilon: f64,
}

fn default_epsilon() -> f64 {
    1e-3
}

/// The number of values of the last dimension.
pub fn features(input: Shape) -> Result<usize, Mismatch> {
    match input {
        Shape::Image { channels, .. } => Ok(channels),
        Shape::Sequence { features, .. } | Shape::Flat { features } => Ok(features),
        Shape::Tokens { .. } => Err(Mismatch::new(format!("expects numbers, gets {input}"))
            .hint("put { embedding = { dim = 50 } } before it")),
    }
}

/// Gamma and beta.
pub fn scale_and_shift(features: usize) -> Vec<ParamSpec> {
    let fans = Fans {
        fan_in: 1,
        fan_out: 1,
    };
    vec![
        ParamSpec::new("gamma", &[features], Init::Ones, fans),
        ParamSpec::new("beta", &[features], Init::Zeros, fans),
    ]
}

/// Mean 0 and variance 1 along a dimension.
pub fn standardise<const D: usize>(x: Tensor<D>, dim: usize, epsilon: f64) -> Tensor<D> {
    let centred = x.clone() - x.mean_dim(dim);
    let variance = (centred.clone() * centred.clone()).mean_dim(dim);
    centred / (variance + epsilon).sqrt()
}

impl LayerNorm {
    fn apply<const D: usize>(&self, x: Tensor<D>, scope: &Scope<'_>) -> Tensor<D> {
        let last = |name: &str| -> Tensor<D> {
            let values: Tensor<1> = scope.weight(name);
            let mut shape = [1; D];
            shape[D - 1] = values.dims()[0];
            values.reshape(shape)
        };
        standardise(x, D - 1, self.epsilon) * last("gamma") + last("beta")
    }
}

impl Layer for LayerNorm {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        // Centred, squared, scaled.
        let working = Working {
            per_sample: cost(&[input.num_elements(), 4]),
            fixed: 0,
        };
        Ok(Planned::new(self.clone(), input)
            .params(scale_and_shift(features(input)?))
            .multiply_adds(input.num_elements() as u64)
            .working(working))
    }
}

impl Forward for LayerNorm {
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
