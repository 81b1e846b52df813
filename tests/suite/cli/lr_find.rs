//! `kiln lr-find`: the curve, what it suggests, and that it leaves nothing behind.

use serde_json::Value;

use crate::support::world::{Run, World};

fn find(world: &World, more: &[&str]) -> Run {
    let base = ["lr-find", "--config", "experiment.toml", "--device", "cpu"];
    world.kiln(&[&base[..], more].concat())
}

fn steps(run: &Run) -> (Vec<Value>, Value) {
    let mut lines = run.json();
    let end = lines.pop().expect("a last line");
    (lines, end)
}

#[test]
fn the_rate_grows_evenly_and_the_suggestion_trains() {
    let world = World::colours();
    let (lines, end) = steps(&find(&world, &["--json"]).expect_success());
    let rates: Vec<f64> = lines
        .iter()
        .map(|line| line["learning_rate"].as_f64().unwrap())
        .collect();
    assert!((rates[0] - 1e-7).abs() < 1e-15);
    let factor = 1e8f64.powf(1.0 / 99.0);
    for pair in rates.windows(2) {
        assert!((pair[1] / pair[0] / factor - 1.0).abs() < 1e-9, "{pair:?}");
    }
    assert_eq!(rates.len(), 100, "{end}");
    let suggestion = end["suggestion"].as_f64().expect("a rate");
    assert!((1e-5..1.0).contains(&suggestion), "{end}");
    let set = end["set"].as_str().expect("a setting");
    world
        .train(&["--set", set, "--set", "train.epochs=8"])
        .expect_success();
    let history = world.read("run/history.jsonl");
    let last: Value = serde_json::from_str(history.lines().last().unwrap()).unwrap();
    assert_eq!(last["valid_accuracy"], 1.0, "{last}");
}

#[test]
fn a_sweep_ends_where_the_loss_goes_up() {
    let world = World::colours();
    // Images in the wrong folder, which no weights are right for.
    for number in 0..6 {
        let name = format!("train/red/wrong{number}.png");
        world.image(&name, [20, 40, 220], 100 + number);
    }
    let net = "model.layers=[{flatten={}},{dense={units=1}}]";
    let sets = ["--set", "train.optimizer=sgd", "--set", net];
    let range = ["--to", "1e5", "--steps", "150", "--no-audit"];
    let sets = [&sets[..], &range].concat();
    let (lines, end) = steps(&find(&world, &[&["--json"][..], &sets].concat()).expect_success());
    assert_eq!(end["diverged"], true, "{end}");
    let count = lines.len();
    assert!(count < 150);
    let set = end["set"].as_str().expect("a setting");
    assert!(
        set.starts_with("train.optimizer.sgd.learning_rate="),
        "{set}"
    );
    assert!(
        end["suggestion"].as_f64().unwrap() < 1.0,
        "before the loss goes up: {end}"
    );
    for style in ["style=keras", "style=torch"] {
        let named = ["--set", "train.optimizer=sgd", "--set", set, "--set", style];
        let once = ["--set", "train.epochs=1", "--no-audit"];
        world.train(&[&named[..], &once].concat()).expect_success();
        std::fs::remove_dir_all(world.path("run")).unwrap();
    }
    let text = find(&world, &sets).expect_success().stdout;
    let message = format!("ended after {count} of 150 steps: the loss went up");
    assert!(text.contains(&message), "{text}");
    let command = format!("--set train.optimizer=sgd --set '{net}' --set {set}\n");
    assert!(text.ends_with(&command), "{text}");
}

#[test]
fn the_same_seed_gives_the_same_curve_for_any_number_of_threads_and_nothing_is_written() {
    let world = World::colours();
    let curve = |more: &[&str]| {
        find(&world, &[&["--json"], more].concat())
            .expect_success()
            .stdout
    };
    let first = curve(&[]);
    assert_eq!(curve(&["--threads", "3"]), first);
    assert_ne!(curve(&["--set", "seed=4"]), first);
    // Groups of batches are one update.
    let (lines, _) =
        steps(&find(&world, &["--json", "--set", "train.accumulate=2"]).expect_success());
    let at_once = find(&world, &["--json", "--set", "train.batch_size=8"]).expect_success();
    let (at_once, _) = steps(&at_once);
    for (a, b) in lines.iter().zip(&at_once).take(20) {
        let (a, b) = (a["loss"].as_f64().unwrap(), b["loss"].as_f64().unwrap());
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
    assert!(!world.path("runs").exists() && !world.path("run").exists());
    let left = std::fs::read_dir(world.path(".")).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.retain(|name| name != "cache");
    left.sort();
    assert_eq!(left, ["experiment.toml", "train", "valid"]);
}

#[test]
fn the_curve_is_drawn_and_the_command_printed() {
    let world = World::colours();
    let plot = ["--plot", "curve.svg", "--steps", "60"];
    let run = find(&world, &plot).expect_success();
    assert!(
        run.stdout.contains('│') && run.stdout.contains('▲'),
        "{}",
        run.stdout
    );
    let message =
        "\n  kiln train --config experiment.toml --set train.optimizer.adam.learning_rate=";
    assert!(run.stdout.contains(message), "{}", run.stdout);
    assert!(run.stdout.contains("\nsuggestion: ") && run.stdout.contains("\notherwise: "));
    let svg = world.read("curve.svg");
    assert!(
        svg.contains("<polyline") && svg.contains("the middle of the fall"),
        "{svg}"
    );
}

#[test]
fn rates_that_are_no_range_are_refused_and_images_of_other_kinds_too() {
    let world = World::colours();
    let run = find(&world, &["--from", "1", "--to", "0.1"]).expect_failure();
    assert!(
        run.stderr.contains("--from 1 --to 0.1: expected two rates"),
        "{}",
        run.stderr
    );
    let run = find(&world, &["--plot", "curve.png"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("expected a name that ends with .svg"),
        "{}",
        run.stderr
    );
    assert_eq!(find(&world, &["--steps", "5"]).code, 2);
}
