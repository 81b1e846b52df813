//! Learning rate schedules: one file each. A schedule gives the factor of the optimizer's rate at a step, as a
//! function of the step's number alone, so that a resumed run has the rates of one that was never stopped.
//!
//! Adding a schedule: one file, and one line in [`SCHEDULES`].

mod constant;
mod cosine;
mod exponential;
mod noam;
mod one_cycle;
mod plateau;
mod polynomial;
mod step;

use std::fmt::Debug;

use crate::config::{Member, Swa, Warmup};
use crate::family;

pub use plateau::ReduceOnPlateau;

/// Where a training stands.
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
    fn epoch(&self) -> u64 {
        self.step / self.per_epoch.max(1)
    }

    /// How much of the training is over, 0 to 1.
    fn progress(&self) -> f64 {
        (self.step as f64 / self.steps.max(1) as f64).min(1.0)
    }
}

/// How the learning rate changes.
pub trait Schedule: Debug + Send + Sync {
    /// What the optimizer's rate is multiplied by.
    fn factor(&self, at: At) -> f64;

    /// The schedule, where it follows the figures of validation.
    fn plateau(&self) -> Option<&ReduceOnPlateau> {
        None
    }
}

/// Every schedule.
pub const SCHEDULES: &[Member<dyn Schedule>] = family! { dyn Schedule:
    "constant" => constant::Constant,
    "step" => step::Step,
    "exponential" => exponential::Exponential,
    "cosine" => cosine::Cosine,
    "polynomial" => polynomial::Polynomial,
    "one_cycle" => one_cycle::OneCycle,
    "noam" => noam::Noam,
    "reduce_on_plateau" => plateau::ReduceOnPlateau,
};

/// A schedule with what it depends on.
#[derive(Debug, Default)]
pub struct Pace {
    /// The schedule; none is constant.
    pub schedule: Option<Box<dyn Schedule>>,
    /// Steps of the warm-up.
    pub warmup: u64,
    /// Steps of an epoch.
    pub per_epoch: u64,
    /// Steps of the whole training.
    pub steps: u64,
    /// What the figures of validation have made of the rate.
    pub reduced: f64,
    /// A rate that holds from a step on, whatever the rest says.
    pub last: Option<(u64, f64)>,
}

impl Pace {
    /// The pace of a training.
    pub fn new(
        schedule: Option<Box<dyn Schedule>>,
        warmup: Option<Warmup>,
        per_epoch: usize,
        epochs: usize,
    ) -> Pace {
        let per_epoch = per_epoch as u64;
        let warmup = match warmup {
            None => 0,
            Some(Warmup::Steps(steps)) => steps as u64,
            Some(Warmup::Epochs { epochs }) => (epochs * per_epoch as f64).round() as u64,
        };
        Pace {
            schedule,
            warmup,
            per_epoch,
            steps: per_epoch.saturating_mul(epochs as u64),
            reduced: 1.0,
            last: None,
        }
    }

    /// With the rate of a mean over epochs, if it has one of its own.
    pub fn with_swa(mut self, swa: Option<Swa>) -> Pace {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Path, Spec, read_member};

    fn read(json: serde_json::Value) -> Box<dyn Schedule> {
        let spec: Spec = serde_json::from_value(json).expect("a schedule");
        read_member(SCHEDULES, "schedule", &spec, &Path::default()).expect("options")
    }

    fn close(found: &[f64], expected: &[f64]) {
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn a_mean_over_epochs_may_have_a_rate_of_its_own() {
        let schedule = Some(read(serde_json::json!({"exponential": {"gamma": 0.5}})));
        let swa = Swa {
            start_epoch: 3,
            learning_rate: Some(0.3),
        };
        let pace = Pace::new(schedule, None, 10, 4).with_swa(Some(swa));
        let found: Vec<f64> = [9, 10, 19, 20, 39]
            .map(|step| pace.rate(0.1, step))
            .to_vec();
        close(&found, &[0.1, 0.05, 0.05, 0.3, 0.3]);
    }

    #[test]
    fn a_warm_up_rises_by_the_step_and_then_the_schedule_begins() {
        let schedule = Some(read(serde_json::json!({"cosine": {}})));
        let pace = Pace::new(schedule, Some(Warmup::Steps(4)), 10, 2);
        let found: Vec<f64> = [0, 3, 4, 12].map(|step| pace.factor(step)).to_vec();
        close(&found, &[0.25, 1.0, 1.0, 0.5]);
    }
}
