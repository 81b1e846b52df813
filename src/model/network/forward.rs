//! The forward pass of a net.

use burn::tensor::{FloatDType, Tensor};

use super::net::Network;
use crate::data::Value;
use crate::model::graph::{Params, Pass, PlannedLayer, run_block, through};
use crate::model::value::into_flat;

impl Network {
    /// Maps a batch to logits, `[batch, outputs]`, always of 32 bits. `tensors` are all parameters,
    /// in order.
    pub fn forward(&self, input: Value, tensors: &[Tensor<1>], pass: &Pass<'_>) -> Tensor<2> {
        let outputs = self.walk_from(pass.skipped, input, |index, value| {
            self.run_block(index, value, tensors, pass)
        });
        let mut rows = outputs
            .into_iter()
            .map(|output| into_flat(output).cast(FloatDType::F32));
        match (rows.next(), rows.next()) {
            (Some(only), None) => only,
            (first, second) => {
                let rows = first.into_iter().chain(second).chain(rows);
                Tensor::cat(rows.collect(), 1)
            }
        }
    }

    /// Passes a value through the net: `run` takes the index of a layer and its input, and returns how many layers it
    /// ran and their output. Returns the output of each head, or the one output.
    pub fn walk(
        &self,
        input: Value,
        run: impl FnMut(usize, Value) -> (usize, Value),
    ) -> Vec<Value> {
        self.walk_from(0, input, run)
    }

    /// The same from the layer `first` of the trunk on, whose input is given.
    pub fn walk_from(
        &self,
        first: usize,
        input: Value,
        mut run: impl FnMut(usize, Value) -> (usize, Value),
    ) -> Vec<Value> {
        let value = through(first..self.trunk().len(), input, &mut run);
        if self.heads.is_empty() {
            return vec![value];
        }
        let heads = self.heads.iter();
        heads
            .map(|head| through(head.layers.clone(), value.clone(), &mut run))
            .collect()
    }

    /// The layers before those of the heads.
    pub fn trunk(&self) -> &[PlannedLayer] {
        let heads = self.heads.first();
        &self.layers[..heads.map_or(self.layers.len(), |head| head.layers.start)]
    }

    /// Runs the layer at `index`, on the CPU with the others of its block. Returns how many have
    /// run. `tensors` are all parameters of the net.
    pub fn run_block(
        &self,
        index: usize,
        input: Value,
        tensors: &[Tensor<1>],
        pass: &Pass<'_>,
    ) -> (usize, Value) {
        let params = Params {
            tensors,
            sinks: pass.sinks,
        };
        let name = &self.layers[index].name;
        run_block(&self.layers, index, name, input, params, pass)
    }
}
