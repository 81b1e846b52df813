//! Run folders and checkpoints: what a run saves, and how it is resumed.

pub mod changes;
pub mod checkpointer;
pub mod history;
pub mod past;
pub mod resume;
pub mod run_folder;
pub mod snapshot;
pub mod state;
