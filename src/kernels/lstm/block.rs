//! Long short-term memory as a Burn backend extension: [`lstm`](crate::kernels::lstm) on Flex, with a backward
//! pass of its own.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::shape::{LstmShape, Masks, Trace, Weights};
use crate::device::flex::{Primitive, floats, tensor};
use crate::kernels::lstm;
use crate::kernels::recorded::recorded;

/// The options of a layer.
#[derive(Clone, Debug, Default)]
pub struct LstmOptions {
    /// Dropout masks of this batch.
    pub masks: Arc<Masks>,
    /// Whether time runs from the last step to the first.
    pub backwards: bool,
}

/// Backends that have the block.
#[backend_extension(Flex, Autodiff)]
pub trait LstmBlock: Backend {
    /// All time steps.
    fn lstm_block(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        recurrent: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: LstmOptions,
    ) -> FloatTensor<Self>;
}

/// The outputs of all time steps, on the CPU.
///
/// # Shapes
/// Input `[batch, steps, features]`, kernel `[features, 4 units]`, recurrent kernel `[units, 4 units]`, bias `[4
/// units]`, output `[batch, steps, units]`.
pub fn lstm_block(
    input: Tensor<3>,
    kernel: Tensor<2>,
    recurrent: Tensor<2>,
    bias: Tensor<1>,
    options: LstmOptions,
) -> Tensor<3> {
    Tensor::from_dispatch(Dispatch::lstm_block(
        input.into_dispatch(),
        kernel.into_dispatch(),
        recurrent.into_dispatch(),
        bias.into_dispatch(),
        options,
    ))
}

/// Saved for the backward pass.
#[derive(Clone, Debug)]
struct State {
    shape: LstmShape,
    options: LstmOptions,
    input: Primitive,
    weights: [Primitive; 3],
    trace: Arc<Trace>,
}

impl State {
    fn weights(&self) -> Weights<'_> {
        let [kernel, recurrent, bias] = &self.weights;
        Weights {
            kernel: floats(kernel),
            recurrent: floats(recurrent),
            bias: floats(bias),
        }
    }
}

fn run(input: Primitive, weights: [Primitive; 3], options: LstmOptions) -> (Primitive, State) {
    let [batch, steps, features] = input.shape().dims();
    let [units, _] = weights[1].shape().dims();
    let shape = LstmShape {
        batch,
        steps,
        features,
        units,
    };
    let [kernel, recurrent, bias] = weights;
    let mut state = State {
        shape,
        options,
        input: input.to_contiguous(),
        weights: [
            kernel.to_contiguous(),
            recurrent.to_contiguous(),
            bias.to_contiguous(),
        ],
        trace: Arc::default(),
    };
    let options = &state.options;
    let (out, trace) = lstm::forward(
        &shape,
        floats(&state.input),
        state.weights(),
        &options.masks,
        options.backwards,
    );
    state.trace = Arc::new(trace);
    (tensor(out, [batch, steps, units]), state)
}

impl LstmBlock for Flex {
    fn lstm_block(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        recurrent: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: LstmOptions,
    ) -> FloatTensor<Self> {
        run(input, [kernel, recurrent, bias], options).0
    }
}

#[derive(Debug)]
struct LstmBackward;

impl Backward<Flex, 4> for LstmBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [input, kernel, recurrent, bias] = ops.parents;
        let state = ops.state;
        let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        let found = lstm::backward(
            &state.shape,
            floats(&state.input),
            state.weights(),
            &state.options.masks,
            state.options.backwards,
            &state.trace,
            floats(&grad),
        );
        let LstmShape {
            batch,
            steps,
            features,
            units,
        } = state.shape;
        if let Some(node) = input {
            let grad = tensor(found.input, [batch, steps, features]);
            grads.register::<Flex>(node.id, grad);
        }
        if let Some(node) = kernel {
            grads.register::<Flex>(node.id, tensor(found.kernel, [features, 4 * units]));
        }
        if let Some(node) = recurrent {
            grads.register::<Flex>(node.id, tensor(found.recurrent, [units, 4 * units]));
        }
        if let Some(node) = bias {
            grads.register::<Flex>(node.id, tensor(found.bias, [4 * units]));
        }
    }
}

impl<C: CheckpointStrategy> LstmBlock for Autodiff<Flex, C> {
    fn lstm_block(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        recurrent: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: LstmOptions,
    ) -> FloatTensor<Self> {
        let (input, input_node) = input.into_parts();
        let (kernel, kernel_node) = kernel.into_parts();
        let (recurrent, recurrent_node) = recurrent.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let nodes = [input_node, kernel_node, recurrent_node, bias_node];
        let (out, state) = run(input, [kernel, recurrent, bias], options);
        recorded::<C, _, _>(LstmBackward, nodes, |_| (out, state))
    }
}
