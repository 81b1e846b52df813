//! Activations as layers of their own: `{ relu = {} }`, or just `"relu"`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::{Shape, Value};
use crate::model::activation::{Activation, elu_alpha, leaky_slope};
use crate::model::graph::{
    Forward, Layer, LayerReader, Mismatch, Operation, Planned, Scope, check_numbers,
};

macro_rules! activation_layers {
    ($($(#[$about:meta])* $name:ident $({ $($(#[$meta:meta])* $option:ident),* })?),* $(,)?) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {$($($(#[$meta])* $option: f64),*)?}

        impl Layer for $name {
            fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
                check_numbers(input)?;
                Ok(Planned::new(self.clone(), input))
            }
        }

        impl Forward for $name {
            fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
                scope.activate(Activation::$name $({ $($option: self.$option),* })?, input)
            }

            fn activation(&self) -> Option<Activation> {
                Some(Activation::$name $({ $($option: self.$option),* })?)
            }

            fn operation(&self) -> Operation {
                Operation::Activation(Activation::$name $({ $($option: self.$option),* })?)
            }
        }
    )*};
}

activation_layers! {
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
    /// `x` where positive, else `slope x`
    LeakyRelu {
        /// The slope for negative values.
        #[serde(default = "leaky_slope")]
        #[schemars(range(min = 0), extend("x-style" = {"keras": 0.3, "torch": 0.01}))]
        slope
    },
    /// `x` where positive, else `alpha (exp(x) - 1)`
    Elu {
        /// What the output goes to for negative values, with a minus.
        #[serde(default = "elu_alpha")]
        #[schemars(range(min = 0))]
        alpha
    },
    /// The self-normalising ELU
    Selu,
    /// `x` times the normal distribution's cumulative function
    Gelu,
    /// `x * sigmoid(x)`
    Silu,
    /// `ln(1 + exp(x))`
    Softplus,
    /// `x / (1 + |x|)`
    Softsign,
    /// `x * tanh(softplus(x))` (Misra, 2019)
    Mish,
    /// Hyperbolic tangent
    Tanh,
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// `min(max(x, -1), 1)`
    HardTanh,
    /// `min(max(x + 3, 0), 6) / 6`
    HardSigmoid,
    /// `x * hard_sigmoid(x)`, also called hard swish
    HardSilu,
    /// `exp(x) / sum(exp(x))` over the features
    Softmax,
}
