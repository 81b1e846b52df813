//! Layers: one file each. A layer reads its options from the experiment, says what it makes of an
//! input's shape, and maps values to values.
//!
//! Adding a layer: one file, and one line in [`LAYERS`].

mod activations;
mod attention_pool;
mod avg_pool2d;
mod batch_norm;
mod bidirectional;
mod conv1d;
mod conv2d;
mod conv_transpose1d;
mod conv_transpose2d;
mod defaults;
mod dense;
mod depthwise_conv1d;
mod depthwise_conv2d;
mod dropout;
mod embed_columns;
mod embedding;
mod flatten;
mod global_avg_pool;
mod global_max_pool;
mod group_norm;
mod gru;
mod layer_norm;
mod lstm;
mod max_pool1d;
mod max_pool2d;
mod recurrent;
mod reshape;
mod residual;
mod size;
mod spatial_dropout;
mod upsample;
mod window;

use std::cell::RefCell;
use std::fmt::Debug;

use burn::tensor::Tensor;

pub use embed_columns::EmbedColumns;
pub use size::{MOST_VALUES, Working};
pub use window::{Padding, windows};

use size::cost;

use super::activation::Activation;
use super::compute::Compute;
use super::params::ParamSpec;
use crate::config::{Fault, Member, Path, Spec};
use crate::data::{SampleId, Shape, Value};
use crate::family;
use crate::kernels::{NormThen, Sink};

/// One layer of a net.
pub trait Layer: Debug + Send + Sync {
    /// Output shape, parameters and cost for an input of shape `input`.
    ///
    /// # Errors
    /// A shape that the layer cannot take.
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch>;

    /// Maps a batch. The input has the shape that the plan was made for.
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value;

    /// What the layer can be in a fused block on the CPU.
    fn role(&self) -> Role {
        Role::Plain
    }

    /// Whether the layer computes in 32 bits also where the others compute in 16: it sums over so
    /// many values that the sum, or its share of a value, is lost in 16.
    fn needs_f32(&self) -> bool {
        false
    }

    /// The layers that the experiment describes within this one, with their paths from its options on.
    fn described(&self) -> Vec<(Path, &Spec)> {
        Vec::new()
    }

    /// What a training pass holds of the layer beside its output, where it is worth counting. Asked after the layer
    /// was planned for `input`.
    fn working(&self, _input: Shape) -> Working {
        Working::default()
    }

    /// Whether the layer holds layers, each of which chooses for itself what it computes in.
    fn holds_layers(&self) -> bool {
        false
    }

    /// The activation that ends the layer; the network leaves it to the loss where the layer is
    /// the last and the loss works on logits ([`Scope::activate`]).
    fn activation(&self) -> Option<Activation> {
        None
    }
}

/// Every layer.
pub const LAYERS: &[Member<dyn Layer>] = family! { dyn Layer:
    "conv2d" => conv2d::Conv2d,
    "max_pool2d" => max_pool2d::MaxPool2d,
    "avg_pool2d" => avg_pool2d::AvgPool2d,
    "global_avg_pool" => global_avg_pool::GlobalAvgPool,
    "flatten" => flatten::Flatten,
    "global_max_pool" => global_max_pool::GlobalMaxPool,
    "conv1d" => conv1d::Conv1d,
    "conv_transpose2d" => conv_transpose2d::ConvTranspose2d,
    "conv_transpose1d" => conv_transpose1d::ConvTranspose1d,
    "depthwise_conv1d" => depthwise_conv1d::DepthwiseConv1d,
    "separable_conv1d" => depthwise_conv1d::SeparableConv1d,
    "depthwise_conv2d" => depthwise_conv2d::DepthwiseConv2d,
    "separable_conv2d" => depthwise_conv2d::SeparableConv2d,
    "max_pool1d" => max_pool1d::MaxPool1d,
    "avg_pool1d" => max_pool1d::AvgPool1d,
    "attention_pool" => attention_pool::AttentionPool,
    "embedding" => embedding::Embedding,
    "lstm" => lstm::Lstm,
    "gru" => gru::Gru,
    "bidirectional" => bidirectional::Bidirectional,
    "residual" => residual::Residual,
    "dense" => dense::Dense,
    "dropout" => dropout::Dropout,
    "spatial_dropout" => spatial_dropout::SpatialDropout,
    "batch_norm" => batch_norm::BatchNorm,
    "layer_norm" => layer_norm::LayerNorm,
    "group_norm" => group_norm::GroupNorm,
    "reshape" => reshape::Reshape,
    "upsample" => upsample::Upsample,
    "relu" => activations::Relu,
    "relu6" => activations::Relu6,
    "leaky_relu" => activations::LeakyRelu,
    "elu" => activations::Elu,
    "selu" => activations::Selu,
    "gelu" => activations::Gelu,
    "silu" => activations::Silu,
    "softplus" => activations::Softplus,
    "softsign" => activations::Softsign,
    "mish" => activations::Mish,
    "tanh" => activations::Tanh,
    "sigmoid" => activations::Sigmoid,
    "hard_tanh" => activations::HardTanh,
    "hard_sigmoid" => activations::HardSigmoid,
    "hard_silu" => activations::HardSilu,
    "softmax" => activations::Softmax,
};

/// What a layer can be in a fused block on the CPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// No part of any.
    Plain,
    /// The beginning of one: a convolution.
    Conv(FusedConv),
    /// The beginning of one: a fully connected layer with this activation.
    Dense(Activation),
    /// 2 x 2 max pooling without padding.
    MaxPool,
    /// An activation alone.
    Pointwise(Activation),
    /// A kernel of its own.
    Alone,
    /// The beginning of one, or part of the convolution before it: a batch normalisation with this epsilon.
    Norm(f64),
    /// Could be fused, but for this option.
    Slow(&'static str),
}

/// The first layer of a fused block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FusedConv {
    /// How rows and columns of zeros are added around the image.
    pub padding: Padding,
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// The activation that ends the layer.
    pub activation: Activation,
}

/// What a layer makes of an input's shape.
#[derive(Clone, Debug)]
pub struct LayerPlan {
    /// The shape of its output.
    pub output: Shape,
    /// Its parameters, in order.
    pub params: Vec<ParamSpec>,
    /// Multiply-adds of the forward pass of one sample.
    pub multiply_adds: u64,
}

impl LayerPlan {
    /// A layer without parameters and without multiplications.
    pub fn free(output: Shape) -> LayerPlan {
        LayerPlan {
            output,
            params: Vec::new(),
            multiply_adds: 0,
        }
    }
}

/// A shape that a layer cannot take: what it expects and what it gets.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// One, or several where the layer holds layers that cannot be read. Their paths begin at the layer's options:
    /// empty where the layer as a whole is at fault.
    pub faults: Vec<Fault>,
}

impl Mismatch {
    /// A mismatch of the layer as a whole.
    pub fn new(message: impl Into<String>) -> Mismatch {
        Mismatch::from(Fault::new(Path::default(), message))
    }

    /// A mismatch of one option.
    pub fn of(key: &'static str, message: impl Into<String>) -> Mismatch {
        Mismatch::from(Fault::new(Path::default().key(key), message))
    }

    /// Adds what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Mismatch {
        if let Some(fault) = self.faults.pop() {
            self.faults.push(fault.hint(hint));
        }
        self
    }

    /// The same as faults of the experiment: `layer` is where it describes the layer, by the name `tag`.
    pub fn at(self, layer: &Path, tag: &str) -> Vec<Fault> {
        let faults = self.faults.into_iter();
        let placed = faults.map(|fault| match fault.path.0.is_empty() {
            true => Fault {
                path: layer.clone(),
                message: format!("({tag}) {}", fault.message),
                ..fault
            },
            false => Fault {
                path: layer.key(tag).join(&fault.path),
                ..fault
            },
        });
        placed.collect()
    }
}

impl From<Fault> for Mismatch {
    fn from(fault: Fault) -> Mismatch {
        Mismatch {
            faults: vec![fault],
        }
    }
}

/// What a layer sees of the net during a forward pass.
pub struct Scope<'a> {
    /// The layer's full name ("model.2").
    pub name: &'a str,
    /// The layer's parameters as its plan lists them.
    pub specs: &'a [ParamSpec],
    /// Their tensors, flat.
    pub tensors: &'a [Tensor<1>],
    /// Where the gradients of some of them go as factors, in the order of the parameters.
    pub sinks: &'a [Option<Sink>],
    /// Whether the layer's activation is left to the loss.
    pub skip_activation: bool,
    /// What of the layers behind it a batch normalisation does in the same pass.
    pub then: NormThen,
    /// The pass.
    pub pass: &'a Pass<'a>,
}

impl Scope<'_> {
    /// The parameter called `name`, in its shape; `None` where the layer's plan has none.
    pub fn param<const D: usize>(&self, name: &str) -> Option<Tensor<D>> {
        let index = self.specs.iter().position(|spec| spec.name == name)?;
        let shape: [usize; D] = self.specs[index].shape.clone().try_into().ok()?;
        Some(self.tensors[index].clone().reshape(shape))
    }

    /// The parameter called `name`, which the layer's plan always has.
    pub fn weight<const D: usize>(&self, name: &str) -> Tensor<D> {
        self.param(name)
            .unwrap_or_else(|| panic!("{}.{name} is planned with rank {D}", self.name))
    }

    /// Where the gradient of the parameter called `name` goes, if not into the graph.
    pub fn sink(&self, name: &str) -> Option<Sink> {
        let index = self.specs.iter().position(|spec| spec.name == name)?;
        self.sinks.get(index).cloned().flatten()
    }

    /// Applies the layer's activation, or leaves it to the loss.
    pub fn activate(&self, activation: Activation, value: Value) -> Value {
        if self.skip_activation {
            value
        } else {
            activation.forward(value)
        }
    }

    /// Records the new value of a buffer (a running mean).
    pub fn update(&self, name: &str, value: Tensor<1>) {
        let full = format!("{}.{name}", self.name);
        self.pass.updates.borrow_mut().push((full, value));
    }
}

/// One forward pass.
#[derive(Default)]
pub struct Pass<'a> {
    /// Set in training.
    pub training: Option<Training<'a>>,
    /// Of every parameter, where its gradient goes as factors; may be left empty.
    pub sinks: &'a [Option<Sink>],
    /// What the heavy layers compute in.
    pub compute: Compute,
    /// The share of running averages that is kept, in place of the layers' own: to measure them anew.
    pub momentum: Option<f64>,
    /// New values of buffers, by full name, as the layers recorded them.
    pub updates: RefCell<Vec<(String, Tensor<1>)>>,
}

/// What random choices of a training pass depend on.
#[derive(Clone, Copy, Debug)]
pub struct Training<'a> {
    /// The experiment's seed.
    pub seed: u64,
    /// Counted from 0.
    pub epoch: u64,
    /// The samples of the batch, in order.
    pub ids: &'a [SampleId],
}

/// Checks that a layer gets numbers.
fn check_numbers(input: Shape) -> Result<(), Mismatch> {
    match input {
        Shape::Tokens { .. } => Err(Mismatch::new(format!("expects numbers, gets {input}"))
            .hint("put { embedding = { dim = 50 } } before it")),
        _ => Ok(()),
    }
}

/// `[height, width, channels]` of an image, or why it is none.
fn image_dims(input: Shape) -> Result<(usize, usize, usize), Mismatch> {
    match input {
        Shape::Image {
            height,
            width,
            channels,
        } => Ok((height, width, channels)),
        other => Err(Mismatch::new(format!(
            "expects an image (height x width x channels), gets {other} values"
        ))
        .hint("layers on images come before `flatten` or `global_avg_pool`")),
    }
}

/// `(length, features)` of a sequence, or why it is none.
fn sequence_dims(input: Shape) -> Result<(usize, usize), Mismatch> {
    match input {
        Shape::Sequence { length, features } => Ok((length, features)),
        Shape::Tokens { .. } => Err(Mismatch::new(format!(
            "expects a sequence (steps x features), gets {input}"
        ))
        .hint("put { embedding = { dim = 50 } } before it")),
        other => Err(Mismatch::new(format!(
            "expects a sequence (steps x features), gets {other} values"
        ))
        .hint("sequences come from texts through { embedding = ... }, or from { reshape = ... }")),
    }
}

/// `x W`, each row with the same bits whatever the others are: with a single column, a general product sums a row in an
/// order that depends on how many rows there are.
///
/// # Shapes
/// Input `[rows, features]`, weight `[features, units]`, output `[rows, units]`.
fn product(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    match weight.dims() {
        [features, 1] => (x * weight.reshape([1, features])).sum_dim(1),
        _ => x.matmul(weight),
    }
}

/// Takes a sequence out of a value; the plan has checked that it is one.
fn into_sequence(value: Value) -> Tensor<3> {
    match value {
        Value::Sequence(x) => x,
        other => unreachable!("planned for a sequence, got {other:?}"),
    }
}

/// Takes an image out of a value; the plan has checked that it is one.
fn into_image(value: Value) -> Tensor<4> {
    match value {
        Value::Image(x) => x,
        other => unreachable!("planned for an image, got {other:?}"),
    }
}

/// `[batch, height, width, channels]` to Burn's `[batch, channels, height, width]`.
fn channels_first(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 3, 1, 2])
}

/// Burn's `[batch, channels, height, width]` to `[batch, height, width, channels]`.
fn channels_last(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 2, 3, 1])
}
