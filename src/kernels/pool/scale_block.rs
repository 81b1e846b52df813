//! The product of each channel of an image with a gate as a Burn backend extension: [`scale`](super::scale) on Flex,
//! with a backward pass of its own.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::block::pool_shape;
use super::scale::{gate_grad, scale};
use crate::device::flex::{Primitive, floats, tensor};
use crate::kernels::recorded::recorded;

/// Backends that have the block.
#[backend_extension(Flex, Autodiff)]
pub trait ScaleBlock: Backend {
    /// Each channel times its gate.
    fn scale_block(input: FloatTensor<Self>, gate: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// Each channel of each image times a number of its own, on the CPU.
///
/// # Shapes
/// Input and output `[batch, height, width, channels]`, gate `[batch, channels]`.
pub fn scale_block(input: Tensor<4>, gate: Tensor<2>) -> Tensor<4> {
    let (input, gate) = (input.into_dispatch(), gate.into_dispatch());
    Tensor::from_dispatch(Dispatch::scale_block(input, gate))
}

/// Input and gate.
type State = [Primitive; 2];

fn run(input: &Primitive, gate: &Primitive) -> (Primitive, State) {
    let (input, gate) = (input.to_contiguous(), gate.to_contiguous());
    let out = scale(&pool_shape(&input), floats(&input), floats(&gate));
    (tensor(out, input.shape()), [input, gate])
}

impl ScaleBlock for Flex {
    fn scale_block(input: FloatTensor<Self>, gate: FloatTensor<Self>) -> FloatTensor<Self> {
        run(&input, &gate).0
    }
}

#[derive(Debug)]
struct ScaleBackward;

impl Backward<Flex, 2> for ScaleBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [input_node, gate_node] = ops.parents;
        let [input, gate] = ops.state;
        let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        let shape = pool_shape(&input);
        if let Some(node) = gate_node {
            let sums = gate_grad(&shape, floats(&input), floats(&grad));
            grads.register::<Flex>(node.id, tensor(sums, gate.shape()));
        }
        if let Some(node) = input_node {
            let out = scale(&shape, floats(&grad), floats(&gate));
            grads.register::<Flex>(node.id, tensor(out, input.shape()));
        }
    }
}

impl<C: CheckpointStrategy> ScaleBlock for Autodiff<Flex, C> {
    fn scale_block(input: FloatTensor<Self>, gate: FloatTensor<Self>) -> FloatTensor<Self> {
        let (input, input_node) = input.into_parts();
        let (gate, gate_node) = gate.into_parts();
        let (out, state) = run(&input, &gate);
        recorded::<C, _, _>(ScaleBackward, [input_node, gate_node], |_| (out, state))
    }
}
