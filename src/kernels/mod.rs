//! Where the arithmetic runs: the devices there are and the choice among them, and the fused
//! operations of the CPU's fast path, as extensions of Burn's Flex backend.

mod adam;
pub mod conv;
mod conv_block;
mod devices;

pub use adam::{AdamStep, adam_step};
pub use conv_block::{BlockOptions, conv_block};
pub use devices::{Adapter, Choice, Chosen, adapters, choose, on_cpu};
