//! `freeze`, `unfreeze` and `rate_scale` of layers: what `check` says of them, what is saved, and that a run that
//! thaws layers is the same when it is resumed.

use crate::cli::averages::tensors;
use crate::cli::resume::{MANY, assert_same, left, left_alone, resume};
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
