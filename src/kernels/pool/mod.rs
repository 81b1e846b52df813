//! Pooling on the CPU: the passes on plain slices, and their Burn operation.

pub mod block;
pub mod pass;
