//! Max pooling with windows of any size as a Burn backend extension: [`window`](super::window) on Flex, with a backward
//! pass of its own.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;

use super::block::pool_shape;
use super::pass::PoolShape;
use super::window::{PoolWindow, window_max, window_max_grad};
use crate::device::flex::{Primitive, floats, tensor};
use crate::kernels::recorded::recorded;

/// Backends that have the block.
#[backend_extension(Flex, Autodiff)]
pub trait WindowMaxBlock: Backend {
    /// The largest value of each window.
    fn window_max_block(input: FloatTensor<Self>, window: PoolWindow) -> FloatTensor<Self>;
}

/// Max pooling with windows of any size on the CPU.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, output `[batch, height', width', channels]`.
pub fn window_max_block(input: Tensor<4>, window: PoolWindow) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::window_max_block(input.into_dispatch(), window))
}

/// What the backward pass needs.
type State = (PoolShape, PoolWindow, Vec<u8>);

fn run(input: &Primitive, window: PoolWindow) -> (Primitive, State) {
    let shape = pool_shape(input);
    let input = input.to_contiguous();
    let (out, places) = window_max(&shape, &window, floats(&input));
    let [rows, columns] = window.out_size(&shape);
    let out = tensor(out, [shape.batch, rows, columns, shape.channels]);
    (out, (shape, window, places))
}

impl WindowMaxBlock for Flex {
    fn window_max_block(input: FloatTensor<Self>, window: PoolWindow) -> FloatTensor<Self> {
        run(&input, window).0
    }
}

#[derive(Debug)]
struct WindowMaxBackward;

impl Backward<Flex, 1> for WindowMaxBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [input] = ops.parents;
        let (shape, window, places) = ops.state;
        let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        if let Some(node) = input {
            let sizes = [shape.batch, shape.height, shape.width, shape.channels];
            let out = window_max_grad(&shape, &window, floats(&grad), &places);
            grads.register::<Flex>(node.id, tensor(out, sizes));
        }
    }
}

impl<C: CheckpointStrategy> WindowMaxBlock for Autodiff<Flex, C> {
    fn window_max_block(input: FloatTensor<Self>, window: PoolWindow) -> FloatTensor<Self> {
        let (input, node) = input.into_parts();
        let (out, state) = run(&input, window);
        recorded::<C, _, _>(WindowMaxBackward, [node], |_| (out, state))
    }
}
