//! Activations: element by element, but for softmax.

use burn::tensor::{FloatDType, Tensor, activation};
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::{bare_names, by_name, other_names};
use crate::data::Value;

/// The activation after a layer's linear part: a name, or { leaky_relu = { slope = 0.2 } }.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", remote = "Self")]
#[schemars(transform = names)]
pub enum Activation {
    /// `x`
    Linear,
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
    /// `x` where positive, else `slope x`
    LeakyRelu {
        /// What negative values are multiplied by: 0.01, as in PyTorch.
        #[serde(default = "leaky_slope")]
        #[schemars(range(min = 0), extend("x-style" = {"keras": 0.2, "torch": 0.01}))]
        slope: f64,
    },
    /// `x` where positive, else `alpha (exp(x) - 1)`
    Elu {
        /// What the output goes to for negative values, with a minus: 1.
        #[serde(default = "elu_alpha")]
        #[schemars(range(min = 0))]
        alpha: f64,
    },
    /// The self-normalising ELU (Klambauer and others, 2017)
    Selu,
    /// `x` times the normal distribution's cumulative function
    Gelu,
    /// `x * sigmoid(x)`, also called swish
    #[serde(alias = "swish")]
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
    #[serde(alias = "hard_swish")]
    HardSilu,
    /// `exp(x) / sum(exp(x))` over the features
    Softmax,
}

fn names(schema: &mut Schema) {
    bare_names(schema);
    other_names(schema, &[("silu", "swish"), ("hard_silu", "hard_swish")]);
}

/// The slope of `leaky_relu`.
pub(super) fn leaky_slope() -> f64 {
    0.01
}
/// The alpha of `elu`.
pub(super) fn elu_alpha() -> f64 {
    1.0
}

impl Serialize for Activation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Activation::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Activation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        by_name(deserializer, Activation::deserialize)
    }
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
            Activation::Linear
            | Activation::Relu
            | Activation::Relu6
            | Activation::LeakyRelu { .. }
            | Activation::HardTanh => self.compute(x),
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
            Activation::Relu6 => x.clamp(0.0, 6.0),
            Activation::LeakyRelu { slope } => activation::leaky_relu(x, slope),
            Activation::Elu { alpha } => activation::elu(x, alpha),
            Activation::Selu => activation::selu(x),
            Activation::Gelu => activation::gelu(x),
            Activation::Silu => activation::silu(x),
            Activation::Softplus => activation::softplus(x, 1.0),
            Activation::Softsign => x.clone() / (x.abs() + 1.0),
            Activation::Mish => activation::mish(x),
            Activation::Tanh => activation::tanh(x),
            Activation::Sigmoid => activation::sigmoid(x),
            Activation::HardTanh => x.clamp(-1.0, 1.0),
            Activation::HardSigmoid => hard_sigmoid(x),
            Activation::HardSilu => x.clone() * hard_sigmoid(x),
            Activation::Softmax => activation::softmax(x, D - 1),
        }
    }

    /// Whether a larger input never gives a smaller output: then the activation of a maximum is
    /// the maximum of the activations.
    pub fn is_monotone(self) -> bool {
        match self {
            Activation::Linear
            | Activation::Relu
            | Activation::Relu6
            | Activation::LeakyRelu { .. }
            | Activation::Elu { .. }
            | Activation::Selu
            | Activation::Softplus
            | Activation::Softsign
            | Activation::Tanh
            | Activation::Sigmoid
            | Activation::HardTanh
            | Activation::HardSigmoid => true,
            Activation::Gelu
            | Activation::Silu
            | Activation::Mish
            | Activation::HardSilu
            | Activation::Softmax => false,
        }
    }

    /// The name in the experiment.
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            Ok(serde_json::Value::Object(table)) => table.keys().cloned().collect(),
            _ => String::new(),
        }
    }
}

fn hard_sigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    (x + 3.0).clamp(0.0, 6.0) / 6.0
}
