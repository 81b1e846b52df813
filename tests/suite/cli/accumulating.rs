//! `train.accumulate`: several batches make one update, as one large batch does.

use serde_json::Value;

use crate::cli::averages::{Tensors, tensors};
use crate::cli::resume::{assert_same, left, left_alone, resume, stopped_by};
use crate::support::world::World;

const SGD: &str = "train.optimizer={sgd={learning_rate=0.1,momentum=0.9}}";

fn trained(world: &World, sets: &[&str]) -> (Tensors, Vec<Value>) {
    let all: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    world.train(&all).expect_success();
    let found = tensors(world, "run/last.safetensors");
    let history = left(world, "run").history;
    std::fs::remove_dir_all(world.path("run")).unwrap();
    (found, history)
}

#[track_caller]
fn assert_close(found: &Tensors, expected: &Tensors) {
    for (name, values) in expected {
        let size = values.iter().fold(0f32, |most, x| most.max(x.abs()));
        for (index, (a, b)) in found[name].iter().zip(values).enumerate() {
            let error = (a - b).abs() / size;
            assert!(error < 1e-6, "{name}[{index}]: {a}, at once {b}");
        }
    }
}

#[test]
fn several_batches_are_one_large_one_also_where_the_last_group_is_smaller() {
    let world = World::colours();
    let weights = "train.class_weights=[1.0, 2.5]";
    let two = ["train.epochs=2", SGD, weights];
    for (batch, times, large) in [(4, 2, 8), (4, 4, 16), (5, 2, 10), (3, 5, 15)] {
        let small = format!("train.batch_size={batch}");
        let group = format!("train.accumulate={times}");
        let (found, history) = trained(&world, &[&two[..], &[&small, &group]].concat());
        let large = format!("train.batch_size={large}");
        let (expected, at_once) = trained(&world, &[&two[..], &[&large]].concat());
        assert_close(&found, &expected);
        let loss = |history: &[Value]| history[1]["train_loss"].as_f64().unwrap();
        let (found, expected) = (loss(&history), loss(&at_once));
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
}

#[test]
fn clipping_and_penalties_are_for_the_group_and_schedules_count_updates() {
    let world = World::colours();
    let sets = [SGD, "train.clip_norm=0.1", "train.l2=0.01", "train.ema={}"];
    let schedule = ["train.schedule={cosine={}}", "train.warmup=1"];
    let sets = [&sets[..], &schedule].concat();
    let few = ["train.batch_size=4", "train.accumulate=6"];
    let (found, history) = trained(&world, &[&sets[..], &few].concat());
    let (expected, at_once) = trained(&world, &[&sets[..], &["train.batch_size=all"]].concat());
    assert_close(&found, &expected);
    let rates = |history: &[Value]| -> Vec<Value> {
        history
            .iter()
            .map(|line| line["learning_rate"].clone())
            .collect()
    };
    assert_eq!(rates(&history), rates(&at_once));
    assert_ne!(rates(&history)[1], rates(&history)[3]);
    let some = [
        "train.batch_size=4",
        "train.accumulate=2",
        "train.max_steps=4",
    ];
    let (_, history) = trained(&world, &some);
    assert_eq!(history.len(), 2, "three updates an epoch");
}

#[test]
#[cfg(unix)]
fn a_run_that_is_stopped_finishes_its_group_and_goes_on_with_the_same_bits() {
    let world = World::colours();
    let sets = [
        "--set",
        "train.batch_size=2",
        "--set",
        "train.accumulate=5",
        "--set",
        "checkpoint.every_steps=1",
    ];
    let run = stopped_by(&world, "-INT", &sets);
    assert_eq!(run.code, 130, "{}", run.stderr);
    let bytes = std::fs::read(world.path("run/last.safetensors")).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().as_ref().unwrap();
    let state: Value = serde_json::from_str(&metadata["kiln.checkpoint"]).unwrap();
    let batch = state["batch"].as_u64().unwrap();
    assert!(batch.is_multiple_of(5) || batch == 12, "{batch}");
    let more = world.read("run/history.jsonl").lines().count() + 2;
    let epochs = format!("train.epochs={more}");
    resume(&world, &["--set", &epochs]).expect_success();
    let all = [&sets[..], &["--set", &epochs]].concat();
    assert_same(&left(&world, "run"), &left_alone(&world, &all), "stopped");
    let base = ["train", "--config", "experiment.toml", "--device", "cpu"];
    let verify = ["--verify", "7", "--json"];
    let run = world
        .kiln(&[&base[..], &verify, &sets].concat())
        .expect_success();
    assert_eq!(run.json()[0]["same"], true);
    let run = resume(&world, &["--set", "train.accumulate=2"]).expect_failure();
    let message = "train.accumulate is 2, but the run was begun with 5";
    assert!(run.stderr.contains(message), "{}", run.stderr);
}
