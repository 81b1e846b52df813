//! The depthwise convolution as a Burn backend extension: [`depthwise`](super) on Flex, with a backward pass of its own.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::shape::DepthwiseShape;
use crate::device::flex::{Primitive, floats, tensor};
use crate::kernels::depthwise;
use crate::kernels::pointwise::Pointwise;

/// What the block does beside the products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthwiseOptions {
    /// (begin, end) rows and columns of zeros around the image.
    pub padding: [(usize, usize); 2],
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// What follows; nothing where gradients are asked for.
    pub then: Pointwise,
}

/// Backends that have the block.
#[backend_extension(Flex, Autodiff)]
pub trait DepthwiseBlock: Backend {
    /// Convolution of each channel, bias, activation.
    fn depthwise_block(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: DepthwiseOptions,
    ) -> FloatTensor<Self>;
}

/// Convolution of each channel by itself, bias and activation, on the CPU.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, weight `[channels, 1, rows, columns]`, bias `[channels]`, output
/// `[batch, height', width', channels]`.
pub fn depthwise_block(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    options: DepthwiseOptions,
) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::depthwise_block(
        input.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        options,
    ))
}

/// What the backward pass needs.
#[derive(Clone, Debug)]
struct State {
    shape: DepthwiseShape,
    input: Primitive,
    weight: Primitive,
}

fn run(
    input: Primitive,
    weight: Primitive,
    bias: Primitive,
    options: DepthwiseOptions,
) -> (Primitive, State) {
    let [batch, height, width, channels] = input.shape().dims();
    let [_, _, rows, columns] = weight.shape().dims();
    let shape = DepthwiseShape {
        batch,
        size: [height, width],
        channels,
        kernel: [rows, columns],
        stride: options.stride,
        padding: options.padding,
    };
    let (input, weight) = (input.to_contiguous(), weight.to_contiguous());
    let bias = bias.to_contiguous();
    let out = depthwise::forward(
        &shape,
        floats(&input),
        floats(&weight),
        Some(floats(&bias)),
        options.then,
    );
    let [rows, columns] = shape.out_size();
    let state = State {
        shape,
        input,
        weight,
    };
    (tensor(out, [batch, rows, columns, channels]), state)
}

impl DepthwiseBlock for Flex {
    fn depthwise_block(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: DepthwiseOptions,
    ) -> FloatTensor<Self> {
        run(input, weight, bias, options).0
    }
}

#[derive(Debug)]
struct DepthwiseBackward;

impl Backward<Flex, 3> for DepthwiseBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [input, weight, bias] = ops.parents;
        let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        let State {
            shape,
            input: x,
            weight: w,
        } = ops.state;
        let [rows, columns] = shape.kernel;
        if weight.is_some() || bias.is_some() {
            let sums = depthwise::weight_grad(&shape, floats(&x), floats(&grad));
            if let Some(node) = weight {
                let sizes = [shape.channels, 1, rows, columns];
                grads.register::<Flex>(node.id, tensor(sums.weight, sizes));
            }
            if let Some(node) = bias {
                grads.register::<Flex>(node.id, tensor(sums.bias, [shape.channels]));
            }
        }
        if let Some(node) = input {
            let out = depthwise::input_grad(&shape, floats(&w), floats(&grad));
            let [height, width] = shape.size;
            let sizes = [shape.batch, height, width, shape.channels];
            grads.register::<Flex>(node.id, tensor(out, sizes));
        }
    }
}

impl<C: CheckpointStrategy> DepthwiseBlock for Autodiff<Flex, C> {
    fn depthwise_block(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: DepthwiseOptions,
    ) -> FloatTensor<Self> {
        let (input, input_node) = input.into_parts();
        let (weight, weight_node) = weight.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let nodes = [input_node, weight_node, bias_node];
        let (out, state) = run(input, weight, bias, options);
        match DepthwiseBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => {
                let plain = options.then == Pointwise::Linear;
                assert!(plain, "fusion fuses no activation in training");
                prepared.finish(state, out)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }
}
