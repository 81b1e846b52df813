//! Losses: one file each. All of them work on logits inside, whatever the net's last activation.
//!
//! Adding a loss: one file, and one line in its table, `single_target.rs`.

mod binary_cross_entropy;
mod checks;
mod focal;
mod hinge;
mod huber;
mod kl_divergence;
mod log_cosh;
mod loss;
mod mae;
mod mismatch;
mod mse;
mod per_head;
mod poisson;
mod read;
mod regression;
mod single_target;
mod sparse_categorical_cross_entropy;
mod targets;

pub use loss::Loss;
pub use mismatch::{LossMismatch, TargetKind};
pub use read::{LOSSES, read_loss};
