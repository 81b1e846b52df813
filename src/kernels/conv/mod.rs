//! The fused convolution block on the CPU: convolution, bias, activation and 2 x 2 max pooling in one pass, forward
//! and backward, on plain slices.
//!
//! Images are `[batch, height, width, channels]`, weights `[filters, channels, rows, columns]`.
//! Where the block pools, the place of each maximum is kept (one byte a pooled value) in place of
//! the activations; the gradients then touch that place alone, and nothing where the ReLU was shut. Elsewhere the
//! gradient of the convolution's own output comes in.
//!
//! Every sum has a fixed order: work is split over images where results are per image, and over
//! filters where images are summed. The bits depend neither on the number of threads nor on chance.

pub mod block;
mod dense_grad;
mod direct;
mod finish;
mod forward;
pub mod gradient;
pub mod half;
mod input_grad;
mod outer_grad;
mod pack;
mod padding;
mod patch_grad;
pub mod shape;
mod turned;
mod weight_grad;
mod winograd;
mod winograd_tile;

pub use forward::forward;
pub use gradient::WeightGrad;
pub use input_grad::input_grad;
pub use shape::ConvShape;
pub use weight_grad::weight_grad;
