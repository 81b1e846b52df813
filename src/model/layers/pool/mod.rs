//! Pooling: over windows, over everything, and by attention.

mod adaptive_avg_pool2d;
mod attention_pool;
mod avg_pool1d;
mod avg_pool2d;
mod global_avg_pool;
mod global_max_pool;
mod max_pool1d;
mod max_pool2d;
mod options;

pub use adaptive_avg_pool2d::AdaptiveAvgPool2d;
pub use attention_pool::AttentionPool;
pub use avg_pool1d::AvgPool1d;
pub use avg_pool2d::AvgPool2d;
pub use global_avg_pool::GlobalAvgPool;
pub use global_max_pool::GlobalMaxPool;
pub use max_pool1d::MaxPool1d;
pub use max_pool2d::MaxPool2d;
