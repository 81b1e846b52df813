//! An estimate of the memory of a pass, made before any is allocated.

use super::net::Network;
use crate::model::graph::PlannedLayer;
use crate::model::tuning::Frozen;

/// The use of a net: training or inference.
#[derive(Clone, Copy, Debug)]
pub struct MemoryUse {
    /// Samples of a batch.
    pub batch: usize,
    /// Tensors of a parameter's size that are kept: the parameter, its gradient, the optimizer's state, averages, copies.
    pub copies: u64,
    /// Whether activations are kept for a backward pass.
    pub training: bool,
    /// Whether layers run in blocks, which keep what they give and not what lies between their layers.
    pub fused: bool,
    /// Batches in host memory at a time.
    pub loaded: u64,
}

/// Estimated bytes of a pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Parameters, gradients, the optimizer's state, averages and copies of them.
    pub params: u64,
    /// Outputs of the layers, and what they keep beside them.
    pub activations: u64,
    /// Batches that are being loaded or wait.
    pub loading: u64,
    /// The layer that takes most, and its bytes; `None` if the net has no layer.
    pub most: Option<(usize, u64)>,
}

impl Memory {
    /// The sum; saturates.
    pub fn total(&self) -> u64 {
        let parts = [self.params, self.activations, self.loading];
        parts
            .iter()
            .fold(0, |sum: u64, part| sum.saturating_add(*part))
    }
}

/// Bytes of a value.
const VALUE: u64 = size_of::<f32>() as u64;

impl Network {
    /// Estimates the memory of a pass.
    pub fn memory(&self, of: &MemoryUse) -> Memory {
        let batch = of.batch as u64;
        let input = of_batch(self.input.num_elements() as u64, batch);
        let mut memory = Memory {
            loading: input.saturating_mul(of.loaded),
            ..Memory::default()
        };
        let (mut largest, mut before, mut index) = (input, input, 0);
        let (mut all_fixed, mut any_frozen) = (true, false);
        while let Some(first) = self.layers.get(index) {
            let count = first.fused.filter(|_| of.fused).map_or(1, |f| f.num_layers);
            let block = &self.layers[index..index + count];
            let output = block
                .last()
                .map_or(0, |layer| of_batch(of_output(layer), batch));
            // A frozen layer at the beginning keeps nothing for a backward pass.
            all_fixed &= block.iter().all(|layer| layer.is_fixed(u64::MAX));
            any_frozen |= block.iter().any(|layer| !layer.params.is_empty());
            let is_fixed = all_fixed && any_frozen;
            let working = block.iter().fold(0u64, |sum, layer| {
                if is_fixed {
                    return sum.max(of_batch(forward_peak(layer), batch));
                }
                let fixed = layer.working.fixed.saturating_mul(VALUE);
                let all = of_batch(layer.working.per_sample, batch).saturating_add(fixed);
                sum.saturating_add(all)
            });
            let held = output.saturating_add(working);
            // Forward a block has its input and its output at a time, backward the gradients of both.
            largest = largest.max(before.saturating_add(held));
            if of.training && !is_fixed {
                memory.activations = memory.activations.saturating_add(held);
            }
            for (offset, layer) in block.iter().enumerate() {
                let params = of_params(layer, of.copies).saturating_mul(VALUE);
                memory.params = memory.params.saturating_add(params);
                let all = params.saturating_add(if offset == 0 { held } else { 0 });
                if memory.most.is_none_or(|(_, most)| all > most) {
                    memory.most = Some((index + offset, all));
                }
            }
            (before, index) = (output, index + count);
        }
        memory.activations = memory.activations.saturating_add(largest);
        memory
    }
}

/// Bytes of so many values of each sample of a batch.
fn of_batch(values: u64, batch: u64) -> u64 {
    values.saturating_mul(VALUE).saturating_mul(batch)
}

/// Values of a sample that a forward pass holds at most at a time within a layer: what one of the layers within it takes and
/// gives, beside the layer's own input.
fn forward_peak(layer: &PlannedLayer) -> u64 {
    let children = layer.children().into_iter().map(|child| {
        let own = child
            .input
            .num_elements()
            .saturating_add(child.output.num_elements());
        (own as u64).saturating_add(forward_peak(child))
    });
    children.max().unwrap_or(0)
}

fn of_output(layer: &PlannedLayer) -> u64 {
    layer.output.num_elements() as u64
}

/// Values of a layer's parameters and of their copies; a frozen one has none.
fn of_params(layer: &PlannedLayer, copies: u64) -> u64 {
    let counts = layer.params.iter().map(|spec| {
        let copies = match spec.tuning.frozen {
            Frozen::Always => 1,
            Frozen::Never | Frozen::Before(_) => copies,
        };
        (spec.num_elements() as u64).saturating_mul(copies)
    });
    counts.fold(0, u64::saturating_add)
}
