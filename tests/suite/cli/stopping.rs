//! What ends a training before its last epoch: no progress, a budget of steps or of minutes.

use serde_json::Value;

use crate::cli::resume::{assert_same, left, resume};
use crate::support::world::World;

fn values(history: &[Value], key: &str) -> Vec<f64> {
    let values = history.iter().map(|line| line[key].as_f64());
    values.map(|value| value.expect("a figure")).collect()
}

#[test]
fn early_stopping_follows_its_own_figure_and_best_stays_the_best() {
    let world = World::colours();
    let stopping = "train.early_stopping={monitor=\"valid_accuracy\",patience=3}";
    let run = world.train(&["--set", "train.epochs=200", "--set", stopping, "--json"]);
    let run = run.expect_success();
    let message =
        "the training ends here: valid_accuracy got no better for 3 epochs (train.early_stopping)";
    assert!(run.stderr.contains(message), "{}", run.stderr);
    let found = left(&world, "run");
    let accuracy = values(&found.history, "valid_accuracy");
    let count = accuracy.len();
    // The last improvement lies three epochs back; before it no three epochs were without one.
    let best = accuracy.iter().copied().fold(0.0, f64::max);
    let first = accuracy.iter().position(|x| *x == best).unwrap();
    assert_eq!(first + 4, count, "{accuracy:?}");
    // The loss went on getting better: it decides what is saved.
    let loss = values(&found.history, "valid_loss");
    let least = loss.iter().copied().fold(f64::INFINITY, f64::min);
    let best = loss.iter().position(|x| *x == least).unwrap() + 1;
    let end = run.json().pop().unwrap();
    assert_eq!(end["best_epoch"], best);
    assert_ne!(best, first + 1, "the two figures differ here");
    // A run that ended stays ended.
    let run = resume(&world, &[]).expect_success();
    assert!(run.stderr.contains(message), "{}", run.stderr);
    assert_same(&left(&world, "run"), &found, "when resumed");
    let run = resume(&world, &["--set", "train.early_stopping.patience=4"]).expect_success();
    assert!(run.stderr.contains("for 4 epochs"), "{}", run.stderr);
    assert_eq!(left(&world, "run").history.len(), count + 1);
}

#[test]
fn a_figure_that_there_is_not_is_named_with_its_key() {
    let world = World::colours();
    let check = |monitor: &str| {
        let stopping = format!("train.early_stopping={{monitor=\"{monitor}\",patience=3}}");
        let base = ["check", "--config", "experiment.toml", "--set"];
        let run = world.kiln(&[&base[..], &[&stopping]].concat());
        run.expect_failure().stderr
    };
    let message = check("val_loss");
    assert!(
        message.contains("train.early_stopping.monitor is \"val_loss\", expected one of"),
        "{message}"
    );
    assert!(message.contains("did you mean `valid_loss`?"), "{message}");
    let message = check("valid_r2");
    assert!(
        message.contains("train.early_stopping.monitor is \"valid_r2\", which classes have not"),
        "{message}"
    );
}

#[test]
fn a_budget_of_steps_ends_within_an_epoch_and_may_be_raised() {
    let world = World::colours();
    let run = world
        .train(&["--set", "train.max_steps=8"])
        .expect_success();
    let message = "the training ends here: train.max_steps = 8 are made";
    assert!(run.stderr.contains(message), "{}", run.stderr);
    let updates = || {
        let bytes = std::fs::read(world.path("run/last.safetensors")).unwrap();
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = header.metadata().as_ref().unwrap();
        let state: Value = serde_json::from_str(&metadata["kiln.checkpoint"]).unwrap();
        state["counters"]["updates"].as_u64().unwrap()
    };
    assert_eq!(updates(), 8);
    assert_eq!(left(&world, "run").history.len(), 2, "six steps an epoch");
    resume(&world, &["--set", "train.max_steps=20"]).expect_success();
    assert_eq!(updates(), 20);
    assert_eq!(left(&world, "run").history.len(), 4);
}

#[test]
fn a_budget_of_minutes_ends_a_training_without_an_end() {
    let world = World::colours();
    let sets = [
        "--set",
        "train.epochs=1000000",
        "--set",
        "train.max_minutes=0.01",
    ];
    let begin = std::time::Instant::now();
    let run = world.train(&sets).expect_success();
    let message = "the training ends here: train.max_minutes = 0.01 are over";
    assert!(run.stderr.contains(message), "{}", run.stderr);
    assert!(begin.elapsed().as_secs_f64() >= 0.6);
    assert!(!left(&world, "run").history.is_empty());
}
