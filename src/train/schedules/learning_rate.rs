//! A schedule with what it depends on: warm-up, length of an epoch, averages.

use std::sync::Arc;

use std::fmt::Debug;

use crate::config::{Swa, Warmup};
use crate::train::schedules::schedule::{At, Schedule};

/// A schedule with what it depends on.
#[derive(Debug, Default)]
pub struct LearningRate {
    /// The schedule; none is constant.
    pub schedule: Option<Arc<dyn Schedule>>,
    /// Steps of the warm-up.
    pub warmup: u64,
    /// Steps of an epoch.
    pub per_epoch: u64,
    /// Steps of the whole training.
    pub steps: u64,
    /// The factor of the plateau schedule.
    pub reduced: f64,
    /// A constant rate from a step on, which overrides the schedule.
    pub last: Option<(u64, f64)>,
}

impl LearningRate {
    /// The pace of a training.
    pub fn new(
        schedule: Option<Arc<dyn Schedule>>,
        warmup: Option<Warmup>,
        per_epoch: usize,
        epochs: usize,
    ) -> LearningRate {
        let per_epoch = per_epoch as u64;
        let warmup = match warmup {
            None => 0,
            Some(Warmup::Steps(steps)) => steps as u64,
            Some(Warmup::Epochs { epochs }) => (epochs * per_epoch as f64).round() as u64,
        };
        LearningRate {
            schedule,
            warmup,
            per_epoch,
            steps: per_epoch.saturating_mul(epochs as u64),
            reduced: 1.0,
            last: None,
        }
    }

    /// With the rate of a mean over epochs, if it has one of its own.
    pub fn with_swa(mut self, swa: Option<Swa>) -> LearningRate {
        self.last = swa.and_then(|swa| {
            let epochs = swa.start_epoch.saturating_sub(1) as u64;
            Some((epochs.saturating_mul(self.per_epoch), swa.learning_rate?))
        });
        self
    }

    /// The learning rate, `step` steps after the beginning, where the optimizer's is `rate`.
    pub fn rate(&self, rate: f64, step: u64) -> f64 {
        match self.last {
            Some((from, last)) if step >= from => last,
            _ => rate * self.factor(step),
        }
    }

    /// What the optimizer's rate is multiplied by, `step` steps after the beginning.
    pub fn factor(&self, step: u64) -> f64 {
        let reduced = if self.reduced > 0.0 {
            self.reduced
        } else {
            1.0
        };
        if step < self.warmup {
            return reduced * (step + 1) as f64 / self.warmup as f64;
        }
        let at = At {
            step: step - self.warmup,
            steps: self.steps.saturating_sub(self.warmup),
            per_epoch: self.per_epoch,
        };
        let schedule = self.schedule.as_ref();
        reduced * schedule.map_or(1.0, |schedule| schedule.factor(at))
    }
}
