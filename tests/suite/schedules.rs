//! Learning rate schedules against PyTorch's, step by step, and `reduce_on_plateau` against Keras's
//! (`tests/reference/schedules_reference.py` recorded the rates).

use kiln::config::{Path, Spec, Warmup, read_member};
use kiln::train::{LearningRate, SCHEDULES, Schedule};
use serde_json::Value as Json;

use crate::support::recorded::{self, numbers};

const TOLERANCE: f64 = 1e-9;

const EPOCHS: usize = 10;
const PER_EPOCH: usize = 10;

fn cases() -> Vec<Json> {
    recorded::cases(include_str!("../reference/schedules.json"), "cases")
}

fn schedule(case: &Json) -> Box<dyn Schedule> {
    let spec: Spec = serde_json::from_value(case["schedule"].clone()).expect("a schedule");
    let read = read_member(SCHEDULES, "schedule", &spec, &Path::default());
    read.unwrap_or_else(|faults| panic!("{}: {faults:?}", case["name"]))
}

#[test]
fn every_rate_is_the_peers() {
    for case in cases() {
        let expected = numbers(&case["rates"]);
        let schedule = schedule(&case);
        let found: Vec<f64> = match schedule.plateau() {
            Some(plateau) => {
                let losses = numbers(&case["losses"]);
                let seen = |count: usize| losses[..count].iter().map(|&loss| Some(loss));
                let after = |count| plateau.after(&mut seen(count), false);
                (1..=losses.len()).map(after).collect()
            }
            None => {
                let warmup = case["warmup"].as_u64();
                let warmup = warmup.map(|steps| Warmup::Steps(steps as usize));
                let pace = LearningRate::new(Some(schedule.into()), warmup, PER_EPOCH, EPOCHS);
                (0..EPOCHS * PER_EPOCH)
                    .map(|step| pace.factor(step as u64))
                    .collect()
            }
        };
        assert_eq!(found.len(), expected.len(), "{}", case["name"]);
        for (step, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let error = (found - expected).abs();
            assert!(
                error < TOLERANCE,
                "{}, {step}: {found}, expected {expected}",
                case["name"]
            );
        }
    }
}

#[test]
fn every_schedule_has_figures() {
    let cases = cases();
    for member in SCHEDULES {
        let of = |case: &Json| case["schedule"].get(member.name).is_some();
        assert!(cases.iter().any(of), "{}", member.name);
    }
}
