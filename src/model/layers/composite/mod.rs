//! Layers that hold layers which the experiment describes.

mod backbone;
mod backbone_training;
mod bidirectional;
mod residual;
mod squeeze_excite;

pub use backbone::Backbone;
pub use bidirectional::Bidirectional;
pub use residual::Residual;
pub use squeeze_excite::SqueezeExcite;
