//! Sizes of layers: what no machine holds is refused when a net is planned, and counts do not wrap around.

use super::{LayerPlan, Mismatch};
use crate::model::params::ParamSpec;

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
pub(super) fn cost(sizes: &[usize]) -> u64 {
    let sizes = sizes.iter().map(|&size| size as u64);
    sizes.fold(1, u64::saturating_mul)
}

impl LayerPlan {
    /// # Errors
    /// An output or a parameter of more than [`MOST_VALUES`] values.
    pub(in crate::model) fn within_bounds(self) -> Result<LayerPlan, Mismatch> {
        let most = format!("more than the {MOST_VALUES} (4 TiB) that can be");
        let large = |spec: &&ParamSpec| spec.num_elements() > MOST_VALUES;
        if let Some(spec) = self.params.iter().find(large) {
            let message = format!("has {:?} values in its {}, {most}", spec.shape, spec.name);
            return Err(Mismatch::new(message).hint("make the sizes of the layer smaller"));
        }
        if self.output.num_elements() > MOST_VALUES {
            let message = format!("gives {} values a sample, {most}", self.output);
            return Err(Mismatch::new(message).hint("make the sizes of the layer smaller"));
        }
        Ok(self)
    }
}
