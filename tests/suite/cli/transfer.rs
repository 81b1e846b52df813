//! Backbones with trained weights: where these come from, what starts from them, and what needs them no more.

use crate::cli::averages::tensors;
use crate::cli::resume::{left, left_alone, resume};
use crate::support::world::{Run, World};

/// A small backbone with a head; `more` are options of the backbone.
fn layers(more: &str) -> String {
    format!(
        "model.layers=[{{backbone={{name=\"efficientnet_lite0\",width=0.1,{more}}}}},{{dense={{units=1}}}}]"
    )
}

const SIZE: &str = "data.size=[32,32]";

/// A world in which `trained.safetensors` holds weights of the small backbone.
fn world() -> World {
    let world = World::colours();
    let layers = layers("");
    let sets = [
        "--set",
        SIZE,
        "--set",
        &layers,
        "--set",
        "augment={}",
        "--set",
        "train.epochs=1",
    ];
    world.train(&sets).expect_success();
    let trained = world.path("trained.safetensors");
    std::fs::copy(world.path("run/best.safetensors"), trained).expect("a copy");
    std::fs::remove_dir_all(world.path("run")).expect("the run folder");
    world
}

/// Trains with these options of the backbone, without augmentation.
fn train(world: &World, options: &str, more: &[&str]) -> Run {
    let layers = layers(options);
    let sets = ["--set", SIZE, "--set", &layers, "--set", "augment={}"];
    world.train(&[&sets[..], more].concat())
}

const WEIGHTS: &str = "weights=\"trained.safetensors\"";

#[test]
fn a_frozen_backbone_keeps_the_trained_weights_and_the_head_is_new() {
    let world = world();
    let run = train(&world, &format!("{WEIGHTS},freeze=true"), &[]).expect_success();
    let message = "note: model.0 starts as the trained efficientnet_lite0 of trained.safetensors";
    assert!(run.stderr.contains(message), "{}", run.stderr);
    let (trained, last) = (
        tensors(&world, "trained.safetensors"),
        tensors(&world, "run/last.safetensors"),
    );
    let backbone = || {
        trained
            .iter()
            .filter(|(name, _)| name.starts_with("model.0."))
    };
    assert!(backbone().count() > 100);
    for (name, values) in backbone() {
        assert_eq!(last[name], *values, "{name}");
    }
    assert_ne!(last["model.1.weight"], trained["model.1.weight"]);
    assert!(!last.keys().any(|name| name.starts_with("adam.m/model.0.")));
}

#[test]
fn a_model_needs_its_weights_no_more() {
    let world = world();
    let options = format!("{WEIGHTS},unfreeze={{epoch=2,rate_scale=0.1}},rate_decay=0.5");
    train(&world, &options, &["--set", "train.epochs=2"]).expect_success();
    std::fs::remove_file(world.path("trained.safetensors")).expect("the weights");
    let eval = [
        "eval",
        "-m",
        "run/best.safetensors",
        "-d",
        "valid",
        "--device",
        "cpu",
    ];
    world.kiln(&eval).expect_success();
    resume(&world, &["--set", "train.epochs=4"]).expect_success();
    let bytes = std::fs::read(world.path("run/last.safetensors")).expect("a checkpoint");
    let folder = world.path("").display().to_string();
    assert!(
        !bytes
            .windows(folder.len())
            .any(|it| it == folder.as_bytes()),
        "a path"
    );
    std::fs::remove_dir_all(world.path("run")).expect("the run folder");
    let run = train(&world, &options, &[]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("trained.safetensors"), "{}", run.stderr);
    assert!(run.stderr.contains("kiln weights"), "{}", run.stderr);
}

#[test]
fn a_resumed_run_with_a_thawed_backbone_is_as_one_that_was_left_alone() {
    let world = world();
    let layers = layers(&format!("{WEIGHTS},unfreeze={{epoch=2,batch_norm=true}}"));
    let sets = ["--set", SIZE, "--set", &layers, "--set", "augment={}"];
    world
        .train(&[&sets[..], &["--set", "train.epochs=2"]].concat())
        .expect_success();
    resume(&world, &["--set", "train.epochs=4"]).expect_success();
    let alone = left_alone(&world, &[&sets[..], &["--set", "train.epochs=4"]].concat());
    // The best epoch may be one of those before: then its experiment says two epochs.
    let resumed = left(&world, "run");
    assert_eq!(resumed.history, alone.history);
    assert!(resumed.last == alone.last, "last.safetensors differs");
}

#[test]
fn weights_of_another_net_are_refused_with_a_table_of_names_and_sizes() {
    let world = world();
    let other = "model.layers=[{backbone={name=\"efficientnet_lite0\",width=0.2,weights=\"trained.safetensors\"}},{dense={units=1}}]";
    for command in ["check", "train"] {
        let base = [command, "--config", "experiment.toml", "--device", "cpu"];
        let run = world.kiln(&[&base[..], &["--set", SIZE, "--set", other]].concat());
        assert_eq!(run.code, 1);
        for expected in ["tensor", "expected", "found", "and ", " more"] {
            assert!(run.stderr.contains(expected), "{expected}: {}", run.stderr);
        }
    }
    assert!(!world.path("run").exists() && !world.path("runs").exists());
    world.write(
        "truncated.safetensors",
        &std::fs::read(world.path("trained.safetensors")).expect("weights")[..5000],
    );
    world.write("note.pth", "no weights");
    for file in ["truncated.safetensors", "note.pth"] {
        let run = train(&world, &format!("weights=\"{file}\""), &[]);
        assert_eq!(run.code, 1);
        assert!(
            run.stderr.contains("cannot use the weights"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn grey_images_take_the_sum_of_the_colours_weights() {
    let world = world();
    let run = train(&world, WEIGHTS, &["--set", "data.channels=1"]).expect_success();
    assert!(
        run.stderr.contains("summed over the colors"),
        "{}",
        run.stderr
    );
}

#[test]
fn the_preprocessing_of_the_weights_is_the_default_and_said() {
    let world = world();
    let experiment = world.read("experiment.toml");
    let (head, rest) = experiment.split_once("[preprocess]").expect("the section");
    let (_, tail) = rest.split_once("\n\n").expect("its end");
    world.write("experiment.toml", format!("{head}{tail}"));
    let run = train(&world, WEIGHTS, &[]).expect_success();
    let message = "note: preprocessing of efficientnet-lite0-57934424.pth, as trained.safetensors is not known: divide_by 255, \
                mean [0.5, 0.5, 0.5]";
    assert!(run.stderr.contains(message), "{}", run.stderr);
    let resolved = world.read("run/experiment.toml");
    for expected in [
        "preset = \"weights\"",
        "aspect = \"cover\"",
        "crop = 0.875",
        "size = [32, 32]",
    ] {
        let compact = resolved.replace("[\n    32,\n    32,\n]", "[32, 32]");
        assert!(compact.contains(expected), "{expected}: {resolved}");
    }
    world.write("experiment.toml", experiment);
    std::fs::remove_dir_all(world.path("run")).expect("the run folder");
    let run = train(&world, WEIGHTS, &[]).expect_success();
    assert!(
        run.stderr.contains("[preprocess] is not what"),
        "{}",
        run.stderr
    );
    let run = world.train(&["--set", "preprocess.preset=weights"]);
    assert!(
        run.stderr.contains("no backbone has trained weights"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_stage_that_there_is_not_is_refused() {
    let world = world();
    let run = train(&world, &format!("{WEIGHTS},freeze=\"to layer9\""), &[]);
    assert_eq!(run.code, 1);
    assert!(
        run.stderr
            .contains("names the stage `layer9`, expected one of"),
        "{}",
        run.stderr
    );
}
