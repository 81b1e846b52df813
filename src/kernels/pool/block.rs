//! Max pooling and global average pooling as Burn backend extensions: [`pass`](super::pass) on Flex, with backward
//! passes of their own.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::pass;
use super::pass::PoolShape;
use crate::device::flex::{Primitive, floats, tensor};
use crate::kernels::recorded::recorded;
use crate::kernels::scratch::zeros;

/// Backends that have the blocks.
#[backend_extension(Flex, Autodiff)]
pub trait PoolBlocks: Backend {
    /// 2 x 2 max pooling, after a ReLU where `relu`.
    fn max_pool_block(input: FloatTensor<Self>, relu: bool) -> FloatTensor<Self>;

    /// The mean over rows and columns.
    fn global_mean_block(input: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// 2 x 2 max pooling on the CPU, after a ReLU where `relu`.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, output `[batch, height / 2, width / 2, channels]`.
pub fn max_pool_block(input: Tensor<4>, relu: bool) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::max_pool_block(input.into_dispatch(), relu))
}

/// Global average pooling on the CPU.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, output `[batch, channels]`.
pub fn global_mean_block(input: Tensor<4>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::global_mean_block(input.into_dispatch()))
}

/// The sizes of a pooling of `input`, `[batch, height, width, channels]`.
pub fn pool_shape(input: &Primitive) -> PoolShape {
    let [batch, height, width, channels] = input.shape().dims();
    PoolShape {
        batch,
        height,
        width,
        channels,
    }
}

/// The sizes of what 2 x 2 pooling leaves: `[batch, height / 2, width / 2, channels]`.
pub fn pooled_sizes(shape: &PoolShape) -> [usize; 4] {
    let (rows, columns) = (shape.height / 2, shape.width / 2);
    [shape.batch, rows, columns, shape.channels]
}

fn run_max_pool(input: &Primitive, relu: bool) -> (Primitive, (PoolShape, Vec<u8>)) {
    let shape = pool_shape(input);
    let mut out = zeros(shape.pooled_len());
    let mut places = vec![0; out.len()];
    let input = input.to_contiguous();
    pass::max_pool(&shape, relu, floats(&input), &mut out, &mut places);
    (tensor(out, pooled_sizes(&shape)), (shape, places))
}

fn run_global_mean(input: &Primitive) -> (Primitive, PoolShape) {
    let shape = pool_shape(input);
    let out = pass::global_mean(&shape, floats(&input.to_contiguous()));
    (tensor(out, [shape.batch, shape.channels]), shape)
}

impl PoolBlocks for Flex {
    fn max_pool_block(input: FloatTensor<Self>, relu: bool) -> FloatTensor<Self> {
        run_max_pool(&input, relu).0
    }

    fn global_mean_block(input: FloatTensor<Self>) -> FloatTensor<Self> {
        run_global_mean(&input).0
    }
}

#[derive(Debug)]
struct MaxPoolBackward;

impl Backward<Flex, 1> for MaxPoolBackward {
    type State = (PoolShape, Vec<u8>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [input] = ops.parents;
        let (shape, places) = ops.state;
        let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        if let Some(node) = input {
            let sizes = [shape.batch, shape.height, shape.width, shape.channels];
            let out = pass::max_pool_grad(&shape, floats(&grad), &places);
            grads.register::<Flex>(node.id, tensor(out, sizes));
        }
    }
}

#[derive(Debug)]
struct GlobalMeanBackward;

impl Backward<Flex, 1> for GlobalMeanBackward {
    type State = PoolShape;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [input] = ops.parents;
        let shape = ops.state;
        let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        if let Some(node) = input {
            let sizes = [shape.batch, shape.height, shape.width, shape.channels];
            let out = pass::global_mean_grad(&shape, floats(&grad));
            grads.register::<Flex>(node.id, tensor(out, sizes));
        }
    }
}

impl<C: CheckpointStrategy> PoolBlocks for Autodiff<Flex, C> {
    fn max_pool_block(input: FloatTensor<Self>, relu: bool) -> FloatTensor<Self> {
        let (input, node) = input.into_parts();
        let (out, state) = run_max_pool(&input, relu);
        recorded::<C, _, _>(MaxPoolBackward, [node], |_| (out, state))
    }

    fn global_mean_block(input: FloatTensor<Self>) -> FloatTensor<Self> {
        let (input, node) = input.into_parts();
        let (out, shape) = run_global_mean(&input);
        recorded::<C, _, _>(GlobalMeanBackward, [node], |_| (out, shape))
    }
}
