//! The trait of a learning rate schedule.

use std::fmt::Debug;

/// The progress of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Steps before this one; those of the warm-up do not count.
    pub step: u64,
    /// Steps of the whole training, but for the warm-up.
    pub steps: u64,
    /// Steps of an epoch.
    pub per_epoch: u64,
}

impl At {
    /// Epochs that are over.
    pub fn epoch(&self) -> u64 {
        self.step / self.per_epoch.max(1)
    }

    /// How much of the training is over, 0 to 1.
    pub fn progress(&self) -> f64 {
        (self.step as f64 / self.steps.max(1) as f64).min(1.0)
    }
}

/// How the learning rate changes.
pub trait Schedule: Debug + Send + Sync {
    /// What the optimizer's rate is multiplied by.
    fn factor(&self, at: At) -> f64;

    /// The schedule, where it follows the figures of validation.
    fn plateau(&self) -> Option<&dyn FollowFigures> {
        None
    }
}

/// A schedule that follows the figures of validation.
pub trait FollowFigures {
    /// What the rate is multiplied by after epochs with these values of `train.monitor`.
    fn after(&self, values: &mut dyn Iterator<Item = Option<f64>>, higher_is_better: bool) -> f64;
}
