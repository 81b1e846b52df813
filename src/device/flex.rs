//! Burn's Flex tensors as plain slices.

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Shape, TensorData};

/// A tensor on the CPU.
pub type Primitive = FloatTensor<Flex>;

/// The values of a tensor that a block has made contiguous.
pub fn floats(tensor: &Primitive) -> &[f32] {
    tensor
        .as_slice::<f32>()
        .expect("the blocks make their tensors contiguous 32-bit floats")
}

/// A tensor of these values.
pub fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> Primitive {
    Primitive::from_data(TensorData::new(values, shape))
}
