//! The fused operations of the CPU's fast path, as extensions of Burn's Flex backend: one folder a kernel, its Burn
//! operation (`block`) beside it.

mod bf16;
pub mod conv;
pub mod dense;
pub mod depthwise;
mod loss;
pub mod lstm;
mod norm;
mod pointwise;
mod pool;
mod recorded;
mod scratch;
mod update;

pub use bf16::is_native as has_bf16;
pub use conv::block::{BlockOptions, conv_block};
pub use conv::half::half_conv;
pub use dense::block::{DenseOptions, Epilogue, Sink, dense_block};
pub use depthwise::block::{DepthwiseOptions, depthwise_block};
pub use loss::{Labels, cross_entropy};
pub use lstm::block::{LstmOptions, lstm_block};
pub use norm::Moments;
pub use norm::block::{NormMoments, NormOptions, NormThen, batch_norm_block};
pub use pointwise::Pointwise;
pub use pool::block::{global_mean_block, max_pool_block};
pub use pool::scale_block::scale_block;
pub use pool::window::PoolWindow;
pub use pool::window_block::window_max_block;
pub use update::blend::{add_scaled, blend};
pub use update::max_norm::limit_norms;
pub use update::{Factors, Gradient, Update, rules, update};
