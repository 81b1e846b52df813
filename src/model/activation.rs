//! Activations: element by element, but for softmax.

use burn::tensor::{FloatDType, Tensor, activation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::Value;

/// What follows a layer's linear part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x`
    Linear,
    /// `max(x, 0)`
    Relu,
    /// `x` where positive, else `0.01 x` (PyTorch's slope)
    LeakyRelu,
    /// `x` where positive, else `exp(x) - 1`
    Elu,
    /// The self-normalising ELU (Klambauer and others, 2017)
    Selu,
    /// `x` times the normal distribution's cumulative function
    Gelu,
    /// `x * sigmoid(x)`, also called swish
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

impl Activation {
    /// Applies the activation to every value (softmax: over the last dimension).
    pub fn forward(self, value: Value) -> Value {
        match value {
            Value::Image(x) => Value::Image(self.apply(x)),
            Value::Sequence(x) => Value::Sequence(self.apply(x)),
            Value::Flat(x) => Value::Flat(self.apply(x)),
            Value::Tokens(x) => Value::Tokens(x),
        }
    }

    /// In 32 bits, but for activations that any type has exactly: the exponential of 12 is beyond
    /// f16.
    fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Activation::Linear | Activation::Relu | Activation::LeakyRelu => self.compute(x),
            _ => {
                let dtype = x.dtype();
                self.compute(x.cast(FloatDType::F32)).cast(dtype)
            }
        }
    }

    fn compute<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Activation::Linear => x,
            Activation::Relu => activation::relu(x),
            Activation::LeakyRelu => activation::leaky_relu(x, 0.01),
            Activation::Elu => activation::elu(x, 1.0),
            Activation::Selu => activation::selu(x),
            Activation::Gelu => activation::gelu(x),
            Activation::Silu => activation::silu(x),
            Activation::Softplus => activation::softplus(x, 1.0),
            Activation::Tanh => activation::tanh(x),
            Activation::Sigmoid => activation::sigmoid(x),
            Activation::Softmax => activation::softmax(x, D - 1),
        }
    }

    /// Whether a larger input never gives a smaller output: then the activation of a maximum is
    /// the maximum of the activations.
    pub fn is_monotone(self) -> bool {
        match self {
            Activation::Linear
            | Activation::Relu
            | Activation::LeakyRelu
            | Activation::Elu
            | Activation::Selu
            | Activation::Softplus
            | Activation::Tanh
            | Activation::Sigmoid => true,
            Activation::Gelu | Activation::Silu | Activation::Softmax => false,
        }
    }

    /// The name in the experiment.
    pub fn name(self) -> String {
        serde_json::to_value(self)
            .ok()
            .and_then(|value| value.as_str().map(str::to_string))
            .unwrap_or_default()
    }
}
