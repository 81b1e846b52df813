//! Layers that change the shape alone.

mod flatten;
mod reshape;
mod upsample;

pub use flatten::Flatten;
pub use reshape::Reshape;
pub use upsample::Upsample;
