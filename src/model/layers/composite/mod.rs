//! Layers that hold layers which the experiment describes.

mod backbone;
mod bidirectional;
mod residual;

pub use backbone::Backbone;
pub use bidirectional::Bidirectional;
pub use residual::Residual;
