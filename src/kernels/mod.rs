//! Where the arithmetic runs: the devices there are, and the choice among them.

mod devices;

pub use devices::{Adapter, Choice, Chosen, adapters, choose};
