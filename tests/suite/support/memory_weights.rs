//! A file of weights in memory.

use std::collections::BTreeMap;

use kiln::model::{SourceTensor, TensorSource};

/// Makes the values of the tensor of this name and shape.
pub type Values = fn(&str, &[usize]) -> Vec<f32>;

/// A file whose tensors are made when they are read.
pub struct MemoryWeights {
    /// Of each tensor, by name.
    pub shapes: BTreeMap<String, Vec<usize>>,
    /// Their values.
    pub values: Values,
}

impl TensorSource for MemoryWeights {
    fn tensors(&self) -> Vec<SourceTensor> {
        let tensors = self.shapes.iter().map(|(name, shape)| SourceTensor {
            name: name.clone(),
            shape: shape.clone(),
        });
        tensors.collect()
    }

    fn read(&self, name: &str) -> anyhow::Result<Vec<f32>> {
        Ok((self.values)(name, &self.shapes[name]))
    }
}
