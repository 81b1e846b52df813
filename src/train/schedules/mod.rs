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
            steps: per_epoch * epochs as u64,
            reduced: 1.0,
            last: None,
        }
    }

    /// With the rate of a mean over epochs, if it has one of its own.
    pub fn with_swa(mut self, swa: Option<Swa>) -> Pace {
        self.last = swa.and_then(|swa| {
            let epochs = swa.start_epoch.saturating_sub(1) as u64;
            Some((epochs * self.per_epoch, swa.learning_rate?))
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

    fn factors(json: serde_json::Value, at: &[u64]) -> Vec<f64> {
        let schedule = read(json);
        let at = at.iter().map(|&step| At {
            step,
            steps: 100,
            per_epoch: 10,
        });
        at.map(|at| schedule.factor(at)).collect()
    }

    fn close(found: &[f64], expected: &[f64]) {
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    /// `torch.optim.lr_scheduler` of PyTorch 2.15, rate 1, stepped as its documentation says.
    #[test]
    fn factors_agree_with_pytorch() {
        use serde_json::json;
        // StepLR(step_size=3, gamma=0.5), MultiStepLR([2, 5]), ExponentialLR(0.9): by the epoch.
        let step = json!({"step": {"epochs": 3, "gamma": 0.5}});
        close(&factors(step, &[0, 29, 30, 65]), &[1.0, 1.0, 0.5, 0.25]);
        let step = json!({"step": {"milestones": [2, 5]}});
        close(&factors(step, &[19, 20, 50]), &[1.0, 0.1, 0.01]);
        let exponential = json!({"exponential": {"gamma": 0.9}});
        close(&factors(exponential, &[5, 25]), &[1.0, 0.81]);
        // CosineAnnealingLR(T_max=100), CosineAnnealingWarmRestarts(T_0=20, T_mult=2): by the step.
        let cosine = json!({"cosine": {}});
        close(&factors(cosine, &[0, 50, 25]), &[1.0, 0.5, 0.853_553_39]);
        let cosine = json!({"cosine": {"cycle_epochs": 2, "cycle_growth": 2}});
        close(&factors(cosine, &[10, 20, 40, 60]), &[0.5, 1.0, 0.5, 1.0]);
        // PolynomialLR(total_iters=100, power=2).
        let polynomial = json!({"polynomial": {"power": 2}});
        close(&factors(polynomial, &[0, 50, 100]), &[1.0, 0.25, 0.0]);
        // OneCycleLR(max_lr=1, total_steps=100).
        let one_cycle = json!({"one_cycle": {}});
        close(
            &factors(one_cycle, &[0, 10, 29, 60, 99]),
            &[0.04, 0.295_163_95, 1.0, 0.589_280_09, 4e-6],
        );
    }

    #[test]
    fn a_warm_up_rises_by_the_step_and_then_the_schedule_begins() {
        let schedule = Some(read(serde_json::json!({"cosine": {}})));
        let pace = Pace::new(schedule, Some(Warmup::Steps(4)), 10, 2);
        let found: Vec<f64> = [0, 3, 4, 12].map(|step| pace.factor(step)).to_vec();
        close(&found, &[0.25, 1.0, 1.0, 0.5]);
    }

    #[test]
    fn noam_rises_to_its_peak_and_falls_with_the_root() {
        let noam = serde_json::json!({"noam": {"warmup_steps": 4}});
        close(&factors(noam, &[0, 3, 15]), &[0.25, 1.0, 0.5]);
    }
}
