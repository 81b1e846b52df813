//! The fused convolution block as a Burn backend extension: [`conv`](crate::kernels::conv) on Flex, with a
//! backward pass of its own.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::padding::window;
use super::shape::ConvShape;
use crate::config::Precision;
use crate::device::flex::{Primitive, floats, tensor};
use crate::kernels::conv;
use crate::kernels::pointwise::Pointwise;
use crate::kernels::recorded::recorded;

/// The operations of a block after the convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockOptions {
    /// (begin, end) rows and columns of zeros around the image.
    pub padding: [(usize, usize); 2],
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// What follows; before pooling a cut ([`Pointwise::is_cut`]).
    pub then: Pointwise,
    /// Whether 2 x 2 max pooling follows, after an activation that never falls.
    pub pool: bool,
    /// Of the forward pass's products.
    pub precision: Precision,
}

/// Backends that have the block.
#[backend_extension(Flex, Autodiff)]
pub trait ConvBlock: Backend {
    /// Convolution, bias, activation, pooling.
    fn conv_block(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: BlockOptions,
    ) -> FloatTensor<Self>;
}

/// Convolution, bias, activation and 2 x 2 max pooling, on the CPU.
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
    /// Where the block pools: the places of the maxima.
    places: Arc<Vec<u8>>,
    /// Where it does not: what the activation's gradient is computed from.
    kept: Option<Primitive>,
}

/// Runs the block; what the gradients need is kept where `keep`.
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
        stride: options.stride,
        pool: options.pool,
        then: options.then,
    };
    // The gradient of a cut follows from its output, that of another activation from its input.
    let late = keep && !options.then.is_cut();
    assert!(!late || !options.pool, "only cuts are pooled");
    let run = match late {
        true => shape.plain(),
        false => shape,
    };
    let (weight, bias) = (weight.to_contiguous(), bias.to_contiguous());
    let keeps_places = keep && options.pool;
    let mut places = vec![0; if keeps_places { shape.out_len() } else { 0 }];
    let out = conv::forward(
        &run,
        floats(&input),
        floats(&weight),
        floats(&bias),
        keeps_places.then_some(&mut places[..]),
        options.precision,
    );
    let [out_rows, out_columns] = shape.out_size();
    let sizes = [batch, out_rows, out_columns, filters];
    let before = tensor(out, sizes);
    let out = match late {
        true => tensor(options.then.apply(floats(&before)), sizes),
        false => before.clone(),
    };
    let keeps = keep && !options.pool && options.then != Pointwise::Linear;
    let state = State {
        shape,
        options,
        input,
        weight,
        places: Arc::new(places),
        kept: keeps.then_some(before),
    };
    (out, state)
}

/// Adds zeros around each image.
fn pad(input: &Primitive, padding: [(usize, usize); 2]) -> Primitive {
    if padding == [(0, 0); 2] {
        return input.clone();
    }
    let sizes @ [batch, height, width, channels] = input.shape().dims();
    let [(top, bottom), (left, right)] = padding;
    let size = [height + top + bottom, width + left + right];
    let padded = window(
        floats(input),
        sizes,
        [-(top as isize), -(left as isize)],
        size,
    );
    tensor(padded, [batch, size[0], size[1], channels])
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
        let mut grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        let state = ops.state;
        let shape = &state.shape;
        if let Some(kept) = &state.kept {
            state
                .options
                .then
                .go_back(floats(kept), grad.storage_mut::<f32>());
        }
        let (values, places) = (floats(&grad), &state.places[..]);
        if weight.is_some() || bias.is_some() {
            let input = floats(&state.input);
            let sums = conv::weight_grad(shape, input, values, places, bias.is_some());
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
            let padding = state.options.padding;
            let [(top, bottom), (left, right)] = padding;
            let out = conv::input_grad(shape, padding, floats(&state.weight), values, places);
            let size = [shape.height - top - bottom, shape.width - left - right];
            let sizes = [shape.batch, size[0], size[1], shape.channels];
            grads.register::<Flex>(node.id, tensor(out, sizes));
        }
    }
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
        recorded::<C, _, _>(ConvBlockBackward, nodes, |keep| {
            run(input, weight, bias, options, keep)
        })
    }
}
