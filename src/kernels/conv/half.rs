//! Convolution of 16-bit tensors as a Burn backend extension: forward pass and gradient of the
//! input in 16 bits, gradient of the weights in 32.
//!
//! Burn's direct convolution sums in the type of its operands (cubek-convolution 0.3.1, the
//! `sum` of `kernels/forward/direct.rs`). For a window of some hundred values that is as good as the
//! operands are. The gradient of a weight, however, is a sum over every pixel of the batch: in f16
//! a sum of ones ends at 2048. So it is computed from the same operands in 32 bits.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{FloatDType, Tensor};
#[cfg(feature = "gpu")]
use burn_wgpu::CubeBackend;

/// Backends that have the convolution.
#[backend_extension(Flex, Cube: cfg(feature = "gpu"), Autodiff)]
pub trait HalfConv: Backend {
    /// Convolution without bias.
    fn half_conv(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        options: ConvOptions<2>,
    ) -> FloatTensor<Self> {
        Self::conv2d(input, weight, None, options)
    }
}

/// Convolution of 16-bit tensors, without bias.
///
/// # Shapes
/// Burn's: input `[batch, channels, height, width]`, weight `[filters, channels / groups, rows,
/// columns]`, output `[batch, filters, height', width']`.
pub fn half_conv(input: Tensor<4>, weight: Tensor<4>, options: ConvOptions<2>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::half_conv(
        input.into_dispatch(),
        weight.into_dispatch(),
        options,
    ))
}

impl HalfConv for Flex {}

#[cfg(feature = "gpu")]
impl HalfConv for CubeBackend {}

#[derive(Debug)]
struct HalfConvBackward;

/// Saved for the backward pass.
#[derive(Clone, Debug)]
struct State<B: Backend> {
    input: FloatTensor<B>,
    weight: FloatTensor<B>,
    options: ConvOptions<2>,
}

impl<B: Backend> Backward<B, 2> for HalfConvBackward {
    type State = State<B>;

    fn backward(self, ops: Ops<State<B>, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [input_node, weight_node] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let State {
            input,
            weight,
            options,
        } = ops.state;
        if let Some(node) = weight_node {
            let half: FloatDType = weight.dtype().into();
            let whole = |tensor: &FloatTensor<B>| B::float_cast(tensor.clone(), FloatDType::F32);
            let (x, w, g) = (whole(&input), whole(&weight), whole(&grad));
            let sum = B::conv2d_weight_backward(x, w, g, options.clone());
            grads.register::<B>(node.id, B::float_cast(sum, half));
        }
        if let Some(node) = input_node {
            let out = B::conv2d_x_backward(input, weight, grad, options);
            grads.register::<B>(node.id, out);
        }
    }
}

impl<B: HalfConv, C: CheckpointStrategy> HalfConv for Autodiff<B, C> {
    fn half_conv(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        options: ConvOptions<2>,
    ) -> FloatTensor<Self> {
        let (input, input_node) = input.into_parts();
        let (weight, weight_node) = weight.into_parts();
        match HalfConvBackward
            .prepare::<C>([input_node, weight_node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => {
                let state = State::<B> {
                    input: input.clone(),
                    weight: weight.clone(),
                    options: options.clone(),
                };
                prepared.finish(state, B::half_conv(input, weight, options))
            }
            OpsKind::UnTracked(prepared) => prepared.finish(B::half_conv(input, weight, options)),
        }
    }
}
