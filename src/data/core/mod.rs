//! What every modality shares: batches, tasks, the traits of datasets and counted randomness. Nothing here knows an
//! implementation.

pub mod batch;
pub mod class_names;
pub mod dataset;
pub mod faults;
pub mod left_out;
pub mod random;
pub mod reader;
pub mod task;
