//! Weights that others trained: files of PyTorch and safetensors as named tensors.
//!
//! Files are untrusted: no code in them is run, every size is checked against what the file can hold before room is
//! made, and damage is an error. A file's content tells its format, whatever its name is.

mod error;
mod file;
mod mismatch;
mod number_type;
mod opened;
mod pickle;
mod pytorch;
mod safetensors;
mod tensor;

pub use error::{ImportError, ImportFault};
pub use file::{Format, WeightsFile};
pub use mismatch::Wanted;
pub use number_type::NumberType;
pub use tensor::TensorInfo;
