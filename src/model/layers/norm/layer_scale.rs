//! Layer scale (Touvron and others, 2021, arXiv 2103.17239): a learned factor for each channel.

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::Deserialize;

use super::layer_norm::features;
use crate::data::{Shape, Value};
use crate::model::graph::{Forward, Layer, LayerReader, Mismatch, Planned, Scope};
use crate::model::init::{Fans, Init};
use crate::model::params::ParamSpec;

/// `gamma * x`, channel by channel; at the end of a deep net's residual blocks, which begin as almost nothing.
///
/// # Shapes
/// Input and output `[.., features]`; gamma `[features]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerScale {
    /// What gamma starts as.
    #[serde(default = "default_initial")]
    #[schemars(range(min = -1e30, max = 1e30))]
    initial: f64,
}

fn default_initial() -> f64 {
    1e-6
}

impl Layer for LayerScale {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        let fans = Fans {
            fan_in: 1,
            fan_out: 1,
        };
        let init = Init::Constant {
            value: self.initial,
        };
        let gamma = ParamSpec::new("gamma", &[features(input)?], init, fans);
        Ok(Planned::new(self.clone(), input)
            .params(vec![gamma])
            .multiply_adds(input.num_elements() as u64))
    }
}

fn scale<const D: usize>(x: Tensor<D>, scope: &Scope<'_>) -> Tensor<D> {
    let gamma: Tensor<1> = scope.weight("gamma");
    let mut shape = [1; D];
    shape[D - 1] = gamma.dims()[0];
    x * gamma.reshape(shape)
}

impl Forward for LayerScale {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        match input {
            Value::Image(x) => Value::Image(scale(x, scope)),
            Value::Sequence(x) => Value::Sequence(scale(x, scope)),
            Value::Flat(x) => Value::Flat(scale(x, scope)),
            Value::Tokens(x) => unreachable!("planned for numbers, got {x:?}"),
        }
    }
}
