//! What recurrent layers share: masks of dropout that hold for all time steps, and the order of time.

use burn::tensor::{Device, Tensor, TensorData};

use super::Training;
use crate::data::{Purpose, Rng, hash_text, size_product};
use crate::model::init::{Fans, Init};

/// What initialisers count for the weights of `inputs`: PyTorch's rule draws all weights and biases of a recurrent
/// layer within `1 / sqrt(units)`.
pub(super) fn fans(init: Init, inputs: usize, units: usize, gates: usize) -> Fans {
    Fans {
        fan_in: match init {
            Init::TorchUniform => units,
            _ => inputs,
        },
        fan_out: size_product(&[gates, units]),
    }
}

/// Masks of each sample of a batch, `[batch, gates, width]`: 0 for the share `rate`, else `1 / (1 -
/// rate)`; empty where nothing is dropped. They are a function of (seed, layer, what is dropped, epoch,
/// sample).
pub(super) fn masks(
    layer: &str,
    what: &str,
    rate: f64,
    training: Option<&Training<'_>>,
    gates: usize,
    width: usize,
) -> Vec<f32> {
    let Some(training) = training.filter(|_| rate > 0.0) else {
        return Vec::new();
    };
    let keep = (1.0 / (1.0 - rate)) as f32;
    let layer = hash_text(&format!("{layer}.{what}"));
    let mut masks = Vec::with_capacity(training.ids.len() * gates * width);
    for &id in training.ids {
        let address = [layer, training.epoch, u64::from(id)];
        let mut rng = Rng::new(training.seed, Purpose::Dropout, &address);
        let values = 0..gates * width;
        masks.extend(values.map(|_| if rng.uniform() < rate { 0.0 } else { keep }));
    }
    masks
}

/// The mask of one gate for a batch, `[batch, width]`.
pub(super) fn gate_mask(
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
pub(super) fn masked(x: Tensor<2>, mask: Option<&Tensor<2>>) -> Tensor<2> {
    match mask {
        Some(mask) => x.clone() * mask.clone().cast(x.dtype()),
        None => x,
    }
}

/// The steps of `[batch, steps, features]` in the order in which they come.
pub(super) fn order(steps: usize, backwards: bool) -> Vec<usize> {
    let forwards = 0..steps;
    if backwards {
        forwards.rev().collect()
    } else {
        forwards.collect()
    }
}

/// One step of a sequence, `[batch, features]`.
pub(super) fn step(x: &Tensor<3>, index: usize) -> Tensor<2> {
    x.clone().narrow(1, index, 1).squeeze_dim(1)
}
