//! What a run leaves behind, and how it is taken up again.

pub mod changes;
pub mod checkpointer;
pub mod history;
pub mod past;
pub mod resume;
pub mod run_folder;
pub mod snapshot;
pub mod state;
