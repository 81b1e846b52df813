//! Where the arithmetic runs: the devices there are and the choice among them, the processor's vector instructions, the
//! machine's memory, and tensors as values on the host.

mod choice;
pub mod flex;
mod host;
mod memory;
pub mod simd;

pub use choice::{Adapter, Choice, ChoiceError, Chosen, NO_GPU_SUPPORT, adapters, choose, on_cpu};
pub use host::{all_on_host, copy_to_host, is_finite, on_host};
pub use memory::{MemoryLimit, memory_limit, unknown_memory};
pub use simd::{SimdLimit, limit_simd};
