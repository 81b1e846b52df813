//! Layers, by kind: one file each. A layer reads its options from the experiment and plans itself for the shape of an
//! input; what it plans maps values to values. The traits are in `graph`.
//!
//! Adding a layer: one file, and one line in [`LAYERS`].

mod activation;
mod composite;
mod conv;
mod dense;
mod dropout;
mod embedding;
mod norm;
mod options;
mod pool;
mod rnn;
mod shape;
mod tuned;

use super::graph::Layer;
use crate::config::Member;

pub use embedding::EmbedColumns;

/// Declares the table of all layers; each has the keys of [`tuned`] beside its own.
macro_rules! layers {
    ($($name:literal => $member:ty),* $(,)?) => {
        &[$(Member::<dyn Layer> {
            name: $name,
            schema: tuned::tuned_schema::<$member>,
            read: tuned::read_tuned::<$member>,
        }),*]
    };
}

/// Every layer.
pub const LAYERS: &[Member<dyn Layer>] = layers! {
    "conv2d" => conv::Conv2d,
    "max_pool2d" => pool::MaxPool2d,
    "avg_pool2d" => pool::AvgPool2d,
    "global_avg_pool" => pool::GlobalAvgPool,
    "flatten" => shape::Flatten,
    "adaptive_avg_pool2d" => pool::AdaptiveAvgPool2d,
    "global_max_pool" => pool::GlobalMaxPool,
    "conv1d" => conv::Conv1d,
    "conv_transpose2d" => conv::ConvTranspose2d,
    "conv_transpose1d" => conv::ConvTranspose1d,
    "depthwise_conv1d" => conv::DepthwiseConv1d,
    "separable_conv1d" => conv::SeparableConv1d,
    "depthwise_conv2d" => conv::DepthwiseConv2d,
    "separable_conv2d" => conv::SeparableConv2d,
    "max_pool1d" => pool::MaxPool1d,
    "avg_pool1d" => pool::AvgPool1d,
    "attention_pool" => pool::AttentionPool,
    "embedding" => embedding::Embedding,
    "lstm" => rnn::Lstm,
    "gru" => rnn::Gru,
    "bidirectional" => composite::Bidirectional,
    "residual" => composite::Residual,
    "squeeze_excite" => composite::SqueezeExcite,
    "backbone" => composite::Backbone,
    "dense" => dense::Dense,
    "dropout" => dropout::Dropout,
    "spatial_dropout" => dropout::SpatialDropout,
    "batch_norm" => norm::BatchNorm,
    "layer_norm" => norm::LayerNorm,
    "group_norm" => norm::GroupNorm,
    "layer_scale" => norm::LayerScale,
    "reshape" => shape::Reshape,
    "upsample" => shape::Upsample,
    "relu" => activation::Relu,
    "relu6" => activation::Relu6,
    "leaky_relu" => activation::LeakyRelu,
    "elu" => activation::Elu,
    "selu" => activation::Selu,
    "gelu" => activation::Gelu,
    "silu" => activation::Silu,
    "softplus" => activation::Softplus,
    "softsign" => activation::Softsign,
    "mish" => activation::Mish,
    "tanh" => activation::Tanh,
    "sigmoid" => activation::Sigmoid,
    "hard_tanh" => activation::HardTanh,
    "hard_sigmoid" => activation::HardSigmoid,
    "hard_silu" => activation::HardSilu,
    "softmax" => activation::Softmax,
};
