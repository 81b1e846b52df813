//! `freeze`, `unfreeze` and `rate_scale` of layers: what `check` says of them, what is saved, and that a run that
//! thaws layers is the same when it is resumed.

use crate::cli::averages::tensors;
use crate::cli::resume::{Left, MANY, assert_same, left, left_alone, resume};
use crate::support::world::World;

/// Layers of which the first two are frozen as `freeze` says.
fn layers(freeze: &str) -> String {
    format!(
        "model.layers=[{{conv2d={{filters=4,kernel=3,{freeze}}}}},{{batch_norm={{{freeze}}}}},{{relu={{}}}},{{flatten={{}}}},{{dense={{units=1}}}}]"
    )
}

#[test]
fn check_says_what_is_trained() {
    let world = World::colours();
    let check = |set: &str, more: &[&str]| {
        let base = ["check", "--config", "experiment.toml", "--device", "cpu"];
        world.kiln(&[&base[..], &["--set", set], more].concat())
    };
    let run = check(&layers("freeze=true"), &[]).expect_success();
    assert!(run.stdout.contains("frozen, fused"), "{}", run.stdout);
    assert!(
        run.stdout.contains("trained: 145 of 273 parameters"),
        "{}",
        run.stdout
    );
    let json = check(&layers("unfreeze={epoch=3}"), &["--json"])
        .expect_success()
        .json();
    assert_eq!(json[0]["layers"][0]["frozen"], "frozen until epoch 3");
    assert_eq!(json[0]["layers"][4]["frozen"], "");
    assert_eq!(
        json[0]["trained_parameters"],
        json[0]["parameters"].as_u64().expect("a number") - 8
    );
    for (set, expected) in [
        (layers("unfreeze={epoch=5}"), "is 5, but there are 4 epochs"),
        (
            layers("freeze=false,unfreeze={epoch=2}"),
            "unfreeze is for a frozen layer",
        ),
        (
            layers("unfreeze={epoch=1}"),
            "expected an integer of at least 2",
        ),
        (layers("freze=true"), "did you mean `freeze`?"),
        (
            "model.layers=[{flatten={}},{dense={units=1,freeze=true}}]".into(),
            "is frozen altogether",
        ),
    ] {
        let run = check(&set, &[]);
        assert_eq!(run.code, 1, "{set}");
        assert!(run.stderr.contains(expected), "{set}: {}", run.stderr);
    }
}

#[test]
fn a_resumed_run_thaws_as_one_that_was_left_alone() {
    for more in [
        &[][..],
        &["--set", "train.ema={decay=0.9}"],
        &["--set", "train.swa={start_epoch=2}"],
    ] {
        let world = World::colours();
        let layers = layers("unfreeze={epoch=2,rate_scale=0.5}");
        let sets = [&["--set", &layers], &MANY[..], more].concat();
        world
            .train(&[&sets[..], &["--set", "train.epochs=2"]].concat())
            .expect_success();
        resume(&world, &["--set", "train.epochs=5"]).expect_success();
        let alone = left_alone(&world, &[&sets[..], &["--set", "train.epochs=5"]].concat());
        assert_same(&left(&world, "run"), &alone, &format!("with {more:?}"));
    }
}

#[test]
fn a_frozen_layer_is_saved_once_and_the_best_model_has_it() {
    let world = World::colours();
    let layers = layers("freeze=true");
    let slow = "train.ema={decay=0.95,warmup=false}";
    for policy in ["stop", "back_off"] {
        let policy = format!("train.on_non_finite={policy}");
        let sets = ["--set", &layers, "--set", slow, "--set", &policy];
        world.train(&sets).expect_success();
        let last = tensors(&world, "run/last.safetensors");
        let copies = |name: &str| last.keys().filter(|key| key.ends_with(name)).count();
        assert_eq!(copies("model.0.weight"), 1);
        assert_eq!(copies("model.1.running_mean"), 1);
        assert_eq!(
            copies("model.4.weight"),
            4,
            "with its average and Adam's state"
        );
        let best = tensors(&world, "run/best.safetensors");
        assert_eq!(best["model.0.weight"], last["model.0.weight"]);
        assert_eq!(best["model.4.weight"], last["ema/model.4.weight"]);
        let run = world.kiln(&[
            "eval",
            "-m",
            "run/best.safetensors",
            "-d",
            "valid",
            "--device",
            "cpu",
        ]);
        run.expect_success();
        std::fs::remove_dir_all(world.path("run")).expect("the run folder");
    }
}

#[test]
fn verify_holds_over_a_thaw() {
    let world = World::colours();
    let layers = layers("unfreeze={epoch=2}");
    let base = [
        "train",
        "--config",
        "experiment.toml",
        "--device",
        "cpu",
        "--set",
        "train.batch_size=4",
    ];
    let more = ["--verify", "15", "--json", "--set", &layers];
    let run = world.kiln(&[&base[..], &more].concat()).expect_success();
    assert_eq!(run.json()[0]["same"], true);
}

/// No augmentation.
const PLAIN: [&str; 2] = ["--set", "augment={}"];

/// Nothing may be kept: the frozen layers run in every step.
const NOT_KEPT: [&str; 4] = ["--set", "data.cache_memory=0", "--set", "data.cache_disk=0"];

/// What a run leaves whose frozen layers run in every step.
fn left_without_keeping(world: &World, sets: &[&str]) -> Left {
    let run = world.train(&[sets, &NOT_KEPT].concat()).expect_success();
    let note = "note: the frozen layers run in every epoch: their features are larger";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    let without = left(world, "run");
    std::fs::remove_dir_all(world.path("run")).expect("the run folder");
    without
}

#[test]
fn features_that_are_kept_change_no_bit() {
    let flips = "augment={horizontal_flip=true,rotation=20,views=3}";
    for (freeze, more) in [
        ("freeze=true", &PLAIN[..]),
        ("freeze=true", &["--set", flips]),
        (
            "freeze=true",
            &["--set", flips, "--set", "train.sampler=balanced"],
        ),
        (
            "unfreeze={epoch=3}",
            &["--set", "augment={}", "--set", "train.swa={start_epoch=2}"],
        ),
        ("unfreeze={epoch=3}", &["--set", flips, "--threads", "1"]),
    ] {
        let world = World::colours();
        let layers = layers(freeze);
        let sets = [&["--set", &layers], &MANY[..], more].concat();
        let expected = left_without_keeping(&world, &sets);
        let when = format!("with {freeze}, {more:?}");
        let run = world.train(&sets).expect_success();
        assert!(!run.stderr.contains("run in every epoch"), "{}", run.stderr);
        assert_same(&left(&world, "run"), &expected, &when);
        std::fs::remove_dir_all(world.path("run")).expect("the run folder");
        // From the cache file alone, which the first run has left.
        let sets = [&sets[..], &["--set", "data.cache_memory=0"]].concat();
        world.train(&sets).expect_success();
        assert_same(
            &left(&world, "run"),
            &expected,
            &format!("{when}, from the file"),
        );
    }
}

#[test]
fn what_makes_new_samples_in_every_epoch_is_reported() {
    let world = World::colours();
    let layers = layers("freeze=true");
    for (augment, expected) in [
        ("augment.rotation=20", "augment.views = 4"),
        ("augment.mixup=true", "mixup and cutmix"),
    ] {
        let run = world
            .train(&["--set", &layers, "--set", augment])
            .expect_success();
        assert!(run.stderr.contains(expected), "{}", run.stderr);
        std::fs::remove_dir_all(world.path("run")).expect("the run folder");
    }
    let run = world.train(&["--set", "augment={views=4}"]);
    assert_eq!(run.code, 1);
    assert!(
        run.stderr
            .contains("augment.views is for augmented samples"),
        "{}",
        run.stderr
    );
}

/// Every byte of the features in the cache file is checked: what is damaged is computed again.
#[test]
fn damaged_features_are_computed_again() {
    let world = World::colours();
    let layers = layers("freeze=true");
    let sets = [&["--set", layers.as_str()], &PLAIN[..]].concat();
    let expected = left_without_keeping(&world, &sets);
    world.train(&sets).expect_success();
    let mut damaged = 0;
    for entry in std::fs::read_dir(world.path("cache")).expect("the cache folder") {
        let path = entry.expect("an entry").path();
        let mut bytes = std::fs::read(&path).expect("a file");
        if path.extension().is_some_and(|it| it == "samples")
            && bytes.windows(8).any(|it| it == b"features")
        {
            let begin = 4096;
            bytes[begin..]
                .iter_mut()
                .step_by(97)
                .for_each(|byte| *byte ^= 0x55);
            std::fs::write(&path, bytes).expect("a file");
            damaged += 1;
        }
    }
    assert!(damaged > 0);
    std::fs::remove_dir_all(world.path("run")).expect("the run folder");
    world.train(&sets).expect_success();
    assert_same(&left(&world, "run"), &expected, "after the damage");
}
