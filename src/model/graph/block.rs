//! Blocks: neighbours that run as one operation on the CPU. Plain types; `fusion` makes them, `run` runs them.

use crate::kernels::{BlockOptions, DepthwiseOptions, Epilogue, NormThen, PoolWindow};
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
    /// A convolution of each channel by itself, and the same.
    Depthwise(DepthwiseOptions, Option<Folded>),
    /// A fully connected layer.
    Dense(Epilogue),
    /// 2 x 2 max pooling, after a ReLU where true.
    MaxPool(bool),
    /// Max pooling with other windows.
    WindowMax(PoolWindow),
    /// A batch normalisation with what follows it.
    Norm(NormThen),
    /// The layer's own kernel.
    Layer,
}

/// The batch normalisation that a convolution takes in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Folded {
    /// Layers of the block then.
    pub num_layers: usize,
    /// What follows the normalisation.
    pub then: NormThen,
    /// The normalisation's.
    pub epsilon: f64,
}
