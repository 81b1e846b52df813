//! Long short-term memory (Hochreiter and Schmidhuber, 1997), with a forget gate (Gers and others, 2000).
//!
//! Of each step t, with the output `h` and the cell `c` of the step before (0 before the first):
//!
//! ```text
//! z = x[t] W + h U + b            [batch, 4 units], cut into zi | zf | zg | zo
//! i = sigmoid(zi)                 how much of the candidate enters the cell
//! f = sigmoid(zf)                 how much of the cell is kept
//! g = tanh(zg)                    the candidate
//! o = sigmoid(zo)                 how much of the cell is shown
//! c' = f c + i g                  sums, no product with a matrix: gradients pass through many steps
//! h' = o tanh(c')
//! ```
//!
//! Layout: the columns of W `[features, 4 units]` and U `[units, 4 units]` and the values of b are those of the gates i,
//! f, g, o, one gate after the other: Keras's order, which is also PyTorch's (there as rows). On the CPU one kernel runs
//! all steps, forward and backward (`kernels::lstm`); elsewhere the same formulas run as plain operations, and autodiff
//! goes back through them.

use std::sync::Arc;

use burn::tensor::Tensor;
use burn::tensor::activation::{sigmoid, tanh};
use schemars::JsonSchema;
use serde::Deserialize;

use super::recurrent::{RecurrentOptions, fans, gate_mask, masked, order, step};
use crate::data::{Shape, Value, size_product};
use crate::kernels::lstm::Masks;
use crate::kernels::{LstmOptions, lstm_block};
use crate::model::graph::{
    Forward, Layer, LayerReader, Mismatch, Operation, Planned, Scope, Working, cost, into_sequence,
    sequence_dims,
};
use crate::model::init::Init;
use crate::model::layers::dropout::masks;
use crate::model::params::ParamSpec;
use crate::model::penalty::Penalty;

/// Reads a sequence step by step; each step's output depends on all before it.
///
/// Keras's `LSTM`: gates in the order input, forget, candidate, output; `dropout` drops inputs and
/// `recurrent_dropout` the output of the step before, with one mask a gate that holds for all steps (Gal and
/// Ghahramani, 2016). PyTorch's has a second bias (`recurrent_bias`) and no recurrent dropout.
///
/// # Shapes
/// Input `[batch, length, features]`; output `[batch, units]`, or `[batch, length, units]` with
/// `return_sequences`. Weight `[features, 4 units]`, recurrent weight `[units, 4 units]`, bias `[4 units]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Lstm {
    #[serde(flatten)]
    recurrent: RecurrentOptions,
    /// How the bias starts.
    #[serde(default = "forget_one")]
    #[schemars(extend("x-style" = {"keras": "forget_one", "torch": "torch_uniform"}))]
    bias_init: Init,
    /// Adds a second bias, for the state, to the first: PyTorch's form. The sum learns twice as fast.
    #[serde(default)]
    #[schemars(extend("x-style" = {"keras": false, "torch": true}))]
    recurrent_bias: bool,
    #[serde(flatten)]
    penalty: Penalty,
}

fn forget_one() -> Init {
    Init::ForgetOne
}

impl Lstm {
    /// `[4 units]`: the bias, or the sum of both.
    fn bias(&self, scope: &Scope<'_>) -> Tensor<1> {
        let bias = scope.weight("bias");
        match scope.param::<1>("recurrent_bias") {
            Some(other) => bias + other,
            None => bias,
        }
    }

    /// All steps by plain operations, `[batch, length, units]` in the order of the input.
    fn plain(&self, x: Tensor<3>, scope: &Scope<'_>, dropped: &Masks) -> Tensor<3> {
        let [batch, steps, features] = x.dims();
        let (units, device) = (self.recurrent.units, x.device());
        let weight: Tensor<2> = scope.weight("weight");
        let recurrent: Tensor<2> = scope.weight("recurrent_weight");
        let bias = self.bias(scope).unsqueeze_dim::<2>(0);
        let mask = |masks: &[f32], width: usize| -> Vec<Option<Tensor<2>>> {
            let gates = 0..4;
            gates
                .map(|gate| gate_mask(masks, 4, width, gate, &device))
                .collect()
        };
        let (input_masks, state_masks) = (
            mask(&dropped.input, features),
            mask(&dropped.recurrent, units),
        );
        // One product where nothing is dropped, else one a gate: each gate sees the inputs through a mask of its own
        // (Gal and Ghahramani, 2016), so that the four no longer share their left operand.
        let project = |x: Tensor<2>, matrix: &Tensor<2>, masks: &[Option<Tensor<2>>]| {
            if masks[0].is_none() {
                return x.matmul(matrix.clone());
            }
            let gates = masks.iter().enumerate().map(|(gate, mask)| {
                let part = matrix.clone().narrow(1, gate * units, units);
                masked(x.clone(), mask.as_ref()).matmul(part)
            });
            Tensor::cat(gates.collect(), 1)
        };
        // Before the first step both are 0: what they would be multiplied with is left out.
        let mut hidden: Option<Tensor<2>> = None;
        let mut cell: Option<Tensor<2>> = None;
        let mut outputs: Vec<Option<Tensor<2>>> = vec![None; steps];
        for index in order(steps, self.recurrent.go_backwards) {
            let mut z = project(step(&x, index), &weight, &input_masks) + bias.clone();
            if let Some(hidden) = hidden {
                z = z + project(hidden, &recurrent, &state_masks);
            }
            let gate = |gate: usize| z.clone().narrow(1, gate * units, units);
            let (i, f) = (sigmoid(gate(0)), sigmoid(gate(1)));
            let (g, o) = (tanh(gate(2)), sigmoid(gate(3)));
            let kept = cell.map(|cell| f * cell);
            let next = match kept {
                Some(kept) => kept + i * g,
                None => i * g,
            };
            let output = o * tanh(next.clone());
            cell = Some(next);
            outputs[index] = Some(output.clone());
            hidden = Some(output);
        }
        let rows = outputs.into_iter().flatten();
        let rows = rows.map(|row| row.reshape([batch, 1, units]));
        Tensor::cat(rows.collect(), 1)
    }
}

impl Layer for Lstm {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        let (length, features) = sequence_dims(input)?;
        let units = self.recurrent.units;
        let fans = |init, inputs| fans(init, inputs, units, 4);
        let gates = size_product(&[4, units]);
        let (shape, recurrent) = ([features, gates], [units, gates]);
        let mut params = vec![
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
            ParamSpec::new(
                "bias",
                &[gates],
                self.bias_init,
                fans(self.bias_init, units),
            ),
        ];
        if self.recurrent_bias {
            let fans = fans(self.bias_init, units);
            let bias = ParamSpec::new("recurrent_bias", &[gates], self.bias_init, fans);
            params.push(bias);
        }
        // Of each step the gates, the state and what they are made of.
        let working = Working {
            per_sample: cost(&[length, units, 6]),
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
        Some(Box::new(Lstm {
            recurrent: self.recurrent.reversed(),
            ..self.clone()
        }))
    }
}

impl Forward for Lstm {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let x = into_sequence(input);
        let [_, steps, features] = x.dims();
        let training = scope.pass.training.as_ref();
        let dropped = Masks {
            input: masks(
                scope.name,
                "input",
                self.recurrent.dropout,
                training,
                4,
                features,
            ),
            recurrent: masks(
                scope.name,
                "recurrent",
                self.recurrent.recurrent_dropout,
                training,
                4,
                self.recurrent.units,
            ),
        };
        let outputs = if scope.kernel {
            let options = LstmOptions {
                masks: Arc::new(dropped),
                backwards: self.recurrent.go_backwards,
            };
            lstm_block(
                x,
                scope.weight("weight"),
                scope.weight("recurrent_weight"),
                self.bias(scope),
                options,
            )
        } else {
            self.plain(x, scope, &dropped)
        };
        if self.recurrent.return_sequences {
            return Value::Sequence(outputs);
        }
        let last = if self.recurrent.go_backwards {
            0
        } else {
            steps - 1
        };
        Value::Flat(step(&outputs, last))
    }

    fn operation(&self) -> Operation {
        Operation::Lstm
    }

    fn needs_f32(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::graph::{Pass, Training};
    use burn::tensor::{Device, TensorData};

    fn wave(count: usize, key: usize) -> Vec<f32> {
        let value = |i: usize| ((i * 37 + key * 101) % 97) as f32 / 97.0 - 0.5;
        (0..count).map(value).collect()
    }

    const BATCH: usize = 11;
    const FEATURES: usize = 3;
    const UNITS: usize = 5;

    fn lstm(dropout: f64, go_backwards: bool) -> Lstm {
        Lstm {
            recurrent: RecurrentOptions {
                units: UNITS,
                return_sequences: true,
                go_backwards,
                dropout,
                recurrent_dropout: dropout,
                weight_init: Init::GlorotUniform,
                recurrent_init: Init::Orthogonal,
            },
            bias_init: forget_one(),
            recurrent_bias: false,
            penalty: Penalty::default(),
        }
    }

    /// The output for `steps` steps, and the gradients of input and parameters: of the kernel, or of plain operations.
    fn run(lstm: &Lstm, steps: usize, plain: bool) -> Vec<Vec<f32>> {
        let shape = Shape::Sequence {
            length: steps,
            features: FEATURES,
        };
        let plan = lstm.plan(shape, LayerReader::new(&[]));
        let specs = plan.expect("a sequence").params;
        let ids: Vec<u32> = (0..BATCH as u32).collect();
        let training = Training {
            seed: 1,
            epoch: 2,
            ids: &ids,
        };
        let pass = Pass {
            training: Some(training),
            ..Pass::default()
        };
        let device = Device::flex().autodiff();
        let numbered = specs.iter().enumerate();
        let tensors: Vec<Tensor<1>> = numbered
            .map(|(key, spec)| {
                let count = spec.num_elements();
                let data = TensorData::new(wave(count, key), [count]);
                Tensor::from_data(data, &device).require_grad()
            })
            .collect();
        let of_shape = |width: usize, key: usize| {
            let data = TensorData::new(wave(BATCH * steps * width, key), [BATCH, steps, width]);
            Tensor::<3>::from_data(data, &device)
        };
        let x = of_shape(FEATURES, 9).require_grad();
        let scope = Scope {
            name: "model.1",
            specs: &specs,
            tensors: &tensors,
            sinks: &[],
            skip_activation: false,
            kernel: true,
            then: Default::default(),
            pass: &pass,
        };
        let out = if plain {
            let mask = |what, width| {
                let rate = lstm.recurrent.dropout;
                masks("model.1", what, rate, Some(&training), 4, width)
            };
            let dropped = Masks {
                input: mask("input", FEATURES),
                recurrent: mask("recurrent", UNITS),
            };
            lstm.plain(x.clone(), &scope, &dropped)
        } else {
            into_sequence(lstm.forward(Value::Sequence(x.clone()), &scope))
        };
        let grads = (out.clone() * of_shape(UNITS, 4)).sum().backward();
        let mut all = vec![crate::model::host(out.inner())];
        all.push(crate::model::host(x.grad(&grads).expect("tracked")));
        for tensor in &tensors {
            // One step alone has no use for the recurrent weights.
            let none = || vec![0.0; tensor.dims()[0]];
            all.push(tensor.grad(&grads).map_or_else(none, crate::model::host));
        }
        all
    }

    #[test]
    fn the_kernel_does_what_plain_operations_do() {
        for (dropout, go_backwards, steps) in [
            (0.0, false, 4),
            (0.0, true, 4),
            (0.3, false, 4),
            (0.3, true, 1),
        ] {
            let lstm = lstm(dropout, go_backwards);
            let (found, expected) = (run(&lstm, steps, false), run(&lstm, steps, true));
            for (which, (found, expected)) in found.iter().zip(expected).enumerate() {
                for (found, expected) in found.iter().zip(&expected) {
                    assert!(
                        (found - expected).abs() < 2e-6,
                        "{which} ({dropout}, {go_backwards}): {found} {expected}"
                    );
                }
            }
        }
    }
}
