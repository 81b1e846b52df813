//! Learning rate schedules: one file each. A schedule gives the factor of the optimizer's rate at a step, as a
//! function of the step's number alone, so that a resumed run has the rates of one that was never stopped.
//!
//! Adding a schedule: one file, and one line in [`SCHEDULES`].

mod constant;
mod cosine;
mod exponential;
pub mod learning_rate;
mod noam;
mod one_cycle;
mod plateau;
mod polynomial;
pub mod schedule;
mod step;

use crate::config::Member;
use crate::family;
use crate::train::schedules::schedule::Schedule;

pub use plateau::ReduceOnPlateau;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Path, Spec, Swa, Warmup, read_member};
    use crate::train::schedules::learning_rate::LearningRate;

    fn read(json: serde_json::Value) -> std::sync::Arc<dyn Schedule> {
        let spec: Spec = serde_json::from_value(json).expect("a schedule");
        read_member(SCHEDULES, "schedule", &spec, &Path::default())
            .expect("options")
            .into()
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
        let pace = LearningRate::new(schedule, None, 10, 4).with_swa(Some(swa));
        let found: Vec<f64> = [9, 10, 19, 20, 39]
            .map(|step| pace.rate(0.1, step))
            .to_vec();
        close(&found, &[0.1, 0.05, 0.05, 0.3, 0.3]);
    }

    #[test]
    fn a_warm_up_rises_by_the_step_and_then_the_schedule_begins() {
        let schedule = Some(read(serde_json::json!({"cosine": {}})));
        let pace = LearningRate::new(schedule, Some(Warmup::Steps(4)), 10, 2);
        let found: Vec<f64> = [0, 3, 4, 12].map(|step| pace.factor(step)).to_vec();
        close(&found, &[0.25, 1.0, 1.0, 0.5]);
    }
}
