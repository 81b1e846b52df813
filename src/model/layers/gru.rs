//! Gated recurrent unit (Cho and others, 2014).

use burn::tensor::Tensor;
use burn::tensor::activation::{sigmoid, tanh};
use schemars::JsonSchema;
use serde::Deserialize;

use super::recurrent::{fans, gate_mask, masked, masks, order, step};
use super::{
    Layer, LayerPlan, Mismatch, Scope, Working, cost, defaults, into_sequence, sequence_dims,
};
use crate::data::{Shape, Value, size_product};
use crate::model::init::Init;
use crate::model::params::ParamSpec;
use crate::model::penalty::Penalty;

/// Reads a sequence step by step, with one state less than an LSTM.
///
/// Keras's `GRU` with `reset_after = true` (its default, and PyTorch's form): gates in the order update, reset,
/// candidate, a bias for the inputs and one for the state. Dropout masks as in `lstm`.
///
/// # Shapes
/// Input `[batch, length, features]`; output `[batch, units]`, or `[batch, length, units]` with
/// `return_sequences`. Weight `[features, 3 units]`, recurrent weight `[units, 3 units]`, biases `[3 units]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Gru {
    /// Outputs a step.
    #[schemars(range(min = 1))]
    units: usize,
    /// Gives every step's output, not the last one's alone.
    #[serde(default)]
    return_sequences: bool,
    /// Reads the sequence from its end.
    #[serde(default)]
    go_backwards: bool,
    /// The share of the inputs that training sets to 0.
    #[serde(default)]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    dropout: f64,
    /// The share of the outputs that training does not pass on to the next step.
    #[serde(default)]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    recurrent_dropout: f64,
    /// How the weights of the inputs start.
    #[serde(default = "defaults::glorot")]
    weight_init: Init,
    /// How the recurrent weights start.
    #[serde(default = "defaults::orthogonal")]
    recurrent_init: Init,
    /// How the biases start.
    #[serde(default = "defaults::zeros")]
    bias_init: Init,
    #[serde(flatten)]
    penalty: Penalty,
}

impl Layer for Gru {
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        let (length, features) = sequence_dims(input)?;
        let units = self.units;
        let fans = |init, inputs| fans(init, inputs, units, 3);
        let gates = size_product(&[3, units]);
        let (shape, recurrent, bias) = ([features, gates], [units, gates], [gates]);
        let params = vec![
            ParamSpec::new(
                "weight",
                &shape,
                self.weight_init,
                fans(self.weight_init, features),
            )
            .penalised(self.penalty, [1, features, gates, 1]),
            ParamSpec::new(
                "recurrent_weight",
                &recurrent,
                self.recurrent_init,
                fans(self.recurrent_init, units),
            )
            .penalised(self.penalty, [1, units, gates, 1]),
            ParamSpec::new("bias", &bias, self.bias_init, fans(self.bias_init, units)),
            ParamSpec::new(
                "recurrent_bias",
                &bias,
                self.bias_init,
                fans(self.bias_init, units),
            ),
        ];
        Ok(LayerPlan {
            output: match self.return_sequences {
                true => Shape::Sequence {
                    length,
                    features: units,
                },
                false => Shape::Flat { features: units },
            },
            params,
            multiply_adds: cost(&[length, features.saturating_add(units), gates]),
        })
    }

    fn needs_f32(&self) -> bool {
        true
    }

    fn working(&self, input: Shape) -> Working {
        // Of each step the gates, the state and what they are made of.
        let steps = match input {
            Shape::Sequence { length, .. } => length,
            _ => 0,
        };
        Working {
            per_sample: cost(&[steps, self.units, 16]),
            fixed: 0,
        }
    }

    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let x = into_sequence(input);
        let [batch, steps, features] = x.dims();
        let (units, device) = (self.units, x.device());
        let training = scope.pass.training.as_ref();
        let (name, rates) = (scope.name, [self.dropout, self.recurrent_dropout]);
        let dropped = [
            masks(name, "input", rates[0], training, 3, features),
            masks(name, "recurrent", rates[1], training, 3, units),
        ];
        let matrices: [Tensor<2>; 2] = [scope.weight("weight"), scope.weight("recurrent_weight")];
        let biases: [Tensor<1>; 2] = [scope.weight("bias"), scope.weight("recurrent_bias")];
        let widths = [features, units];
        let gate_masks: Vec<Vec<Option<Tensor<2>>>> = (0..2)
            .map(|which| {
                let gates = 0..3;
                gates
                    .map(|gate| gate_mask(&dropped[which], 3, widths[which], gate, &device))
                    .collect()
            })
            .collect();
        // The three gates of one product, each with its mask.
        let project = |x: &Tensor<2>, which: usize| -> Tensor<2> {
            let bias = biases[which].clone().unsqueeze_dim::<2>(0);
            if gate_masks[which][0].is_none() {
                return x.clone().matmul(matrices[which].clone()) + bias;
            }
            let gates = gate_masks[which].iter().enumerate().map(|(gate, mask)| {
                let part = matrices[which].clone().narrow(1, gate * units, units);
                masked(x.clone(), mask.as_ref()).matmul(part)
            });
            Tensor::cat(gates.collect(), 1) + bias
        };
        let gate = |z: &Tensor<2>, gate: usize| z.clone().narrow(1, gate * units, units);
        let mut hidden = Tensor::<2>::zeros([batch, units], &device);
        let mut outputs: Vec<Option<Tensor<2>>> = vec![None; steps];
        for index in order(steps, self.go_backwards) {
            let inputs = project(&step(&x, index), 0);
            let states = project(&hidden, 1);
            let update = sigmoid(gate(&inputs, 0) + gate(&states, 0));
            let reset = sigmoid(gate(&inputs, 1) + gate(&states, 1));
            let candidate = tanh(gate(&inputs, 2) + reset * gate(&states, 2));
            hidden = candidate.clone() + update * (hidden - candidate);
            outputs[index] = Some(hidden.clone());
        }
        if !self.return_sequences {
            return Value::Flat(hidden);
        }
        let rows = outputs.into_iter().flatten();
        let rows = rows.map(|row| row.reshape([batch, 1, units]));
        Value::Sequence(Tensor::cat(rows.collect(), 1))
    }
}
