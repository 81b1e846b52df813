//! What happens to each row after the warp, while it is in the fastest cache.

use super::warp::RowPass;
use crate::data::preprocess::Scale;

/// A whole number of pixels of 1 and of 3 channels, and of the machine's vectors.
const PERIOD: usize = 48;

/// The pass after the warp.
pub struct Finish {
    factor: [f32; PERIOD],
    offset: [f32; PERIOD],
}

impl Finish {
    /// Scales each channel at the end.
    pub fn new(scale: &Scale, channels: usize) -> Finish {
        let mut finish = Finish {
            factor: [0.0; PERIOD],
            offset: [0.0; PERIOD],
        };
        for index in 0..PERIOD {
            finish.offset[index] = scale.apply(0.0, index % channels);
            finish.factor[index] = scale.factor(index % channels);
        }
        finish
    }
}

impl RowPass for Finish {
    #[inline(always)]
    fn run(&self, _: usize, levels: &mut [f32]) {
        let mut blocks = levels.chunks_exact_mut(PERIOD);
        for block in &mut blocks {
            for index in 0..PERIOD {
                block[index] = block[index] * self.factor[index] + self.offset[index];
            }
        }
        for (index, level) in blocks.into_remainder().iter_mut().enumerate() {
            *level = *level * self.factor[index] + self.offset[index];
        }
    }
}
