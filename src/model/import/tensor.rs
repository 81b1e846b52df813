//! What a file says of its tensors, whatever its format.

use super::number_type::NumberType;

/// The most dimensions of a tensor.
pub const MAX_RANK: usize = 8;

/// The most values of a tensor: 4 GiB of them, as `f32`.
pub const MAX_TENSOR: usize = 1 << 30;

/// The most bytes of a tensor's name.
pub const MAX_NAME: usize = 1024;

/// A tensor of a file of weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name; a prefix that all names have is taken off.
    pub name: String,
    /// Its sizes, the slowest first; none of a single number.
    pub shape: Vec<usize>,
    /// The type of its numbers.
    pub dtype: NumberType,
}
