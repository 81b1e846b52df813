//! Pooling by attention: a weighted mean of the steps, with weights that the steps give themselves.

use burn::tensor::Tensor;
use burn::tensor::activation::{softmax, tanh};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::{Shape, Value};
use crate::model::graph::{
    Forward, Layer, LayerReader, Mismatch, Planned, Scope, Working, cost, into_sequence, product,
    sequence_dims,
};
use crate::model::init::{Fans, Init};
use crate::model::params::ParamSpec;
use crate::model::penalty::Penalty;

/// `sum a[t] x[t]` with `a = softmax(query . tanh(x W + b))` over the steps (Yang and others, 2016).
///
/// # Shapes
/// Input `[batch, length, features]`, output `[batch, features]`, weight `[features, units]`, bias and query
/// `[units]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct AttentionPool {
    /// Values by which steps are compared with the query; default: as many as features.
    #[schemars(range(min = 1))]
    units: Option<usize>,
    #[serde(flatten)]
    penalty: Penalty,
}

impl Layer for AttentionPool {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        let (length, features) = sequence_dims(input)?;
        let units = self.units.unwrap_or(features);
        let fans = |fan_out| Fans {
            fan_in: features,
            fan_out,
        };
        let glorot = Init::GlorotUniform;
        let params = vec![
            ParamSpec::new("weight", &[features, units], glorot, fans(units))
                .penalised(self.penalty, [1, features, units, 1]),
            ParamSpec::new("bias", &[units], Init::Zeros, fans(units)),
            ParamSpec::new("query", &[units], glorot, fans(1)),
        ];
        let working = Working {
            per_sample: cost(&[length, units.max(features), 4]),
            fixed: 0,
        };
        let products = cost(&[length, features.saturating_add(1), units]);
        let sum = cost(&[length, features]);
        Ok(Planned::new(self.clone(), Shape::Flat { features })
            .params(params)
            .multiply_adds(products.saturating_add(sum))
            .working(working))
    }
}

impl Forward for AttentionPool {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let x = into_sequence(input);
        let [batch, length, features] = x.dims();
        let weight: Tensor<2> = scope.weight("weight");
        let [_, units] = weight.dims();
        let bias = scope.weight::<1>("bias").reshape([1, units]);
        let query = scope.weight::<1>("query").reshape([units, 1]);
        let steps = x.clone().reshape([batch * length, features]);
        let scores = product(tanh(product(steps, weight) + bias), query);
        let shares = softmax(scores.reshape([batch, length]), 1);
        let weighted = x * shares.reshape([batch, length, 1]);
        Value::Flat(weighted.sum_dim(1).squeeze_dim(1))
    }

    fn needs_f32(&self) -> bool {
        true
    }
}
