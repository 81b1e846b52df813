//! Where the arithmetic runs: the devices there are and the choice among them, and the fused
//! operations of the CPU's fast path, as extensions of Burn's Flex backend.

mod bf16;
mod blend;
pub mod conv;
mod conv_block;
pub mod dense;
mod dense_block;
mod devices;
mod flex;
mod half_conv;
mod host;
mod loss_block;
pub mod lstm;
mod lstm_block;
mod max_norm;
mod memory;
mod norm;
mod pool;
mod scratch;
mod simple_blocks;
mod update;
mod vector;

pub use bf16::is_native as has_bf16;
pub use blend::{add_scaled, blend};
pub use conv_block::{BlockOptions, conv_block};
pub use dense_block::{DenseOptions, Epilogue, Sink, dense_block};
pub use devices::{Adapter, Choice, Chosen, NO_GPU_SUPPORT, adapters, choose, on_cpu};
pub use half_conv::half_conv;
pub use host::{all_on_host, copy_to_host, is_finite, on_host};
pub use loss_block::{Labels, cross_entropy};
pub use lstm_block::{LstmOptions, lstm_block};
pub use max_norm::limit_norms;
pub use memory::{MemoryLimit, memory_limit, unknown_memory};
pub use norm::Moments;
pub use simple_blocks::{
    NormMoments, NormOptions, NormThen, batch_norm_block, global_mean_block, max_pool_block,
};
pub use update::{Factors, Gradient, Rule, Update, update};
pub(crate) use vector::arch;
pub use vector::{SimdLimit, limit_simd};
