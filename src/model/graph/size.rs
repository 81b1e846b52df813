//! Sizes of layers: what no machine holds is refused when a net is planned, and counts do not wrap around.

/// What a training pass holds of a layer beside its output, in values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Working {
    /// Of each sample.
    pub per_sample: u64,
    /// Whatever the batch.
    pub fixed: u64,
}

impl std::ops::Add for Working {
    type Output = Working;

    fn add(self, other: Working) -> Working {
        Working {
            per_sample: self.per_sample.saturating_add(other.per_sample),
            fixed: self.fixed.saturating_add(other.fixed),
        }
    }
}

/// The most values of a sample's output, and of a parameter: 4 TiB of them. No machine that trains small nets has
/// so much memory; sums and byte counts of what is below it do not wrap around.
pub const MOST_VALUES: usize = 1 << 40;

/// The product of sizes as a number of multiplications, or the largest number where it is larger.
pub fn cost(sizes: &[usize]) -> u64 {
    let sizes = sizes.iter().map(|&size| size as u64);
    sizes.fold(1, u64::saturating_mul)
}
