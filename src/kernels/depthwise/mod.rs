//! Depthwise convolution on the CPU, each channel by itself: convolution, bias and activation in one pass, and its
//! gradients, on plain slices.
//!
//! Images are `[batch, height, width, channels]`, weights `[channels, 1, rows, columns]`. No padded copy is made: at
//! the borders an output has fewer taps. Vectors lie along the channels.
//!
//! Every sum has a fixed order: each output's is that of its taps, the weights' gradient is summed over fixed parts of
//! the batch, which are added in order.

pub mod block;
mod gather;
mod shape;
mod taps;
mod weight_grad;

pub use gather::{forward, input_grad};
pub use shape::DepthwiseShape;
pub use weight_grad::weight_grad;
