//! Dropout.

mod mask;
mod spatial_dropout;
mod values;

pub use mask::masks;
pub use spatial_dropout::SpatialDropout;
pub use values::Dropout;
