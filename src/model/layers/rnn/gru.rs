//! Gated recurrent unit (Cho and others, 2014), in the form of cuDNN, Keras (`reset_after = true`) and PyTorch.
//!
//! Of each step t, with the output `h` of the step before (0 before the first):
//!
//! ```text
//! p = x[t] W + b                  [batch, 3 units], cut into pz | pr | pn
//! q = h U + b'                    [batch, 3 units], cut into qz | qr | qn
//! z = sigmoid(pz + qz)            update: how much of h is kept
//! r = sigmoid(pr + qr)            reset: how much of h the candidate sees
//! n = tanh(pn + r qn)             candidate; the paper resets h before the product with U, which takes one more product
//! h' = z h + (1 - z) n            computed as n + z (h - n): one product less
//! ```
//!
//! Layout: the columns of W `[features, 3 units]` and U `[units, 3 units]` and the values of both biases are those of the
//! gates z, r, n, one gate after the other, as in Keras; PyTorch has r first. Two biases are needed because r multiplies
//! one of them alone.

use burn::tensor::Tensor;
use burn::tensor::activation::{sigmoid, tanh};
use schemars::JsonSchema;
use serde::Deserialize;

use super::recurrent::{RecurrentOptions, fans, gate_mask, masked, order, step};
use crate::data::{Shape, Value, size_product};
use crate::model::graph::{
    Forward, Layer, LayerReader, Mismatch, Planned, Scope, Working, cost, into_sequence,
    sequence_dims,
};
use crate::model::init::Init;
use crate::model::layers::dropout::masks;
use crate::model::layers::options;
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
    #[serde(flatten)]
    recurrent: RecurrentOptions,
    /// How the biases start.
    #[serde(default = "options::zeros")]
    #[schemars(extend("x-style" = {"keras": "zeros", "torch": "torch_uniform"}))]
    bias_init: Init,
    #[serde(flatten)]
    penalty: Penalty,
}

impl Layer for Gru {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        let (length, features) = sequence_dims(input)?;
        let units = self.recurrent.units;
        let fans = |init, inputs| fans(init, inputs, units, 3);
        let gates = size_product(&[3, units]);
        let (shape, recurrent, bias) = ([features, gates], [units, gates], [gates]);
        let params = vec![
            ParamSpec::new(
                "weight",
                &shape,
                self.recurrent.weight_init,
                fans(self.recurrent.weight_init, features),
            )
            .penalised(self.penalty, [1, features, gates, 1]),
            ParamSpec::new(
                "recurrent_weight",
                &recurrent,
                self.recurrent.recurrent_init,
                fans(self.recurrent.recurrent_init, units),
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
        // Of each step the gates, the state and what they are made of.
        let working = Working {
            per_sample: cost(&[length, units, 16]),
            fixed: 0,
        };
        let output = match self.recurrent.return_sequences {
            true => Shape::Sequence {
                length,
                features: units,
            },
            false => Shape::Flat { features: units },
        };
        let inputs = features.saturating_add(units);
        Ok(Planned::new(self.clone(), output)
            .params(params)
            .multiply_adds(cost(&[length, inputs, gates]))
            .working(working))
    }

    fn reversed(&self) -> Option<Box<dyn Layer>> {
        Some(Box::new(Gru {
            recurrent: self.recurrent.reversed(),
            ..self.clone()
        }))
    }
}

impl Forward for Gru {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let x = into_sequence(input);
        let [batch, steps, features] = x.dims();
        let (units, device) = (self.recurrent.units, x.device());
        let training = scope.pass.training.as_ref();
        let (name, rates) = (
            scope.name,
            [self.recurrent.dropout, self.recurrent.recurrent_dropout],
        );
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
        for index in order(steps, self.recurrent.go_backwards) {
            let inputs = project(&step(&x, index), 0);
            let states = project(&hidden, 1);
            let update = sigmoid(gate(&inputs, 0) + gate(&states, 0));
            let reset = sigmoid(gate(&inputs, 1) + gate(&states, 1));
            let candidate = tanh(gate(&inputs, 2) + reset * gate(&states, 2));
            hidden = candidate.clone() + update * (hidden - candidate);
            outputs[index] = Some(hidden.clone());
        }
        if !self.recurrent.return_sequences {
            return Value::Flat(hidden);
        }
        let rows = outputs.into_iter().flatten();
        let rows = rows.map(|row| row.reshape([batch, 1, units]));
        Value::Sequence(Tensor::cat(rows.collect(), 1))
    }

    fn needs_f32(&self) -> bool {
        true
    }
}
