//! What a file says of its tensors, whatever its format.

use super::number_type::NumberType;

/// The most dimensions of a tensor.
pub const MAX_RANK: usize = 8;

/// The most values of a tensor: 4 GiB of them, as `f32`.
const MAX_TENSOR: usize = 1 << 30;

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

/// The sizes of a tensor, and how many values that is.
///
/// # Errors
/// More dimensions or values than are read; words that follow the tensor's name.
pub fn checked_shape(sizes: &[u64]) -> Result<(Vec<usize>, usize), String> {
    if sizes.len() > MAX_RANK {
        return Err(format!(
            "has {} dimensions, expected at most {MAX_RANK}",
            sizes.len()
        ));
    }
    let shape: Vec<usize> = sizes
        .iter()
        .map(|size| usize::try_from(*size).unwrap_or(usize::MAX))
        .collect();
    let empty = shape.contains(&0);
    let count = shape
        .iter()
        .try_fold(1usize, |all, size| all.checked_mul(*size));
    match count.filter(|count| *count <= MAX_TENSOR) {
        Some(count) => Ok((shape, count)),
        None if empty => Ok((shape, 0)),
        None => Err(format!(
            "has the shape {shape:?}, more than {MAX_TENSOR} values"
        )),
    }
}
