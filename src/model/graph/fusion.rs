//! Which layers run by kernels of the CPU, alone or with their neighbours: the one place where it is decided. Layers
//! only state what they compute ([`Operation`]); `run` does what is decided here.
//!
//! Blocks are found when a chain is planned, from the layers alone ([`fuse`]). Whether they run is decided at each
//! pass, from the device and the type that it computes in ([`runs_blocks`], [`runs_own_kernel`]): there are kernels for
//! 32-bit floats on the CPU; a GPU runs plain operations.

use burn::tensor::Device;

use super::block::{Block, Folded, Fused};
use super::operation::{ConvGeometry, Operation};
use super::planned::PlannedLayer;
use super::scope::Pass;
use super::window::{Padding, Padding2d, PaddingName, windows};
use crate::config::Precision;
use crate::data::{Shape, Value};
use crate::device::on_cpu;
use crate::kernels::{BlockOptions, DepthwiseOptions, Epilogue, NormThen, Pointwise, PoolWindow};
use crate::model::activation::Activation;
use crate::model::compute::Compute;
use crate::model::params::ParamSpec;

/// The role of a layer in a fused block.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    /// No part of any.
    Plain,
    /// The beginning of one: a convolution.
    Conv(ConvGeometry),
    /// The beginning of one: a convolution of each channel by itself.
    Depthwise(ConvGeometry),
    /// The beginning of one: a fully connected layer with this activation.
    Dense(Activation),
    /// 2 x 2 max pooling without padding.
    MaxPool,
    /// Max pooling with other windows.
    WindowMax(PoolWindow),
    /// An activation alone.
    Pointwise(Activation),
    /// A kernel of its own.
    Alone,
    /// The beginning of one, or part of the convolution before it: a batch normalisation with this epsilon.
    Norm(f64),
    /// Could be fused, but for this option.
    Slow(&'static str),
}

fn role(layer: &PlannedLayer) -> Role {
    match layer.forward.operation() {
        Operation::Conv2d(conv) => match (conv, layer.input, layer.output) {
            _ if conv.dilation != [1, 1] => Role::Slow("dilation"),
            _ if conv.groups == 1 => Role::Conv(conv),
            (
                _,
                Shape::Image { channels, .. },
                Shape::Image {
                    channels: filters, ..
                },
            ) if [channels, filters] == [conv.groups; 2] => Role::Depthwise(conv),
            _ => Role::Slow("groups"),
        },
        Operation::MaxPool2d {
            size,
            stride,
            padding,
        } => {
            let valid = [Padding::Named(PaddingName::Valid), Padding::Number(0)];
            let valid = valid.map(Padding2d::Plain);
            let plain = size == [2, 2] && stride == size && valid.contains(&padding);
            match layer.input {
                _ if plain => Role::MaxPool,
                Shape::Image { height, width, .. } if size[0].saturating_mul(size[1]) <= 255 => {
                    match windows([height, width], size, stride, [1; 2], padding) {
                        Ok(laid) => Role::WindowMax(PoolWindow {
                            size,
                            stride,
                            padding: laid.padding,
                        }),
                        Err(_) => Role::Slow("size"),
                    }
                }
                _ => Role::Slow("size"),
            }
        }
        Operation::Dense(activation) => Role::Dense(activation),
        Operation::Activation(activation) => Role::Pointwise(activation),
        Operation::BatchNorm { epsilon } => Role::Norm(epsilon),
        Operation::GlobalAvgPool => Role::Alone,
        // Their kernels take in no neighbour.
        Operation::Conv1d { .. }
        | Operation::Lstm
        | Operation::SqueezeExcite
        | Operation::Other => Role::Plain,
    }
}

/// The role of the layer at `index`, if there is one.
fn role_at(layers: &[PlannedLayer], index: usize) -> Role {
    layers.get(index).map_or(Role::Plain, role)
}

/// Whether blocks run as one operation: on the CPU, in 32 bits.
pub fn runs_blocks(input: &Value, compute: Compute) -> bool {
    is_on_cpu(input) && compute.half().is_none()
}

/// Whether a kernel of the layer's own runs it. Layers that compute in 32 bits also where the others compute in 16
/// have theirs in both.
pub fn runs_own_kernel(layer: &PlannedLayer, input: &Value, compute: Compute) -> bool {
    match layer.forward.operation() {
        Operation::BatchNorm { .. } | Operation::GlobalAvgPool | Operation::Lstm => {
            is_on_cpu(input)
        }
        Operation::Conv1d {
            stride: 1,
            dilation: 1,
            groups: 1,
        }
        | Operation::SqueezeExcite => runs_blocks(input, compute),
        _ => false,
    }
}

fn is_on_cpu(value: &Value) -> bool {
    match value {
        Value::Image(x) => on_cpu(&x.device()),
        Value::Sequence(x) => on_cpu(&x.device()),
        Value::Flat(x) => on_cpu(&x.device()),
        Value::Tokens(_) => false,
    }
}

/// Whether the gradient of a layer's parameter can be had as factors: the weights of fully connected layers in the CPU's
/// kernels.
pub fn takes_sink(
    layer: &PlannedLayer,
    spec: &ParamSpec,
    device: &Device,
    compute: Compute,
) -> bool {
    // Of sequences the layer runs by plain operations.
    let dense = matches!(role(layer), Role::Dense(_)) && matches!(layer.output, Shape::Flat { .. });
    // The bias keeps the layer in the graph.
    let biased = layer.params.iter().any(|spec| spec.name == "bias");
    let blocks = on_cpu(device) && compute.half().is_none();
    blocks && dense && biased && !spec.restraint.shapes_gradient() && spec.name == "weight"
}

/// The convolution that `layers` begin with and the batch normalisation behind it, where this pass may take them
/// together: where the normalisation runs as in evaluation.
pub fn folded(layers: &[PlannedLayer], pass: &Pass<'_>) -> Option<Folded> {
    let (first, norm) = (layers.first()?, layers.get(1)?);
    match first.fused?.block {
        Block::Conv(_, folded) | Block::Depthwise(_, folded) if pass.evaluates(norm.tuning) => {
            folded
        }
        _ => None,
    }
}

/// Finds the blocks of a chain: a convolution or a fully connected layer, with the activation and the max
/// pooling that follow it; a batch normalisation with what follows it; a pool with the activation before it.
pub fn fuse(layers: &mut [PlannedLayer]) {
    let mut done = 0;
    for index in 0..layers.len() {
        if index >= done {
            layers[index].fused = block_at(layers, index);
            done = index + layers[index].fused.map_or(1, |fused| fused.num_layers);
        }
    }
}

/// The block that begins with the layer at `index`.
fn block_at(layers: &[PlannedLayer], index: usize) -> Option<Fused> {
    let layer = &layers[index];
    match (role(layer), layer.input) {
        (Role::Conv(conv), Shape::Image { height, width, .. }) => {
            conv_at(layers, index, conv, [height, width])
        }
        (Role::Depthwise(conv), Shape::Image { height, width, .. }) => {
            depthwise_at(layers, index, conv, [height, width])
        }
        (Role::Dense(activation), Shape::Flat { .. }) => Some(dense_at(layers, index, activation)),
        (Role::MaxPool, Shape::Image { .. }) => Some(Fused {
            num_layers: 1,
            block: Block::MaxPool(false),
            then: Activation::Linear,
        }),
        (Role::WindowMax(window), Shape::Image { .. }) => Some(Fused {
            num_layers: 1,
            block: Block::WindowMax(window),
            then: Activation::Linear,
        }),
        (Role::Pointwise(activation), Shape::Image { .. })
            if activation.is_monotone() && role_at(layers, index + 1) == Role::MaxPool =>
        {
            let relu = activation == Activation::Relu;
            Some(Fused {
                num_layers: 2,
                block: Block::MaxPool(relu),
                then: if relu { Activation::Linear } else { activation },
            })
        }
        (Role::Norm(_), _) => {
            let (num_layers, then) = norm_at(layers, index);
            Some(Fused {
                num_layers,
                block: Block::Norm(then),
                then: Activation::Linear,
            })
        }
        (Role::Alone, _) => Some(Fused {
            num_layers: 1,
            block: Block::Layer,
            then: Activation::Linear,
        }),
        _ => None,
    }
}

/// The layer's activation, if the loss does not compute it.
fn own_activation(layer: &PlannedLayer, activation: Activation) -> Activation {
    match layer.absorbed {
        Some(_) => Activation::Linear,
        None => activation,
    }
}

/// The block that begins with the convolution at `index`. Pooling may go before a monotone activation: the maximum of
/// activations is the activation of the maximum.
fn conv_at(
    layers: &[PlannedLayer],
    index: usize,
    conv: ConvGeometry,
    size: [usize; 2],
) -> Option<Fused> {
    let laid = windows(size, conv.kernel, conv.stride, [1; 2], conv.padding).ok()?;
    let (mut num_layers, activation) = conv_activation(layers, index, conv);
    let pool = role_at(layers, index + num_layers) == Role::MaxPool && activation.is_monotone();
    num_layers += usize::from(pool);
    // The backward pass knows cuts.
    let cut = pointwise(activation).filter(|activation| activation.is_cut());
    let options = BlockOptions {
        padding: laid.padding,
        stride: conv.stride,
        then: cut.unwrap_or_default(),
        pool,
        precision: Precision::F32,
    };
    Some(Fused {
        num_layers,
        block: Block::Conv(options, folded_at(layers, index, activation)),
        then: cut.map_or(activation, |_| Activation::Linear),
    })
}

/// The block that begins with the convolution of each channel at `index`.
fn depthwise_at(
    layers: &[PlannedLayer],
    index: usize,
    conv: ConvGeometry,
    size: [usize; 2],
) -> Option<Fused> {
    let laid = windows(size, conv.kernel, conv.stride, [1; 2], conv.padding).ok()?;
    let (num_layers, activation) = conv_activation(layers, index, conv);
    let options = DepthwiseOptions {
        padding: laid.padding,
        stride: conv.stride,
        then: Pointwise::Linear,
    };
    Some(Fused {
        num_layers,
        block: Block::Depthwise(options, folded_at(layers, index, activation)),
        then: activation,
    })
}

/// The layers of a convolution and its activation, and the activation.
fn conv_activation(
    layers: &[PlannedLayer],
    index: usize,
    conv: ConvGeometry,
) -> (usize, Activation) {
    match (
        own_activation(&layers[index], conv.activation),
        role_at(layers, index + 1),
    ) {
        (Activation::Linear, Role::Pointwise(next)) => (2, next),
        (own, _) => (1, own),
    }
}

/// The batch normalisation behind the convolution at `index`, which `activation` follows.
fn folded_at(layers: &[PlannedLayer], index: usize, activation: Activation) -> Option<Folded> {
    match role_at(layers, index + 1) {
        Role::Norm(epsilon) if activation == Activation::Linear => {
            let (behind, then) = norm_at(layers, index + 1);
            Some(Folded {
                num_layers: 1 + behind,
                then,
                epsilon,
            })
        }
        _ => None,
    }
}

/// The activation as kernels know it.
fn pointwise(activation: Activation) -> Option<Pointwise> {
    match activation {
        Activation::Linear => Some(Pointwise::Linear),
        Activation::Relu => Some(Pointwise::Relu),
        Activation::Relu6 => Some(Pointwise::Relu6),
        Activation::HardSilu => Some(Pointwise::HardSilu),
        Activation::Silu => Some(Pointwise::Silu),
        _ => None,
    }
}

/// The block that begins with the fully connected layer at `index`.
fn dense_at(layers: &[PlannedLayer], index: usize, activation: Activation) -> Fused {
    let (mut num_layers, mut activation) = (1, own_activation(&layers[index], activation));
    if let (Activation::Linear, Role::Pointwise(next)) = (activation, role_at(layers, index + 1))
        && layers[index + 1].absorbed.is_none()
    {
        (num_layers, activation) = (2, next);
    }
    let epilogue = match activation {
        Activation::Relu => Some(Epilogue::Relu),
        Activation::Sigmoid => Some(Epilogue::Sigmoid),
        Activation::Tanh => Some(Epilogue::Tanh),
        _ => None,
    };
    Fused {
        num_layers,
        block: Block::Dense(epilogue.unwrap_or_default()),
        then: epilogue.map_or(activation, |_| Activation::Linear),
    }
}

/// The layers of the block that begins with the batch normalisation at `index`, and what follows it there. Max
/// pooling is of images alone.
fn norm_at(layers: &[PlannedLayer], index: usize) -> (usize, NormThen) {
    match (role_at(layers, index + 1), role_at(layers, index + 2)) {
        (Role::Pointwise(Activation::Relu), Role::MaxPool) => (3, NormThen::ReluPool),
        (Role::Pointwise(activation), _) => match pointwise(activation) {
            Some(activation) => (2, NormThen::Pointwise(activation)),
            None => (1, NormThen::default()),
        },
        _ => (1, NormThen::default()),
    }
}

impl PlannedLayer {
    /// How the layer runs on the CPU, for the layer table.
    pub fn note(&self) -> String {
        match (self.absorbed, self.fused, role(self)) {
            (Some(activation), ..) => format!("{} is left to the loss", activation.name()),
            (None, Some(fused), _) => match fused.num_layers {
                1 => "fused".to_string(),
                2 => "fused with the next".to_string(),
                more => format!("fused with the next {}", more - 1),
            },
            (None, None, Role::Slow(option)) => format!("plain operations ({option})"),
            (None, None, _) => String::new(),
        }
    }
}
