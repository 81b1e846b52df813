//! The network: a plan (shapes, parameters, cost of every layer) and the forward pass.

#[cfg(test)]
mod blocks_tests;
mod forward;
mod list;
mod memory;
mod net;
mod paths;
mod plan;
#[cfg(test)]
mod tests;

pub use list::Layers;
pub use memory::{Memory, MemoryUse};
pub use net::{Network, PlannedHead};
