//! Activations as layers of their own: `{ relu = {} }`, or just `"relu"`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Layer, LayerPlan, Mismatch, Role, Scope};
use crate::data::{Shape, Value};
use crate::model::activation::Activation;

macro_rules! activation_layers {
    ($($(#[$about:meta])* $name:ident),* $(,)?) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {}

        impl Layer for $name {
            fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
                Ok(LayerPlan::free(input))
            }

            fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
                scope.activate(Activation::$name, input)
            }

            fn activation(&self) -> Option<Activation> {
                Some(Activation::$name)
            }

            fn role(&self) -> Role {
                Role::Pointwise(Activation::$name)
            }
        }
    )*};
}

activation_layers! {
    /// `max(x, 0)`
    Relu,
    /// `x` where positive, else `0.01 x`
    LeakyRelu,
    /// `x` where positive, else `exp(x) - 1`
    Elu,
    /// The self-normalising ELU
    Selu,
    /// `x` times the normal distribution's cumulative function
    Gelu,
    /// `x * sigmoid(x)`
    Silu,
    /// `ln(1 + exp(x))`
    Softplus,
    /// Hyperbolic tangent
    Tanh,
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// `exp(x) / sum(exp(x))` over the features
    Softmax,
}
