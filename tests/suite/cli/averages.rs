//! `train.ema` and `train.swa`: which weights are validated and saved, and that a resumed run averages as one that
//! was left alone.

use std::collections::BTreeMap;

use safetensors::SafeTensors;

use crate::cli::resume::{MANY, assert_same, left, left_alone, resume};
use crate::support::world::World;

pub type Tensors = BTreeMap<String, Vec<f32>>;

const EMA: [&str; 2] = ["--set", "train.ema={decay=0.9}"];

pub fn tensors(world: &World, file: &str) -> Tensors {
    let bytes = std::fs::read(world.path(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    file.iter()
        .map(|(name, view)| (name.to_string(), values(view.data())))
        .collect()
}

fn values(bytes: &[u8]) -> Vec<f32> {
    let chunks = bytes.chunks_exact(4);
    chunks
        .map(|b| f32::from_le_bytes(b.try_into().expect("four bytes")))
        .collect()
}

/// The tensors below a name, without it.
fn below(tensors: &Tensors, name: &str) -> Tensors {
    let found = tensors.iter().filter_map(|(full, values)| {
        let rest = full.strip_prefix(name)?.strip_prefix('/')?;
        Some((rest.to_string(), values.clone()))
    });
    found.collect()
}

fn eval_loss(world: &World, file: &str) -> f64 {
    let arguments = [
        "eval", "-m", file, "-d", "valid", "--device", "cpu", "--json",
    ];
    let run = world.kiln(&arguments).expect_success();
    run.json()[0]["loss"].as_f64().expect("a loss")
}

#[test]
fn the_average_is_what_validation_best_eval_and_predict_show() {
    let world = World::colours();
    // Every epoch of so slow an average is the best.
    let slow = ["--set", "train.ema={decay=0.95,warmup=false}"];
    world.train(&slow).expect_success();
    let history = left(&world, "run").history;
    assert_eq!(history[3]["best"], true, "{:?}", history[3]);
    let last = tensors(&world, "run/last.safetensors");
    let average = below(&last, "ema");
    assert_eq!(tensors(&world, "run/best.safetensors"), average);
    assert_ne!(average["model.3.weight"], last["model.3.weight"]);
    let expected = history[3]["valid_loss"].as_f64().unwrap();
    for file in ["run/best.safetensors", "run/last.safetensors"] {
        let found = eval_loss(&world, file);
        assert!(
            (found - expected).abs() < 1e-9,
            "{file}: {found} {expected}"
        );
    }
    // The weights themselves are those of a run without an average.
    std::fs::rename(world.path("run"), world.path("averaged")).unwrap();
    world.train(&[]).expect_success();
    let plain = tensors(&world, "run/last.safetensors");
    for (name, values) in plain {
        assert_eq!(last[&name], values, "{name}");
    }
}

#[test]
fn a_resumed_run_averages_as_one_that_was_left_alone() {
    let layers = "model.layers=[{conv2d={filters=4,kernel=3}},{batch_norm={}},{relu={}},{flatten={}},{dense={units=1}}]";
    let swa = "train.swa={start_epoch=2,learning_rate=0.003}";
    for average in [EMA[1], swa] {
        for back_off in [false, true] {
            let world = World::colours();
            let policy = format!(
                "train.on_non_finite={}",
                if back_off { "back_off" } else { "stop" }
            );
            let sets = ["--set", layers, "--set", average, "--set", &policy];
            let sets = [&sets[..], &MANY].concat();
            let first = [&sets[..], &["--set", "train.epochs=2"]].concat();
            world.train(&first).expect_success();
            resume(&world, &["--set", "train.epochs=5"]).expect_success();
            let longer = [&sets[..], &["--set", "train.epochs=5"]].concat();
            let alone = left_alone(&world, &longer);
            let when = format!("with {average}, keeping: {back_off}");
            assert_same(&left(&world, "run"), &alone, &when);
            // Where a kill came before it, the best model comes from the checkpoint.
            if alone.history[4]["best"] == true {
                std::fs::remove_file(world.path("run/best.safetensors")).unwrap();
                resume(&world, &[]).expect_success();
                assert_same(&left(&world, "run"), &alone, &when);
            }
        }
    }
}

#[test]
fn verify_holds_with_an_average() {
    let world = World::colours();
    for average in ["train.ema={}", "train.swa={start_epoch=1}"] {
        let base = ["train", "--config", "experiment.toml", "--device", "cpu"];
        let more = ["--verify", "15", "--json", "--set", average];
        let run = world.kiln(&[&base[..], &more].concat()).expect_success();
        assert_eq!(run.json()[0]["same"], true, "{average}");
    }
}

#[test]
fn the_mean_over_epochs_is_that_of_the_weights_at_their_ends() {
    let world = World::colours();
    let swa = "train.swa={start_epoch=2,learning_rate=0.003}";
    let sets = ["--set", swa, "--set", "checkpoint.keep=5"];
    world.train(&sets).expect_success();
    let ends = ["last-2", "last-1", "last"]
        .map(|name| tensors(&world, &format!("run/{name}.safetensors")));
    let mean = below(&ends[2], "swa");
    assert_eq!(mean.len(), 4);
    for (name, values) in &mean {
        for (index, found) in values.iter().enumerate() {
            let sum: f32 = ends.iter().map(|end| end[name][index]).sum();
            assert!((found - sum / 3.0).abs() < 1e-6, "{name}[{index}]");
        }
    }
    assert!(below(&tensors(&world, "run/last-3.safetensors"), "swa").is_empty());
    let history = left(&world, "run").history;
    let rates: Vec<f64> = history
        .iter()
        .map(|line| line["learning_rate"].as_f64().unwrap())
        .collect();
    assert_eq!(rates, [0.01, 0.003, 0.003, 0.003]);
    let found = eval_loss(&world, "run/last.safetensors");
    let expected = history[3]["valid_loss"].as_f64().unwrap();
    assert!((found - expected).abs() < 1e-9, "{found} {expected}");
}

#[test]
fn running_averages_of_the_mean_are_measured_over_the_epoch() {
    let world = World::colours();
    // Of the inputs, which no weight changes: the mean over all samples, however they are batched.
    let layers = "model.layers=[{flatten={}},{batch_norm={}},{dense={units=1}}]";
    let mut found = Vec::new();
    for batch in ["train.batch_size=5", "train.batch_size=all"] {
        let sets = ["--set", layers, "--set", "augment={}", "--set", batch];
        let swa = ["--set", "train.swa={start_epoch=3}"];
        world.train(&[&sets[..], &swa].concat()).expect_success();
        let last = tensors(&world, "run/last.safetensors");
        let mean = &last["swa/model.1.running_mean"];
        // Four or twenty steps from 0 with a momentum of 0.99 are far from it.
        let far = |(a, b): (&f32, &f32)| (a - b).abs() > 0.01;
        assert!(mean.iter().zip(&last["model.1.running_mean"]).any(far));
        found.push(mean.clone());
        std::fs::remove_dir_all(world.path("run")).unwrap();
    }
    for (index, (a, b)) in found[0].iter().zip(&found[1]).enumerate() {
        assert!((a - b).abs() < 1e-6, "{index}: {a} {b}");
    }
}

#[test]
fn an_average_neither_begins_nor_ends_on_the_way_but_its_numbers_may_change() {
    let world = World::colours();
    world.train(&EMA).expect_success();
    let more = ["--set", "train.epochs=5", "--set", "train.ema.decay=0.5"];
    let run = resume(&world, &more).expect_success();
    let message = "changed: train.ema.decay: 0.9 -> 0.5\n";
    assert!(run.stderr.contains(message), "{}", run.stderr);
    std::fs::remove_dir_all(world.path("run")).unwrap();
    world.train(&[]).expect_success();
    let run = resume(&world, &["--set", "train.ema={}"]).expect_failure();
    let message =
        "train.ema the run was begun without an average of the weights; it cannot go on with one";
    assert!(run.stderr.contains(message), "{}", run.stderr);
    let both = [
        "--set",
        "train.ema={}",
        "--set",
        "train.swa={start_epoch=2}",
    ];
    let run = world.kiln(&[&["check", "--config", "experiment.toml"][..], &both].concat());
    let run = run.expect_failure();
    assert!(
        run.stderr.contains("train.swa is there beside train.ema"),
        "{}",
        run.stderr
    );
    let late = ["--set", "train.swa={start_epoch=5}"];
    let run = world.kiln(&[&["check", "--config", "experiment.toml"][..], &late].concat());
    let message = "train.swa.start_epoch is 5, but there are 4 epochs";
    let run = run.expect_failure();
    assert!(run.stderr.contains(message), "{}", run.stderr);
}
