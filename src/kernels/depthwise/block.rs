//! The depthwise convolution as a Burn backend extension: [`depthwise`](super) on Flex, with a backward pass of its own.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::shape::DepthwiseShape;
use crate::device::flex::{Primitive, floats, tensor};
use crate::kernels::depthwise;
use crate::kernels::pointwise::Pointwise;
use crate::kernels::recorded::recorded;

/// What the block does beside the products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthwiseOptions {
    /// (begin, end) rows and columns of zeros around the image.
    pub padding: [(usize, usize); 2],
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// What follows.
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
    then: Pointwise,
    /// What the activation's gradient is computed from.
    kept: Option<Primitive>,
}

/// Runs the block; what the gradients need is kept where `keep`.
fn run(
    input: Primitive,
    weight: Primitive,
    bias: Primitive,
    options: DepthwiseOptions,
    keep: bool,
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
    // The gradient of a cut follows from its output, that of another activation from its input.
    let late = keep && !options.then.is_cut();
    let out = depthwise::forward(
        &shape,
        floats(&input),
        floats(&weight),
        Some(floats(&bias)),
        if late {
            Pointwise::Linear
        } else {
            options.then
        },
    );
    let [rows, columns] = shape.out_size();
    let sizes = [batch, rows, columns, channels];
    let before = tensor(out, sizes);
    let out = match late {
        true => tensor(options.then.apply(floats(&before)), sizes),
        false => before.clone(),
    };
    let keeps = keep && options.then != Pointwise::Linear;
    let state = State {
        shape,
        input,
        weight,
        then: options.then,
        kept: keeps.then_some(before),
    };
    (out, state)
}

impl DepthwiseBlock for Flex {
    fn depthwise_block(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: DepthwiseOptions,
    ) -> FloatTensor<Self> {
        run(input, weight, bias, options, false).0
    }
}

#[derive(Debug)]
struct DepthwiseBackward;

impl Backward<Flex, 3> for DepthwiseBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [input, weight, bias] = ops.parents;
        let mut grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        let State {
            shape,
            input: x,
            weight: w,
            then,
            kept,
        } = ops.state;
        if let Some(kept) = kept {
            then.go_back(floats(&kept), grad.storage_mut::<f32>());
        }
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
        recorded::<C, _, _>(DepthwiseBackward, nodes, |keep| {
            run(input, weight, bias, options, keep)
        })
    }
}
