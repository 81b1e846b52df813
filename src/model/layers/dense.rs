//! Fully connected layer: `y = x W + b`.

use burn::tensor::module::linear;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Layer, LayerPlan, Mismatch, Role, Scope};
use crate::data::{Shape, Value};
use crate::model::activation::Activation;
use crate::model::init::{Fans, Init};
use crate::model::params::ParamSpec;

/// Fully connected: every output is a weighted sum of every input.
///
/// # Shapes
/// Input `[batch, features]`, output `[batch, units]`, weight `[features, units]`, bias `[units]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// Outputs.
    #[schemars(range(min = 1))]
    units: usize,
    /// Adds a number per unit.
    #[serde(default = "yes")]
    bias: bool,
    /// What follows.
    #[serde(default = "linear_activation")]
    activation: Activation,
    /// How the weights start.
    #[serde(default = "glorot")]
    weight_init: Init,
    /// How the bias starts.
    #[serde(default = "zeros")]
    bias_init: Init,
    /// Inputs; inferred, and checked where given.
    #[schemars(range(min = 1))]
    in_features: Option<usize>,
}

fn yes() -> bool {
    true
}
fn linear_activation() -> Activation {
    Activation::Linear
}
fn glorot() -> Init {
    Init::GlorotUniform
}
fn zeros() -> Init {
    Init::Zeros
}

impl Layer for Dense {
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        let Shape::Flat { features } = input else {
            return Err(
                Mismatch::new(format!("expects a row of values, gets {input}"))
                    .hint("put { flatten = {} } or { global_avg_pool = {} } before it"),
            );
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
        let weight = ParamSpec::new("weight", &[features, self.units], self.weight_init, fans);
        let mut params = vec![weight];
        if self.bias {
            params.push(ParamSpec::new("bias", &[self.units], self.bias_init, fans));
        }
        Ok(LayerPlan {
            output: Shape::Flat {
                features: self.units,
            },
            params,
            multiply_adds: (features * self.units) as u64,
        })
    }

    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let Value::Flat(x) = input else {
            unreachable!("planned for a row of values, got {input:?}")
        };
        let y = linear(x, scope.weight("weight"), scope.param("bias"));
        scope.activate(self.activation, Value::Flat(y))
    }

    fn role(&self) -> Role {
        Role::Dense(self.activation)
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }
}
