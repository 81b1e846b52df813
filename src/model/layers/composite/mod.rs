//! Layers that hold layers which the experiment describes.

mod bidirectional;
mod residual;

pub use bidirectional::Bidirectional;
pub use residual::Residual;
