//! From a dataset to batches: the order of the samples, and the threads that load them.

pub mod batches;
pub mod divided;
pub mod loader;
pub mod sampler;
pub mod split;
pub mod split_keys;
