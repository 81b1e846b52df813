//! Fully connected layer: `y = x W + b`.

use burn::tensor::module::linear;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::{Shape, Value};
use crate::model::activation::Activation;
use crate::model::graph::{
    Forward, Layer, LayerReader, Mismatch, Operation, Planned, Scope, cost, product,
};
use crate::model::init::Fans;
use crate::model::layers::options::{self, WeightOptions};
use crate::model::params::ParamSpec;
use crate::model::penalty::Penalty;

/// Fully connected: every output is a weighted sum of every input.
///
/// # Shapes
/// Input `[batch, features]`, output `[batch, units]`, weight `[features, units]`, bias `[units]`. Of a sequence,
/// `[batch, length, features]`, every step by itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Dense {
    /// Outputs.
    #[schemars(range(min = 1))]
    pub units: usize,
    /// Adds a number per unit.
    #[serde(default = "options::yes")]
    pub bias: bool,
    /// Its weights, and what follows them.
    #[serde(flatten)]
    pub weights: WeightOptions,
    /// Inputs; inferred, and checked where given.
    #[schemars(range(min = 1))]
    pub in_features: Option<usize>,
    /// Of its weights.
    #[serde(flatten)]
    pub penalty: Penalty,
}

impl Layer for Dense {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        let (steps, features) = match input {
            Shape::Flat { features } => (1, features),
            Shape::Sequence { length, features } => (length, features),
            Shape::Tokens { .. } => {
                return Err(Mismatch::new(format!("expects numbers, gets {input}"))
                    .hint("put { embedding = { dim = 50 } } before it"));
            }
            Shape::Image { .. } => {
                return Err(
                    Mismatch::new(format!("expects a row of values, gets {input}"))
                        .hint("put { flatten = {} } or { global_avg_pool = {} } before it"),
                );
            }
        };
        if let Some(stated) = self.in_features.filter(|&stated| stated != features) {
            return Err(Mismatch::of(
                "in_features",
                format!("is {stated}, but the layer before gives {features} values"),
            )
            .hint(format!("write in_features = {features}, or leave it out")));
        }
        let fans = Fans {
            fan_in: features,
            fan_out: self.units,
        };
        let weight = ParamSpec::new(
            "weight",
            &[features, self.units],
            self.weights.weight_init,
            fans,
        );
        let mut params = vec![weight.penalised(self.penalty, [1, features, self.units, 1])];
        if self.bias {
            params.push(ParamSpec::new(
                "bias",
                &[self.units],
                self.weights.bias_init,
                fans,
            ));
        }
        Ok(Planned::new(
            self.clone(),
            match input {
                Shape::Sequence { length, .. } => Shape::Sequence {
                    length,
                    features: self.units,
                },
                _ => Shape::Flat {
                    features: self.units,
                },
            },
        )
        .params(params)
        .multiply_adds(cost(&[steps, features, self.units])))
    }
}

impl Forward for Dense {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let (weight, bias) = (scope.weight("weight"), scope.param("bias"));
        let y = match input {
            Value::Flat(x) => Value::Flat(linear(x, weight, bias)),
            Value::Sequence(x) if self.units == 1 => {
                let [batch, length, features] = x.dims();
                let y = product(x.reshape([batch * length, features]), weight);
                let y = match bias {
                    Some(bias) => y + bias.unsqueeze_dim(0),
                    None => y,
                };
                Value::Sequence(y.reshape([batch, length, 1]))
            }
            Value::Sequence(x) => Value::Sequence(linear(x, weight, bias)),
            other => unreachable!("planned for rows of values, got {other:?}"),
        };
        scope.activate(self.weights.activation, y)
    }

    fn operation(&self) -> Operation {
        Operation::Dense(self.weights.activation)
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.weights.activation)
    }
}
