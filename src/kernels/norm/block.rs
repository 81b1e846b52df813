//! Batch normalisation as a Burn backend extension: [`norm`](super) on Flex, with a backward pass of its own.

use std::sync::{Arc, Mutex};

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::affine::Affine;
use super::moments::Moments;
use crate::device::flex::{Primitive, floats, tensor};
use crate::kernels::norm;
use crate::kernels::pointwise::Pointwise;
use crate::kernels::pool::block::{pool_shape, pooled_sizes};
use crate::kernels::pool::pass::PoolShape;
use crate::kernels::recorded::recorded;

/// How a normalisation gets its moments.
#[derive(Clone, Debug)]
pub struct NormOptions {
    /// Added to the variance.
    pub epsilon: f32,
    /// Given moments (evaluation), or a place for the batch's own (training).
    pub moments: NormMoments,
    /// What follows in the same pass.
    pub then: NormThen,
}

/// What follows a normalisation in the same pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormThen {
    /// An activation.
    Pointwise(Pointwise),
    /// A ReLU and 2 x 2 max pooling, of images.
    ReluPool,
}

impl Default for NormThen {
    fn default() -> Self {
        NormThen::Pointwise(Pointwise::Linear)
    }
}

impl NormThen {
    /// The activation.
    pub fn activation(self) -> Pointwise {
        match self {
            NormThen::Pointwise(activation) => activation,
            NormThen::ReluPool => Pointwise::Relu,
        }
    }
}

/// Moments given or found.
#[derive(Clone, Debug)]
pub enum NormMoments {
    /// Running averages.
    Given(Arc<Moments>),
    /// The batch's, left here.
    Found(Arc<Mutex<Moments>>),
}

/// Backends that have the block.
#[backend_extension(Flex, Autodiff)]
pub trait NormBlock: Backend {
    /// Batch normalisation over the last dimension, and what follows.
    fn batch_norm_block(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        options: NormOptions,
    ) -> FloatTensor<Self>;
}

/// Batch normalisation on the CPU.
///
/// # Shapes
/// Input and output `[.., channels]`, gamma and beta `[channels]`; with pooling input `[batch, height, width,
/// channels]`, output `[batch, height / 2, width / 2, channels]`.
pub fn batch_norm_block<const D: usize>(
    input: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    options: NormOptions,
) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::batch_norm_block(
        input.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        options,
    ))
}

/// What the backward pass of a normalisation needs.
#[derive(Clone, Debug)]
struct NormState {
    input: Primitive,
    gamma: Primitive,
    beta: Primitive,
    moments: Arc<Moments>,
    /// Whether the moments are the batch's, so that the gradient passes through them.
    own: bool,
    epsilon: f32,
    then: Pointwise,
    /// Where a pooling follows.
    pooled: Option<PoolShape>,
}

impl NormState {
    fn affine(&self) -> Affine<'_> {
        let (gamma, beta) = (floats(&self.gamma), floats(&self.beta));
        Affine::new(&self.moments, gamma, beta, self.epsilon)
    }
}

fn run_norm(
    input: Primitive,
    gamma: Primitive,
    beta: Primitive,
    options: NormOptions,
) -> (Primitive, NormState) {
    let (input, gamma) = (input.to_contiguous(), gamma.to_contiguous());
    let (moments, own) = match options.moments {
        NormMoments::Given(moments) => (moments, false),
        NormMoments::Found(place) => {
            let moments = norm::moments(floats(&input), floats(&gamma).len());
            if let Ok(mut place) = place.lock() {
                *place = moments.clone();
            }
            (Arc::new(moments), true)
        }
    };
    let pooled = (options.then == NormThen::ReluPool).then(|| pool_shape(&input));
    let state = NormState {
        input,
        gamma,
        beta: beta.to_contiguous(),
        moments,
        own,
        epsilon: options.epsilon,
        then: options.then.activation(),
        pooled,
    };
    let (affine, values) = (state.affine(), floats(&state.input));
    let out = match &state.pooled {
        Some(shape) => {
            let out = norm::normalise_and_pool(values, shape, &affine);
            tensor(out, pooled_sizes(shape))
        }
        None => {
            let out = norm::normalise(values, &affine, state.then);
            tensor(out, state.input.shape())
        }
    };
    drop(affine);
    (out, state)
}

impl NormBlock for Flex {
    fn batch_norm_block(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        options: NormOptions,
    ) -> FloatTensor<Self> {
        run_norm(input, gamma, beta, options).0
    }
}

#[derive(Debug)]
struct NormBackward;

impl Backward<Flex, 3> for NormBackward {
    type State = NormState;

    fn backward(self, ops: Ops<NormState, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [input, gamma, beta] = ops.parents;
        let state = ops.state;
        let mut grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        let (affine, x) = (state.affine(), floats(&state.input));
        let (grad, result) = match &state.pooled {
            Some(shape) => {
                let grad = floats(&grad);
                let (grad, sums) = norm::pooled_gradients(x, shape, &affine, grad, state.own);
                (tensor(grad, state.input.shape()), sums)
            }
            None => {
                let values = grad.storage_mut::<f32>();
                let sums = norm::gradients(x, &affine, state.then, values, state.own);
                (grad, sums)
            }
        };
        let channels = [result.gamma.len()];
        if let Some(node) = input {
            grads.register::<Flex>(node.id, grad);
        }
        if let Some(node) = gamma {
            grads.register::<Flex>(node.id, tensor(result.gamma, channels));
        }
        if let Some(node) = beta {
            grads.register::<Flex>(node.id, tensor(result.beta, channels));
        }
    }
}

impl<C: CheckpointStrategy> NormBlock for Autodiff<Flex, C> {
    fn batch_norm_block(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        options: NormOptions,
    ) -> FloatTensor<Self> {
        let (input, input_node) = input.into_parts();
        let (gamma, gamma_node) = gamma.into_parts();
        let (beta, beta_node) = beta.into_parts();
        let (out, state) = run_norm(input, gamma, beta, options);
        recorded::<C, _, _>(NormBackward, [input_node, gamma_node, beta_node], |_| {
            (out, state)
        })
    }
}
