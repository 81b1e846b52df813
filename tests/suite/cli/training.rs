//! `train`: what it writes, that it learns, that the same experiment gives the same bits.

use serde_json::Value;

use crate::support::world::World;

#[test]
fn writes_everything_into_a_new_run_folder() {
    let world = World::colours();
    let base = ["train", "--config", "experiment.toml", "--device", "cpu"];
    world.kiln(&base).expect_success();
    world.kiln(&base).expect_success();
    for run in ["runs/colours-1", "runs/colours-2"] {
        let history = world.read(&format!("{run}/history.jsonl"));
        assert_eq!(history.lines().count(), 4);
        let first: Value = serde_json::from_str(history.lines().next().unwrap()).unwrap();
        for key in [
            "epoch",
            "train_loss",
            "valid_loss",
            "valid_accuracy",
            "valid_balanced_accuracy",
            "valid_precision",
            "valid_recall",
            "valid_f1",
            "valid_auc",
            "valid_pr_auc",
            "valid_log_loss",
            "valid_brier",
            "valid_ece",
            "valid_f1_weighted",
            "seconds",
            "samples_per_second",
        ] {
            assert!(first[key].is_number(), "{key} in {first}");
        }
        assert!(world.path(format!("{run}/best.safetensors")).exists());
        assert!(world.path(format!("{run}/last.safetensors")).exists());
    }
}

#[test]
fn overfits_a_tiny_set() {
    let world = World::colours();
    let run = world
        .train(&["--json", "--set", "train.epochs=30"])
        .expect_success();
    let lines = run.json();
    assert_eq!(lines.len(), 31, "an object an epoch and one at the end");
    assert_eq!(lines[29]["train_accuracy"], 1.0);
    assert!(
        lines[29]["train_loss"].as_f64().unwrap() < 0.05,
        "{}",
        lines[29]
    );
    let end = &lines[30];
    assert_eq!(end["best"]["valid_accuracy"], 1.0);
    assert_eq!(end["baseline"], 0.5);
    assert_eq!(end["interrupted"], false);
}

#[test]
fn the_same_experiment_gives_the_same_bits_for_any_number_of_threads() {
    let bytes = |more: &[&str]| {
        let world = World::colours();
        world.train(more).expect_success();
        std::fs::read(world.path("run/last.safetensors")).unwrap()
    };
    let one = bytes(&["--threads", "1"]);
    assert_eq!(one, bytes(&["--threads", "1"]));
    assert_eq!(one, bytes(&["--threads", "2"]));
    assert_eq!(one, bytes(&["--threads", "5"]));
    assert_ne!(one, bytes(&["--set", "seed=4"]));
}

#[test]
fn learns_from_mixed_samples_for_both_losses() {
    let soft = [
        "--set",
        "augment.mixup=true",
        "--set",
        "augment.cutmix=true",
    ];
    let categorical = [
        "--set",
        "train.loss=sparse_categorical_cross_entropy",
        "--set",
        "model.layers[3].dense.units=2",
    ];
    for more in [&soft[..], &[&soft[..], &categorical[..]].concat()] {
        let world = World::colours();
        let all = [more, &["--json", "--set", "train.epochs=20"]].concat();
        let end = world.train(&all).expect_success().json().pop().unwrap();
        assert_eq!(end["best"]["valid_accuracy"], 1.0, "{end}");
    }
}

#[test]
fn the_saved_model_predicts_what_training_validated() {
    let world = World::colours();
    let run = world.train(&["--json"]).expect_success();
    let end = run.json().pop().unwrap();
    let evaluated = world
        .kiln(&[
            "eval",
            "-m",
            "run/best.safetensors",
            "-d",
            "valid",
            "--json",
            "--device",
            "cpu",
            "--predictions",
            "rows.csv",
        ])
        .expect_success();
    let evaluated = &evaluated.json()[0];
    assert_eq!(evaluated["loss"], end["best"]["valid_loss"]);
    assert_eq!(evaluated["accuracy"], end["best"]["valid_accuracy"]);

    let predicted = world
        .kiln(&[
            "predict",
            "-m",
            "run/best.safetensors",
            "valid",
            "--json",
            "--device",
            "cpu",
            "--top",
            "2",
        ])
        .expect_success();
    let rows = world.read("rows.csv");
    let mut lines = rows.lines();
    assert_eq!(
        lines.next(),
        Some("file,class,predicted,correct,loss,p(blue),p(red)")
    );
    let predicted = predicted.json();
    assert_eq!(predicted.len(), 12);
    for (object, line) in predicted.iter().zip(lines) {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(object["file"], format!("valid/{}", fields[0]));
        assert_eq!(object["class"], fields[2]);
        let red = object["top"]
            .as_array()
            .unwrap()
            .iter()
            .find(|t| t["class"] == "red")
            .unwrap();
        let expected: f64 = fields[6].parse().unwrap();
        let found = red["probability"].as_f64().unwrap();
        assert!(
            (found - expected).abs() < 1e-6,
            "batches of other sizes agree: {object} {line}"
        );
    }
}

#[test]
fn the_resolved_experiment_trains_the_same_net_again() {
    let world = World::colours();
    world
        .train(&["--set", "train.epochs=2", "--set", "seed=9"])
        .expect_success();
    let resolved = world.read("run/experiment.toml");
    assert!(
        resolved.contains("epochs = 2") && resolved.contains("seed = 9"),
        "{resolved}"
    );
    assert!(resolved.contains("kind = \"cpu\""), "{resolved}");
    let train = world
        .path("train")
        .canonicalize()
        .unwrap()
        .display()
        .to_string();
    assert!(resolved.contains(&train), "paths are absolute: {resolved}");
    let config = world.path("run/experiment.toml").display().to_string();
    let elsewhere = World::empty();
    elsewhere
        .kiln(&["train", "--config", &config, "--out", "again"])
        .expect_success();
    let read = |path| std::fs::read(path).unwrap();
    assert_eq!(
        read(world.path("run/last.safetensors")),
        read(elsewhere.path("again/last.safetensors"))
    );
}

#[test]
fn a_model_file_holds_neither_path_nor_device() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    let bytes = std::fs::read(world.path("run/best.safetensors")).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let info = &header.metadata().as_ref().unwrap()["kiln"];
    assert!(
        !info.contains(&world.path("").display().to_string()),
        "{info}"
    );
    let info: Value = serde_json::from_str(info).unwrap();
    assert_eq!(info["task"]["classes"], serde_json::json!(["blue", "red"]));
    assert_eq!(info["layout"], "nhwc");
    assert_eq!(info["experiment"]["device"]["kind"], "auto");
    assert!(info["experiment"]["data"].get("train").is_none());
    assert!(header.tensors().contains_key("model.0.weight"));
}

#[test]
fn json_and_toml_say_the_same() {
    let world = World::colours();
    let value: Value = toml_edit::de::from_str(&world.read("experiment.toml")).unwrap();
    world.write(
        "experiment.json",
        serde_json::to_string_pretty(&value).unwrap(),
    );
    world.train(&[]).expect_success();
    world
        .kiln(&[
            "train",
            "--config",
            "experiment.json",
            "--device",
            "cpu",
            "--out",
            "json",
        ])
        .expect_success();
    let read = |name: &str| std::fs::read(world.path(name)).unwrap();
    assert_eq!(read("run/last.safetensors"), read("json/last.safetensors"));
}

#[test]
fn fits_mean_and_deviation_and_splits_off_validation_samples() {
    let world = World::colours();
    let run = world
        .kiln(&[
            "train",
            "--config",
            "experiment.toml",
            "--device",
            "cpu",
            "--out",
            "run",
            "--json",
            "--set",
            "preprocess.mean=fit",
            "--set",
            "preprocess.std=fit",
        ])
        .expect_success();
    assert!(run.json()[3]["valid_loss"].as_f64().unwrap().is_finite());
    world.write(
        "split.toml",
        world
            .read("experiment.toml")
            .replace("valid = \"valid\"", "valid_fraction = 0.25"),
    );
    let check = world
        .kiln(&["check", "--config", "split.toml", "--json"])
        .expect_success();
    assert_eq!(check.json()[0]["train_counts"], serde_json::json!([9, 9]));
    assert_eq!(check.json()[0]["valid_counts"], serde_json::json!([3, 3]));
}

#[test]
fn says_when_three_epochs_are_no_better_than_guessing() {
    let world = World::colours();
    // A net of one layer that sees nothing: its input is scaled to almost 0.
    let run = world
        .train(&[
            "--set",
            "preprocess.divide_by=1e12",
            "--set",
            "model.layers[0].conv2d.bias=false",
        ])
        .expect_success();
    assert!(
        run.stderr.contains("is no better than always guessing"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_and_names_batch_samples_layer_and_rate() {
    let world = World::colours();
    let sets = ["--set", "train.optimizer={sgd={learning_rate=1e30}}"];
    let run = world.train(&sets).expect_failure();
    let message = &run.stderr[run.stderr.find("error: ").expect("an error")..];
    insta::assert_snapshot!(message);
    // Images that are scaled to infinity.
    let world = World::colours();
    let run = world
        .train(&["--set", "preprocess.divide_by=1e-40"])
        .expect_failure();
    assert!(
        run.stderr.contains("the input itself is not finite: "),
        "{}",
        run.stderr
    );
}

#[test]
fn parameters_that_are_not_finite_are_never_saved() {
    let world = World::colours();
    // The loss of the only batch is finite; the rate is infinite in 32 bits.
    let rate = "train.optimizer={sgd={learning_rate=1e39}}";
    let sets = ["--set", rate, "--set", "train.batch_size=all"];
    let run = world.train(&sets).expect_failure();
    for message in [
        "error: the parameters are not finite any more (epoch 1, batch 1, learning rate 1e39)",
        "model.0.weight holds values that are not finite: an update since the last checkpoint",
    ] {
        assert!(run.stderr.contains(message), "{}", run.stderr);
    }
    assert!(!world.path("run/last.safetensors").exists());
}

#[test]
fn quiet_says_nothing_but_the_result() {
    let world = World::colours();
    let run = world.train(&["--quiet"]).expect_success();
    assert_eq!(run.stderr, "");
    assert!(run.stdout.contains("baseline"), "{}", run.stdout);
}

#[test]
fn one_batch_an_epoch() {
    let world = World::colours();
    world
        .train(&["--set", "train.batch_size=all"])
        .expect_success();
}

/// Red four times as often as blue, in a world of its own.
fn unbalanced() -> World {
    let world = World::colours();
    for number in 3..12 {
        std::fs::remove_file(world.path(format!("train/blue/{number:02}.png"))).unwrap();
    }
    world
}

#[test]
fn class_weights_change_the_training_and_weigh_its_loss_alone() {
    let end = |more: &[&str]| {
        let world = unbalanced();
        let slow = [
            "--json",
            "--set",
            "train.epochs=1",
            "--set",
            "train.batch_size=all",
        ];
        let slow = [
            &slow[..],
            &["--set", "train.optimizer.adam.learning_rate=1e-30"],
        ]
        .concat();
        let run = world.train(&[&slow[..], more].concat()).expect_success();
        (run.json().remove(0), run.stderr)
    };
    // The net stays as good as it was: what differs is what the weights do to the loss.
    let (plain, message) = end(&[]);
    assert!(!message.contains("weight"), "{message}");
    let (doubled, _) = end(&["--set", "train.class_weights=[2.0, 2.0]"]);
    let loss = |record: &Value, name: &str| record[name].as_f64().unwrap();
    let ratio = loss(&doubled, "train_loss") / loss(&plain, "train_loss");
    assert!((ratio - 2.0).abs() < 1e-5, "{ratio}");
    assert_eq!(doubled["valid_loss"], plain["valid_loss"]);
    let (balanced, message) = end(&["--set", "train.class_weights=balanced"]);
    assert!(
        message.contains(" blue       3      6   2.500"),
        "{message}"
    );
    assert!(
        message.contains(" red       12      6   0.625  positive"),
        "{message}"
    );
    assert_ne!(balanced["train_loss"], plain["train_loss"]);
    // 3 samples of 2.5 and 12 of 0.625 weigh as 7.5 each: the same as the list of these numbers.
    let (listed, _) = end(&["--set", "train.class_weights=[2.5, 0.625]"]);
    let (named, _) = end(&["--set", "train.class_weights={ blue = 2.5, red = 0.625 }"]);
    assert_eq!(listed["train_loss"], balanced["train_loss"]);
    assert_eq!(named["train_loss"], balanced["train_loss"]);
}

#[test]
fn rare_classes_are_learned_with_weights_and_with_a_balanced_sampler() {
    for more in ["train.class_weights=balanced", "train.sampler=balanced"] {
        let world = unbalanced();
        let set = ["--json", "--set", more, "--set", "train.epochs=20"];
        let set = [
            &set[..],
            &["--set", "train.monitor=valid_balanced_accuracy"],
        ]
        .concat();
        let end = world.train(&set).expect_success().json().pop().unwrap();
        assert_eq!(end["best"]["valid_balanced_accuracy"], 1.0, "{more}: {end}");
    }
}

#[test]
fn a_balanced_sampler_gives_the_same_bits_for_any_number_of_threads() {
    let bytes = |threads: &str| {
        let world = unbalanced();
        let more = ["--set", "train.sampler=balanced", "--threads", threads];
        world.train(&more).expect_success();
        std::fs::read(world.path("run/last.safetensors")).unwrap()
    };
    assert_eq!(bytes("1"), bytes("3"));
}
