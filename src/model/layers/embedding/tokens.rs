//! Embedding: a vector for each token.

use burn::tensor::module::embedding;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::{Shape, Value};
use crate::model::graph::{Forward, Layer, LayerReader, Mismatch, Planned, Scope};
use crate::model::init::{Fans, Init};
use crate::model::params::ParamSpec;
use crate::model::penalty::Penalty;

/// A trained vector for each token of the vocabulary, which the data says; token 0, which fills up short
/// texts, has one too.
///
/// # Shapes
/// Input `[batch, length]` (tokens), output `[batch, length, dim]`, weight `[vocabulary, dim]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Embedding {
    /// Values of a vector.
    #[schemars(range(min = 1))]
    dim: usize,
    /// How the vectors start; the default is Keras's, PyTorch's is { normal = { std = 1 } }.
    #[serde(default = "uniform")]
    #[schemars(extend("x-style" = {"keras": "uniform", "torch": {"normal": {"std": 1}}}))]
    weight_init: Init,
    #[serde(flatten)]
    penalty: Penalty,
}

fn uniform() -> Init {
    Init::Uniform {
        min: -0.05,
        max: 0.05,
    }
}

impl Embedding {
    /// Values of a vector.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The vectors, `[vocabulary, dim]`.
    pub fn weight(&self, vocabulary: usize) -> ParamSpec {
        let fans = Fans {
            fan_in: vocabulary,
            fan_out: self.dim,
        };
        let shape = [vocabulary, self.dim];
        ParamSpec::new("weight", &shape, self.weight_init, fans)
            .penalised(self.penalty, [1, 1, vocabulary, self.dim])
    }
}

impl Layer for Embedding {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        let Shape::Tokens { length, vocabulary } = input else {
            let message = format!("expects tokens, gets {input} values");
            return Err(Mismatch::new(message).hint("tokens come from data.kind = \"text\""));
        };
        Ok(Planned::new(
            self.clone(),
            Shape::Sequence {
                length,
                features: self.dim,
            },
        )
        .params(vec![self.weight(vocabulary)]))
    }
}

impl Forward for Embedding {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let Value::Tokens(tokens) = input else {
            unreachable!("planned for tokens, got {input:?}")
        };
        Value::Sequence(embedding(scope.weight("weight"), tokens))
    }
}
