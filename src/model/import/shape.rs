//! The shapes of tensors, which are believed within bounds only.

use super::tensor::{MAX_RANK, MAX_TENSOR};
use super::unread::Unread;

/// The sizes of a tensor, and how many values that is.
///
/// # Errors
/// More dimensions or values than are read.
pub fn checked_shape(sizes: &[u64]) -> Result<(Vec<usize>, usize), Unread> {
    if sizes.len() > MAX_RANK {
        return Err(Unread::Dimensions(sizes.len()));
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
        None => Err(Unread::Values(shape)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_within_bounds() {
        assert_eq!(checked_shape(&[2, 3]).expect("small"), (vec![2, 3], 6));
        assert_eq!(checked_shape(&[]).expect("a number"), (vec![], 1));
        let many = u64::MAX;
        assert_eq!(checked_shape(&[many, many, 0]).expect("empty").1, 0);
        checked_shape(&[many, many]).expect_err("too many");
        checked_shape(&[1; 9]).expect_err("too many dimensions");
    }
}
