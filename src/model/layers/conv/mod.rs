//! Convolutions.

mod conv1d;
mod conv2d;
mod conv_transpose1d;
mod conv_transpose2d;
mod depthwise_conv1d;
mod depthwise_conv2d;
mod options;
mod parts;
mod separable_conv1d;
mod separable_conv2d;

pub use conv_transpose1d::ConvTranspose1d;
pub use conv_transpose2d::ConvTranspose2d;
pub use conv1d::Conv1d;
pub use conv2d::Conv2d;
pub use depthwise_conv1d::DepthwiseConv1d;
pub use depthwise_conv2d::DepthwiseConv2d;
pub use options::{Window1d, Window2d};
pub use separable_conv1d::SeparableConv1d;
pub use separable_conv2d::SeparableConv2d;
