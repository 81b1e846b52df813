//! Normalisation.

mod batch_norm;
mod group_norm;
mod layer_norm;
mod layer_scale;

pub use batch_norm::BatchNorm;
pub use group_norm::GroupNorm;
pub use layer_norm::LayerNorm;
pub use layer_scale::LayerScale;
