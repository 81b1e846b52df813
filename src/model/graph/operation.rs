//! The operation of a layer, as far as it matters for the choice of kernels: facts, from which `fusion` decides.

use super::window::Padding2d;
use crate::model::activation::Activation;

/// The operation of a planned layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operation {
    /// Whatever no kernel of the CPU is for.
    Other,
    /// A convolution of images.
    Conv2d(ConvGeometry),
    /// A convolution of sequences.
    Conv1d {
        /// Steps between windows.
        stride: usize,
        /// Steps between the window's taps.
        dilation: usize,
        /// Independent groups of features.
        groups: usize,
    },
    /// A fully connected layer that ends with this activation.
    Dense(Activation),
    /// Max pooling of images.
    MaxPool2d {
        /// Height and width of the window.
        size: [usize; 2],
        /// Steps between windows.
        stride: [usize; 2],
        /// The padding around the image.
        padding: Padding2d,
    },
    /// An activation alone.
    Activation(Activation),
    /// Batch normalisation.
    BatchNorm {
        /// Added to the variance.
        epsilon: f64,
    },
    /// The mean over all pixels or steps.
    GlobalAvgPool,
    /// Long short-term memory.
    Lstm,
    /// A gate that scales each channel of an image.
    SqueezeExcite,
}

/// The geometry of a convolution of images, and what ends it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConvGeometry {
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Steps between windows.
    pub stride: [usize; 2],
    /// Steps between the window's taps.
    pub dilation: [usize; 2],
    /// Independent groups of channels.
    pub groups: usize,
    /// Rows and columns of zeros around the image.
    pub padding: Padding2d,
    /// The activation that ends the layer.
    pub activation: Activation,
}
