//! Common parts of recurrent layers: options, dropout masks shared by all time steps, and the order of time.

use burn::tensor::{Device, Tensor, TensorData};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::size_product;
use crate::model::init::{Fans, Init};
use crate::model::layers::options;

/// The options of a recurrent layer, but for its biases and penalties.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub struct RecurrentOptions {
    /// Outputs a step.
    #[schemars(range(min = 1))]
    pub units: usize,
    /// Gives every step's output, not the last one's alone.
    #[serde(default)]
    pub return_sequences: bool,
    /// Reads the sequence from its end.
    #[serde(default)]
    pub go_backwards: bool,
    /// The share of the inputs that training sets to 0.
    #[serde(default)]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub dropout: f64,
    /// The share of the outputs that training does not pass on to the next step.
    #[serde(default)]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub recurrent_dropout: f64,
    /// How the weights of the inputs start.
    #[serde(default = "options::glorot")]
    #[schemars(extend("x-style" = {"keras": "glorot_uniform", "torch": "torch_uniform"}))]
    pub weight_init: Init,
    /// How the recurrent weights start.
    #[serde(default = "orthogonal")]
    #[schemars(extend("x-style" = {"keras": "orthogonal", "torch": "torch_uniform"}))]
    pub recurrent_init: Init,
}

fn orthogonal() -> Init {
    Init::Orthogonal
}

impl RecurrentOptions {
    /// The same with time turned round.
    pub fn reversed(self) -> RecurrentOptions {
        RecurrentOptions {
            go_backwards: !self.go_backwards,
            ..self
        }
    }
}

/// What initialisers count for the weights of `inputs`: PyTorch's rule draws all weights and biases of a recurrent
/// layer within `1 / sqrt(units)`.
pub fn fans(init: Init, inputs: usize, units: usize, gates: usize) -> Fans {
    Fans {
        fan_in: match init {
            Init::TorchUniform => units,
            _ => inputs,
        },
        fan_out: size_product(&[gates, units]),
    }
}

/// The mask of one gate for a batch, `[batch, width]`.
pub fn gate_mask(
    masks: &[f32],
    gates: usize,
    width: usize,
    gate: usize,
    device: &Device,
) -> Option<Tensor<2>> {
    if masks.is_empty() {
        return None;
    }
    let rows = masks.chunks_exact(gates * width);
    let batch = rows.len();
    let values: Vec<f32> = rows
        .flat_map(|row| row[gate * width..(gate + 1) * width].iter().copied())
        .collect();
    let data = TensorData::new(values, [batch, width]);
    Some(Tensor::from_data(data, device))
}

/// `x * mask`, where there is one.
pub fn masked(x: Tensor<2>, mask: Option<&Tensor<2>>) -> Tensor<2> {
    match mask {
        Some(mask) => x.clone() * mask.clone().cast(x.dtype()),
        None => x,
    }
}

/// The steps of `[batch, steps, features]` in the order in which they come.
pub fn order(steps: usize, backwards: bool) -> Vec<usize> {
    let forwards = 0..steps;
    if backwards {
        forwards.rev().collect()
    } else {
        forwards.collect()
    }
}

/// One step of a sequence, `[batch, features]`.
pub fn step(x: &Tensor<3>, index: usize) -> Tensor<2> {
    x.clone().narrow(1, index, 1).squeeze_dim(1)
}
