//! The fully connected layer with its activation as a Burn backend extension: [`dense`](crate::kernels::dense)
//! on Flex, with a backward pass of its own.

use std::sync::{Arc, Mutex};

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;
use rayon::prelude::*;

use super::shape::DenseShape;
use crate::config::Precision;
use crate::device::flex::{Primitive, floats, tensor};
use crate::kernels::dense;
use crate::kernels::recorded::recorded;
use crate::kernels::update::Factors;

/// An activation whose derivative follows from its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Epilogue {
    /// `x`
    #[default]
    Linear,
    /// `max(x, 0)`
    Relu,
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// Hyperbolic tangent
    Tanh,
}

impl Epilogue {
    fn apply(self, values: &mut [f32]) {
        if self == Epilogue::Linear {
            return;
        }
        values.par_chunks_mut(CHUNK).for_each(|values| {
            values.iter_mut().for_each(|y| *y = self.value(*y));
        });
    }

    fn value(self, x: f32) -> f32 {
        match self {
            Epilogue::Linear => x,
            // Asked this way round, so that what is not a number stays visible.
            Epilogue::Relu if x <= 0.0 => 0.0,
            Epilogue::Relu => x,
            Epilogue::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Epilogue::Tanh => x.tanh(),
        }
    }

    /// The gradient before the activation, from that after it and the value `y`.
    fn gradient(self, grad: f32, y: f32) -> f32 {
        match self {
            Epilogue::Linear => grad,
            Epilogue::Relu => {
                if y == 0.0 {
                    0.0
                } else {
                    grad
                }
            }
            Epilogue::Sigmoid => grad * y * (1.0 - y),
            Epilogue::Tanh => grad * (1.0 - y * y),
        }
    }
}

/// Values of one piece of work on activations.
const CHUNK: usize = 1 << 13;

/// Takes the gradient of a layer's weights as factors, in place of a tensor: see [`Factors`].
#[derive(Clone, Debug, Default)]
pub struct Sink(Arc<Mutex<Option<Factors>>>);

impl Sink {
    /// What the backward pass left, once.
    pub fn take(&self) -> Option<Factors> {
        self.0.lock().ok()?.take()
    }

    fn put(&self, factors: Factors) {
        if let Ok(mut place) = self.0.lock() {
            *place = Some(factors);
        }
    }
}

/// The operations of a layer after the matrix product.
#[derive(Clone, Debug, Default)]
pub struct DenseOptions {
    /// The activation.
    pub epilogue: Epilogue,
    /// Takes the gradient of the weights, which then need not be tracked; without it, the gradient
    /// is registered as a tensor.
    pub sink: Option<Sink>,
    /// Of the products of the input's gradient; the others are bound by memory, not by arithmetic.
    pub precision: Precision,
}

/// Backends that have the block.
#[backend_extension(Flex, Autodiff)]
pub trait DenseBlock: Backend {
    /// Product, bias, activation.
    fn dense_block(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: DenseOptions,
    ) -> FloatTensor<Self>;
}

/// `activation(x W + b)`, on the CPU.
///
/// # Shapes
/// Input `[batch, features]`, weight `[features, units]`, bias `[units]`, output `[batch, units]`.
pub fn dense_block(
    input: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    options: DenseOptions,
) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::dense_block(
        input.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        options,
    ))
}

/// Saved for the backward pass.
#[derive(Clone, Debug)]
struct State {
    shape: DenseShape,
    options: DenseOptions,
    input: Primitive,
    weight: Primitive,
    output: Primitive,
}

fn run(input: Primitive, weight: Primitive, bias: Primitive, options: DenseOptions) -> State {
    let [batch, features] = input.shape().dims();
    let [_, units] = weight.shape().dims();
    let shape = DenseShape {
        batch,
        features,
        units,
    };
    let (input, weight) = (input.to_contiguous(), weight.to_contiguous());
    let bias = bias.to_contiguous();
    let mut out = vec![0.0; batch * units];
    dense::forward(
        &shape,
        floats(&input),
        floats(&weight),
        Some(floats(&bias)),
        &mut out,
    );
    options.epilogue.apply(&mut out);
    State {
        shape,
        options,
        input,
        weight,
        output: tensor(out, [batch, units]),
    }
}

impl DenseBlock for Flex {
    fn dense_block(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: DenseOptions,
    ) -> FloatTensor<Self> {
        run(input, weight, bias, options).output
    }
}

#[derive(Debug)]
struct DenseBlockBackward;

impl Backward<Flex, 3> for DenseBlockBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [input, weight, bias] = ops.parents;
        let State {
            shape,
            options,
            input: x,
            weight: w,
            output: y,
        } = ops.state;
        let DenseShape {
            batch,
            features,
            units,
        } = shape;
        let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
        let pairs = floats(&grad).par_iter().zip(floats(&y));
        let grad: Vec<f32> = pairs
            .with_min_len(CHUNK)
            .map(|(&grad, &y)| options.epilogue.gradient(grad, y))
            .collect();
        if let Some(node) = bias {
            let mut sums = vec![0.0f32; units];
            for row in grad.chunks_exact(units) {
                for (sum, grad) in sums.iter_mut().zip(row) {
                    *sum += grad;
                }
            }
            grads.register::<Flex>(node.id, tensor(sums, [units]));
        }
        if let Some(node) = input {
            let mut out = vec![0.0; batch * features];
            dense::input_grad(&shape, floats(&w), &grad, &mut out, options.precision);
            grads.register::<Flex>(node.id, tensor(out, [batch, features]));
        }
        match (weight, options.sink) {
            // What is tracked must be given its gradient, whoever else would take it.
            (None, Some(sink)) => sink.put(Factors {
                inputs: x,
                outputs: tensor(grad, [batch, units]),
            }),
            (Some(node), _) => {
                let mut out = vec![0.0; features * units];
                dense::weight_grad(&shape, floats(&x), &grad, &mut out);
                grads.register::<Flex>(node.id, tensor(out, [features, units]));
            }
            (None, None) => {}
        }
    }
}

impl<C: CheckpointStrategy> DenseBlock for Autodiff<Flex, C> {
    fn dense_block(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: DenseOptions,
    ) -> FloatTensor<Self> {
        let (input, input_node) = input.into_parts();
        let (weight, weight_node) = weight.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let nodes = [input_node, weight_node, bias_node];
        let state = run(input, weight, bias, options);
        let output = state.output.clone();
        recorded::<C, _, _>(DenseBlockBackward, nodes, |_| (output, state))
    }
}
