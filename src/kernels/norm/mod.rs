//! Batch normalisation on the CPU, on plain slices: rows of channels (`[.., channels]`), each channel scaled by its
//! mean and variance over all rows; a ReLU and 2 x 2 max pooling may follow in the same pass.
//!
//! Sums run over fixed parts of the rows, in blocks whose totals are kept in 64 bits: the bits do
//! not depend on the number of threads. The backward passes work out again which outputs a ReLU shut and which pixel
//! of a cell was the largest: that costs less than to keep it.

mod affine;
pub mod block;
mod moments;
mod pooled;
mod rows;
mod sums;

pub use moments::{Moments, moments};
pub use pooled::{normalise_and_pool, pooled_gradients};
pub use rows::{gradients, normalise};
