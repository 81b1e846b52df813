//! A gradient on its way to an update.

use burn::backend::TensorMetadata;
use burn::tensor::Tensor;

use crate::device::flex::Primitive;
use crate::kernels::dense::DenseShape;

/// A gradient on its way to an update.
#[derive(Clone, Debug)]
pub enum Gradient {
    /// `[elements]`; boxed, as both are large
    Whole(Box<Tensor<1>>),
    /// Of the weights of a fully connected layer: `inputs' outputs`.
    Factors(Box<Factors>),
}

/// The factors of a gradient, on the CPU.
#[derive(Clone, Debug)]
pub struct Factors {
    /// `[batch, features]`
    pub inputs: Primitive,
    /// `[batch, units]`: the gradient of the layer's output.
    pub outputs: Primitive,
}

impl Factors {
    /// The sizes of the layer whose weights the gradient is of.
    pub fn shape(&self) -> DenseShape {
        let [batch, features] = self.inputs.shape().dims();
        let [_, units] = self.outputs.shape().dims();
        DenseShape {
            batch,
            features,
            units,
        }
    }
}
