//! Runs planned layers: each by itself, or on the CPU with the others of its block.

use std::ops::Range;

use burn::tensor::{FloatDType, Tensor};

use super::block::{Block, Folded};
use super::fusion;
use super::planned::PlannedLayer;
use super::scope::{Pass, Scope};
use crate::data::Value;
use crate::kernels::{
    BlockOptions, DenseOptions, DepthwiseOptions, NormThen, Sink, conv_block, dense_block,
    depthwise_block, max_pool_block, window_max_block,
};
use crate::model::compute::Compute;
use crate::model::value::cast;

/// The parameters that a forward pass is given, in the order of the plan.
#[derive(Clone, Copy)]
pub struct Params<'a> {
    /// Flat.
    pub tensors: &'a [Tensor<1>],
    /// Where the gradient of each goes as factors; may be empty.
    pub sinks: &'a [Option<Sink>],
}

/// Passes a value through the layers of a range; `run` takes the index of a layer and its input, and returns how many
/// layers it ran and their output.
pub fn through(
    layers: Range<usize>,
    mut value: Value,
    run: &mut dyn FnMut(usize, Value) -> (usize, Value),
) -> Value {
    let mut index = layers.start;
    while index < layers.end {
        let (count, output) = run(index, value);
        (value, index) = (output, index + count);
    }
    value
}

/// Runs the layer at `index` of `layers`, by the full name `name`; on the CPU with the others of its block. Returns how
/// many have run. `params` are those of all the layers, in order.
pub fn run_block(
    layers: &[PlannedLayer],
    index: usize,
    name: &str,
    input: Value,
    params: Params<'_>,
    pass: &Pass<'_>,
) -> (usize, Value) {
    let planned = &layers[index];
    let evaluating = pass.frozen();
    let own = match pass.evaluates(planned.tuning) {
        true => &evaluating,
        false => pass,
    };
    let scope = Scope {
        kernel: fusion::runs_own_kernel(planned, &input, pass.compute),
        ..scope(layers, index, name, params, own)
    };
    if let (Some(folded), Some(fused)) = (fusion::folded(&layers[index..], pass), planned.fused)
        && fusion::runs_blocks(&input, pass.compute)
        && let Value::Image(x) = input
    {
        let norm = self::scope(layers, index + 1, name, params, &evaluating);
        let y = run_folded(fused.block, folded, x, &scope, &norm);
        return (folded.num_layers, Value::Image(y));
    }
    let (input, half) = in_its_type(planned, input, scope.tensors, pass.compute);
    let scope = Scope {
        tensors: half.as_deref().unwrap_or(scope.tensors),
        ..scope
    };
    forward(planned, input, &scope)
}

/// What the layer at `index`, whose full name is `name`, sees. `params` are those of all layers.
fn scope<'a>(
    layers: &'a [PlannedLayer],
    index: usize,
    name: &'a str,
    params: Params<'a>,
    pass: &'a Pass<'a>,
) -> Scope<'a> {
    let planned = &layers[index];
    let before = layers[..index].iter();
    let at: usize = before.map(|layer| layer.params.len()).sum();
    let own = at..at + planned.params.len();
    Scope {
        name,
        specs: &planned.params,
        tensors: &params.tensors[own.clone()],
        sinks: params.sinks.get(own).unwrap_or_default(),
        skip_activation: planned.absorbed.is_some(),
        kernel: false,
        then: NormThen::default(),
        pass,
    }
}

/// Outside training a batch normalisation scales a convolution's outputs by constants: they go into weights and bias.
/// `gamma (W x + b - mean) / sqrt(variance + epsilon) + beta = W' x + b'` with `s = gamma / sqrt(variance + epsilon)`,
/// `W' = s W` (a factor for each filter) and `b' = s (b - mean) + beta`.
fn run_folded(
    block: Block,
    folded: Folded,
    x: Tensor<4>,
    conv: &Scope<'_>,
    norm: &Scope<'_>,
) -> Tensor<4> {
    let variance: Tensor<1> = norm.weight("running_variance");
    let scale = norm.weight::<1>("gamma") / (variance + folded.epsilon).sqrt();
    let mean: Tensor<1> = norm.weight("running_mean");
    let shift = match conv.param::<1>("bias") {
        Some(bias) => bias - mean,
        None => mean.neg(),
    };
    let bias = shift * scale.clone() + norm.weight("beta");
    let weight: Tensor<4> = conv.weight("weight");
    let filters = weight.dims()[0];
    let weight = weight * scale.reshape([filters, 1, 1, 1]);
    let then = folded.then.activation();
    match block {
        Block::Conv(options, _) => {
            let options = BlockOptions {
                then,
                pool: folded.then == NormThen::ReluPool,
                precision: conv.pass.compute.kernels(),
                ..options
            };
            conv_block(x, weight, bias, options)
        }
        Block::Depthwise(options, _) => {
            let y = depthwise_block(x, weight, bias, DepthwiseOptions { then, ..options });
            match folded.then {
                NormThen::ReluPool => max_pool_block(y, false),
                NormThen::Pointwise(_) => y,
            }
        }
        other => unreachable!("{other:?} takes in no normalisation"),
    }
}

/// The input and, where they are not the leaves themselves, the parameters in the type that the
/// layer computes in. The casts are part of the graph: gradients arrive in the leaves' 32 bits.
fn in_its_type(
    planned: &PlannedLayer,
    input: Value,
    leaves: &[Tensor<1>],
    compute: Compute,
) -> (Value, Option<Vec<Tensor<1>>>) {
    match compute.half() {
        None => (input, None),
        Some(_) if !planned.children().is_empty() => (input, None),
        Some(_) if planned.forward.needs_f32() => (cast(input, FloatDType::F32), None),
        Some(half) => {
            let params = leaves.iter().map(|leaf| leaf.clone().cast(half));
            (cast(input, half), Some(params.collect()))
        }
    }
}

/// Runs the layer, on the CPU with the others of its block. Returns how many have run.
fn forward(planned: &PlannedLayer, input: Value, scope: &Scope<'_>) -> (usize, Value) {
    let bias = |weight: &Tensor<1>, count: usize| {
        let none = || Tensor::zeros([count], &weight.device());
        scope.param("bias").unwrap_or_else(none)
    };
    let runs_blocks = fusion::runs_blocks(&input, scope.pass.compute);
    let Some(fused) = planned.fused.filter(|_| runs_blocks) else {
        return (1, planned.forward.forward(input, scope));
    };
    let precision = scope.pass.compute.kernels();
    let output = match (fused.block, input) {
        (Block::Conv(options, _), Value::Image(x)) => {
            let weight: Tensor<4> = scope.weight("weight");
            let bias = bias(&scope.tensors[0], weight.dims()[0]);
            let options = BlockOptions {
                precision,
                ..options
            };
            Value::Image(conv_block(x, weight, bias, options))
        }
        (Block::Depthwise(options, _), Value::Image(x)) => {
            let weight: Tensor<4> = scope.weight("weight");
            let bias = bias(&scope.tensors[0], weight.dims()[0]);
            Value::Image(depthwise_block(x, weight, bias, options))
        }
        (Block::Dense(epilogue), Value::Flat(x)) => {
            let weight: Tensor<2> = scope.weight("weight");
            let bias = bias(&scope.tensors[0], weight.dims()[1]);
            let options = DenseOptions {
                epilogue,
                sink: scope.sink("weight"),
                precision,
            };
            Value::Flat(dense_block(x, weight, bias, options))
        }
        (Block::MaxPool(relu), Value::Image(x)) => Value::Image(max_pool_block(x, relu)),
        (Block::WindowMax(window), Value::Image(x)) => Value::Image(window_max_block(x, window)),
        (Block::Norm(then), input) => planned.forward.forward(input, &Scope { then, ..*scope }),
        (_, input) => return (1, planned.forward.forward(input, scope)),
    };
    (fused.num_layers, fused.then.forward(output))
}
