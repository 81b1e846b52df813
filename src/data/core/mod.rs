//! What every modality shares: batches, tasks, the dataset traits and counter-based randomness. No implementation is
//! imported here.

pub mod batch;
pub mod class_names;
pub mod dataset;
pub mod faults;
pub mod left_out;
pub mod random;
pub mod reader;
pub mod task;
