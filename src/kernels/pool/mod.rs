//! Pooling on the CPU: the passes on plain slices, and their Burn operation.

pub mod block;
pub mod pass;
mod scale;
pub mod scale_block;
pub mod window;
pub mod window_block;
