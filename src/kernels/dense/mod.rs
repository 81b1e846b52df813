//! Fully connected layers on the CPU, on plain slices: `y = x W + b` and its gradients. Samples are
//! few and weights are many, so every pass reads the weights once, a panel at a time.
//!
//! Inputs are `[batch, features]`, weights `[features, units]`, outputs `[batch, units]`. Work is
//! cut by the sizes alone and sums have a fixed order: the bits do not depend on the threads.

pub mod block;
mod forward;
mod input_grad;
mod shape;
mod weight_grad;

pub use forward::forward;
pub use input_grad::input_grad;
pub use shape::DenseShape;
pub use weight_grad::{PART_ROWS, for_each_rows, weight_grad};
