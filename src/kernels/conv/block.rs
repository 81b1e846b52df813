//! The fused convolution block as a Burn backend extension: [`conv`](crate::kernels::conv) on Flex, with a
//! backward pass of its own.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::shape::ConvShape;
use crate::config::Precision;
use crate::device::flex::{Primitive, floats, tensor};
use crate::kernels::conv;
use crate::kernels::scratch::{in_pieces, zeros};

/// The operations of a block after the convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockOptions {
    /// (begin, end) rows and columns of zeros around the image.
    pub padding: [(usize, usize); 2],
    /// Whether a ReLU follows.
    pub relu: bool,
    /// Whether 2 x 2 max pooling follows, after the ReLU.
    pub pool: bool,
    /// Of the forward pass's products.
    pub precision: Precision,
}

/// Backends that have the block.
#[backend_extension(Flex, Autodiff)]
pub trait ConvBlock: Backend {
    /// Convolution, bias, ReLU, pooling.
    fn conv_block(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: BlockOptions,
    ) -> FloatTensor<Self>;
}

/// Convolution with stride 1, bias, ReLU and 2 x 2 max pooling, on the CPU.
///
/// # Shapes
/// Input `[batch, height, width, channels]`, weight `[filters, channels, rows, columns]`, bias
/// `[filters]`, output `[batch, height', width', filters]`.
pub fn conv_block(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    options: BlockOptions,
) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::conv_block(
        input.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        options,
    ))
}

/// Saved for the backward pass.
#[derive(Clone, Debug)]
struct State {
    shape: ConvShape,
    options: BlockOptions,
    input: Primitive,
    weight: Primitive,
    places: Arc<Vec<u8>>,
}

/// Runs the block; the places of the maxima are kept where `keep`.
fn run(
    input: Primitive,
    weight: Primitive,
    bias: Primitive,
    options: BlockOptions,
    keep: bool,
) -> (Primitive, State) {
    let [batch, height, width, channels] = input.shape().dims();
    let [filters, _, rows, columns] = weight.shape().dims();
    let input = pad(&input.to_contiguous(), options.padding);
    let [(top, bottom), (left, right)] = options.padding;
    let shape = ConvShape {
        batch,
        height: height + top + bottom,
        width: width + left + right,
        channels,
        filters,
        kernel: [rows, columns],
        pool: options.pool,
        relu: options.relu,
    };
    let (weight, bias) = (weight.to_contiguous(), bias.to_contiguous());
    let mut out = zeros(shape.out_len());
    let mut places = vec![0; if keep { shape.out_len() } else { 0 }];
    conv::forward(
        &shape,
        floats(&input),
        floats(&weight),
        floats(&bias),
        &mut out,
        keep.then_some(&mut places[..]),
        options.precision,
    );
    let [out_rows, out_columns] = shape.out_size();
    let state = State {
        shape,
        options,
        input,
        weight,
        places: Arc::new(places),
    };
    (tensor(out, [batch, out_rows, out_columns, filters]), state)
}

/// Adds zeros around each image.
fn pad(input: &Primitive, padding: [(usize, usize); 2]) -> Primitive {
    if padding == [(0, 0); 2] {
        return input.clone();
    }
    let [batch, height, width, channels] = input.shape().dims();
    let [(top, bottom), (left, right)] = padding;
    let (padded_height, padded_width) = (height + top + bottom, width + left + right);
    let values = floats(input);
    let row_len = padded_width * channels;
    let padded = in_pieces(batch * padded_height * row_len, row_len, |index, row| {
        let (image, y) = (index / padded_height, index % padded_height);
        if (top..top + height).contains(&y) {
            let from = (image * height + y - top) * width * channels;
            row[left * channels..][..width * channels]
                .copy_from_slice(&values[from..][..width * channels]);
        }
    });
    tensor(padded, [batch, padded_height, padded_width, channels])
}

/// Takes away what [`pad`] added.
fn crop(values: Vec<f32>, shape: &ConvShape, padding: [(usize, usize); 2]) -> Primitive {
    let [(top, bottom), (left, right)] = padding;
    let (height, width) = (shape.height - top - bottom, shape.width - left - right);
    let sizes = [shape.batch, height, width, shape.channels];
    if padding == [(0, 0); 2] {
        return tensor(values, sizes);
    }
    let row_len = width * shape.channels;
    let cropped = in_pieces(sizes.iter().product(), row_len, |index, row| {
        let (image, y) = (index / height, index % height);
        let from = ((image * shape.height + y + top) * shape.width + left) * shape.channels;
        row.copy_from_slice(&values[from..][..row_len]);
    });
    tensor(cropped, sizes)
}

impl ConvBlock for Flex {
    fn conv_block(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: BlockOptions,
    ) -> FloatTensor<Self> {
        run(input, weight, bias, options, false).0
    }
}

#[derive(Debug)]
struct ConvBlockBackward;

impl Backward<Flex, 3> for ConvBlockBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [input, weight, bias] = ops.parents;
        let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        let state = ops.state;
        let shape = &state.shape;
        let (values, places) = (floats(&grad), &state.places[..]);
        if weight.is_some() || bias.is_some() {
            let sums = conv::weight_grad(shape, floats(&state.input), values, places);
            if let Some(node) = weight {
                let [rows, columns] = shape.kernel;
                let sizes = [shape.filters, shape.channels, rows, columns];
                grads.register::<Flex>(node.id, tensor(sums.weight, sizes));
            }
            if let Some(node) = bias {
                grads.register::<Flex>(node.id, tensor(sums.bias, [shape.filters]));
            }
        }
        if let Some(node) = input {
            let grad = dense_input_grad(&state, &grad).unwrap_or_else(|| {
                let mut out = zeros(shape.input_len());
                conv::input_grad(shape, floats(&state.weight), values, places, &mut out);
                crop(out, shape, state.options.padding)
            });
            grads.register::<Flex>(node.id, grad);
        }
    }
}

/// The gradient of the input where no ReLU and no pooling leaves zeros in the gradient of the output: a
/// convolution of that with the kernels turned round, by the forward pass's kernels. `None` elsewhere, and where
/// the padding is wider than the kernel reaches.
fn dense_input_grad(state: &State, grad: &Primitive) -> Option<Primitive> {
    let shape = &state.shape;
    if shape.pool || shape.relu {
        return None;
    }
    let mut padding = [(0, 0); 2];
    for (axis, padding) in padding.iter_mut().enumerate() {
        let reach = shape.kernel[axis] - 1;
        let (begin, end) = state.options.padding[axis];
        *padding = (reach.checked_sub(begin)?, reach.checked_sub(end)?);
    }
    let padded = pad(grad, padding);
    let [batch, height, width, _] = padded.shape().dims();
    let turned = ConvShape {
        batch,
        height,
        width,
        channels: shape.filters,
        filters: shape.channels,
        ..*shape
    };
    let mut out = zeros(turned.out_len());
    conv::forward(
        &turned,
        floats(&padded),
        &turn_round(floats(&state.weight), shape),
        &vec![0.0; shape.channels],
        &mut out,
        None,
        Precision::F32,
    );
    let [rows, columns] = turned.out_size();
    Some(tensor(out, [batch, rows, columns, shape.channels]))
}

/// `[filters, channels, rows, columns]` to `[channels, filters, rows, columns]`, the last two from their ends.
fn turn_round(weight: &[f32], shape: &ConvShape) -> Vec<f32> {
    let size = shape.kernel[0] * shape.kernel[1];
    let mut turned = vec![0.0; weight.len()];
    for (index, kernel) in weight.chunks_exact(size).enumerate() {
        let (filter, channel) = (index / shape.channels, index % shape.channels);
        let to = &mut turned[(channel * shape.filters + filter) * size..][..size];
        for (to, from) in to.iter_mut().zip(kernel.iter().rev()) {
            *to = *from;
        }
    }
    turned
}

impl<C: CheckpointStrategy> ConvBlock for Autodiff<Flex, C> {
    fn conv_block(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: BlockOptions,
    ) -> FloatTensor<Self> {
        let (input, input_node) = input.into_parts();
        let (weight, weight_node) = weight.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let nodes = [input_node, weight_node, bias_node];
        match ConvBlockBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => {
                let (out, state) = run(input, weight, bias, options, true);
                prepared.finish(state, out)
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(run(input, weight, bias, options, false).0)
            }
        }
    }
}
