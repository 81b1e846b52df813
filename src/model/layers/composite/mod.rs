//! Layers that hold layers which the experiment describes.

mod backbone;
mod backbone_training;
mod bidirectional;
mod residual;

pub use backbone::Backbone;
pub use bidirectional::Bidirectional;
pub use residual::Residual;
