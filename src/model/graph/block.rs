//! Blocks: neighbours that run as one operation on the CPU. Plain types; `fusion` makes them, `run` runs them.

use crate::kernels::{BlockOptions, Epilogue, NormThen};
use crate::model::activation::Activation;

/// Layers that run as one operation on the CPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fused {
    /// Layers of the block.
    pub num_layers: usize,
    /// The kernel that runs it.
    pub block: Block,
    /// The fused operations after the kernel.
    pub then: Activation,
}

/// The kernel of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Block {
    /// A convolution; outside training with the batch normalisation behind it, if there is one.
    Conv(BlockOptions, Option<Folded>),
    /// A fully connected layer.
    Dense(Epilogue),
    /// 2 x 2 max pooling, after a ReLU where true.
    MaxPool(bool),
    /// A batch normalisation with what follows it.
    Norm(NormThen),
    /// The layer's own kernel.
    Layer,
}

/// A convolution that takes in the batch normalisation behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Folded {
    /// Layers of the block then.
    pub num_layers: usize,
    /// What is done then.
    pub options: BlockOptions,
    /// The normalisation's.
    pub epsilon: f64,
}
