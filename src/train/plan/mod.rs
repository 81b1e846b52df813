//! The plan of a run: the experiment, read and validated before any sample is decoded.

pub mod advice;
pub mod class_weights;
pub mod decision;
pub mod limits;
pub mod memory;
pub mod monitor;
pub mod no_effect;
pub mod run_plan;
