//! Long short-term memory on the CPU, on plain slices: all time steps of some samples at a time, on one
//! thread, while the weights stay in its cache.
//!
//! Gates come in Keras's order: input, forget, candidate, output. Inputs are `[batch, steps,
//! features]`, kernels `[features, 4 units]` and `[units, 4 units]`. Dropout masks are `[batch, 4, features]` and
//! `[batch, 4, units]`, the same at every step (Gal and Ghahramani, 2016). Samples are cut into groups by
//! their number alone, and the groups' sums are added in order: the bits do not depend on the threads.

mod backward;
pub mod block;
mod forward;
mod gates;
mod group;
mod product;
mod shape;

pub use backward::backward;
pub use forward::forward;
pub use shape::{Grads, LstmShape, Masks, Trace, Weights};
