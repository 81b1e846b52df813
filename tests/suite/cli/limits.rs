//! Input that is too deep or too large for what reads it, and paths.

use serde_json::{Value, json};

use crate::support::arrays::idx;
use crate::support::world::World;

fn experiment() -> Value {
    json!({
        "data": {"kind": "csv", "train": "t.csv", "valid_fraction": 0.2, "target": "y"},
        "model": {"layers": [{"dense": {"units": 1}}]},
        "train": {"epochs": 1, "loss": "mse"},
    })
}

fn world(experiment: &Value) -> World {
    let world = World::empty();
    let rows: String = (0..40)
        .map(|row| format!("{}.5,{}.25\n", row * 7 % 41, row * 3))
        .collect();
    world.write("t.csv", format!("b,y\n{rows}"));
    world.write("experiment.json", experiment.to_string());
    world
}

const CHECK: [&str; 3] = ["check", "--config", "experiment.json"];

const TRAIN: [&str; 7] = [
    "train",
    "--config",
    "experiment.json",
    "--device",
    "cpu",
    "--out",
    "run",
];

#[test]
fn nothing_is_nested_too_deep_to_be_read() {
    let world = world(&experiment());
    let dots = format!("{}=1", vec!["a"; 20_000].join("."));
    let only_dots = format!("{}=1", ".".repeat(20_000));
    let brackets = format!("model.layers={}", "[".repeat(20_000) + &"]".repeat(20_000));
    let indices = format!("model.layers{}=1", "[0]".repeat(20_000));
    for flag in [dots, only_dots, brackets, indices] {
        let message = world
            .kiln(&[&CHECK[..], &["--set", &flag]].concat())
            .expect_failure()
            .stderr;
        assert!(
            message.len() < 2000,
            "{} bytes: {}",
            message.len(),
            &message[..500]
        );
    }
    let nested = |depth: usize| {
        let mut layer = json!({"dense": {"units": 1}});
        for _ in 0..depth {
            layer = json!({"residual": {"layers": [layer]}});
        }
        let mut experiment = experiment();
        experiment["model"]["layers"] = json!([layer]);
        experiment.to_string()
    };
    world.write("experiment.json", nested(15));
    world.kiln(&TRAIN).expect_success();
    world
        .kiln(&["train", "--resume", "run", "--set", "train.epochs=2"])
        .expect_success();
    world
        .kiln(&["eval", "--model", "run/best.safetensors", "--data", "t.csv"])
        .expect_success();
    world.write("experiment.json", nested(100));
    let message = world.kiln(&CHECK).expect_failure().stderr;
    assert!(
        message.contains("nested more than 64 levels deep"),
        "{message}"
    );
    let deep = [
        ("experiment.json", "[".repeat(100_000)),
        ("experiment.json", "{\"a\":".repeat(100_000)),
        ("deep.toml", format!("a = {}", "[".repeat(100_000))),
        ("deep.toml", format!("{} = 1", vec!["a"; 100_000].join("."))),
        ("deep.toml", format!("[{}]", vec!["a"; 100_000].join("."))),
        ("deep.toml", format!("a = {}", "{a=".repeat(100_000))),
    ];
    for (file, text) in deep {
        world.write(file, text);
        let message = world
            .kiln(&["check", "--config", file])
            .expect_failure()
            .stderr;
        assert!(
            message.len() < 2000,
            "{} bytes: {}",
            message.len(),
            &message[..500]
        );
    }
}

/// A model file's metadata is read to a bounded depth, too.
#[test]
fn a_model_that_is_nested_too_deep_is_refused() {
    let world = world(&experiment());
    for text in ["[".repeat(100_000), "{\"a\":".repeat(100_000)] {
        let header = json!({"__metadata__": {"kiln": text}}).to_string();
        let raw = text.clone();
        for header in [header, raw] {
            let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
            bytes.extend(header.bytes());
            world.write("deep.safetensors", bytes);
            world
                .kiln(&["predict", "--model", "deep.safetensors", "t.csv"])
                .expect_failure();
        }
    }
}

/// TOML, in which the run folder keeps the experiment, ends at 2^63 - 1.
#[test]
fn a_seed_is_exact_or_refused() {
    for (seed, fits) in [
        ("0", true),
        ("9007199254740993", true),
        ("9223372036854775807", true),
        ("9223372036854775808", false),
        ("18446744073709551615", false),
        ("99999999999999999999999", false),
        ("-1", false),
        ("1.5", false),
    ] {
        let mut experiment = experiment();
        experiment["seed"] = json!("SEED");
        let world = world(&experiment);
        world.write(
            "experiment.json",
            experiment.to_string().replace("\"SEED\"", seed),
        );
        let trained = world.kiln(&TRAIN);
        world.write("plain.json", self::experiment().to_string());
        let by_flag = format!("seed={seed}");
        let flagged = world.kiln(&["check", "--config", "plain.json", "--set", &by_flag]);
        if fits {
            trained.expect_success();
            flagged.expect_success();
            let kept = world.read("run/experiment.toml");
            assert!(kept.contains(&format!("seed = {seed}\n")), "{kept}");
            world
                .kiln(&["train", "--resume", "run", "--set", "train.epochs=2"])
                .expect_success();
        } else {
            for run in [trained, flagged] {
                let message = run.expect_failure().stderr;
                assert!(
                    message.contains("seed is") && message.contains("expected an integer"),
                    "{message}"
                );
                if seed.starts_with("9223") || seed.starts_with("18") {
                    assert!(message.contains("at most 9223372036854775807"), "{message}");
                }
            }
        }
    }
}

/// Options of binary image files that change nothing beside the others.
#[test]
fn binary_images_of_their_own_size_have_no_filter() {
    let world = World::empty();
    let labels: Vec<u8> = (0..20).map(|number| number % 2).collect();
    let pixels: Vec<u8> = (0..20 * 64u32).map(|i| (i * 37 % 251) as u8).collect();
    world.write("t.pixels", idx(8, &[20, 8, 8], &pixels));
    world.write("t.answers", idx(8, &[20], &labels));
    let experiment = json!({
        "data": {"kind": "idx", "train": "t.pixels", "train_labels": "t.answers", "valid_fraction": 0.2},
        "model": {"layers": ["flatten", {"dense": {"units": 1}}]},
        "train": {"epochs": 1, "loss": "binary_cross_entropy"},
    });
    world.write("experiment.json", experiment.to_string());
    world.kiln(&CHECK).expect_success();
    let nearest = ["--set", "data.resize=nearest"];
    let message = world
        .kiln(&[&CHECK[..], &nearest].concat())
        .expect_failure()
        .stderr;
    assert!(
        message.contains("data.resize is for images that are resized"),
        "{message}"
    );
    let sized = ["--set", "data.size=[6, 6]"];
    world
        .kiln(&[&CHECK[..], &nearest, &sized].concat())
        .expect_success();
    let labels = ["--set", "data.valid_labels=t.answers"];
    let message = world
        .kiln(&[&CHECK[..], &labels].concat())
        .expect_failure()
        .stderr;
    assert!(
        message.contains("data.valid_labels is for the images of data.valid"),
        "{message}"
    );
}

/// Of every kind of data: relative paths lie beside the experiment, and no model file says where.
#[test]
fn every_path_is_relative_to_the_experiment_and_stays_out_of_model_files() {
    let world = World::empty();
    for split in ["train", "valid"] {
        for number in 0..6u8 {
            world.image(
                &format!("secret/p/{split}/blue/{number}.png"),
                [20, 40, 220],
                number,
            );
            world.image(
                &format!("secret/p/{split}/red/{number}.png"),
                [220, 40, 20],
                number + 50,
            );
            world.write(
                &format!("secret/w/{split}/good/{number}.txt"),
                format!("good {number}"),
            );
            world.write(
                &format!("secret/w/{split}/bad/{number}.txt"),
                format!("bad {number}"),
            );
        }
        let rows: String = (0..30)
            .map(|row| format!("{}.5,{}\n", row * 7 % 41, row % 2))
            .collect();
        world.write(
            &format!("secret/{split}.csv"),
            format!("text,label\n{rows}"),
        );
        let labels: Vec<u8> = (0..20).map(|number| number % 2).collect();
        let pixels: Vec<u8> = (0..20 * 64u32).map(|i| (i * 37 % 251) as u8).collect();
        world.write(
            &format!("secret/{split}.pixels"),
            idx(8, &[20, 8, 8], &pixels),
        );
        world.write(&format!("secret/{split}.answers"), idx(8, &[20], &labels));
        let tar = std::process::Command::new("tar")
            .arg("-cf")
            .arg(world.path(format!("secret/{split}.tar")))
            .arg("-C")
            .arg(world.path(format!("secret/p/{split}")))
            .args(["blue", "red"])
            .status()
            .expect("tar runs");
        assert!(tar.success());
    }
    let pair = |train: &str, valid: &str, more: Value| {
        let mut data = json!({"train": train, "valid": valid});
        data.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        data
    };
    let image = json!(["flatten", {"dense": {"units": 1}}]);
    let row = json!([{"dense": {"units": 1}}]);
    let text = json!([{"embedding": {"dim": 2}}, "flatten", {"dense": {"units": 1}}]);
    let sources = [
        (
            "image-folder",
            pair("p/train", "p/valid", json!({"size": [8, 8]})),
            &image,
        ),
        (
            "webdataset",
            pair("train.tar", "valid.tar", json!({"size": [8, 8]})),
            &image,
        ),
        (
            "idx",
            pair(
                "train.pixels",
                "valid.pixels",
                json!({"train_labels": "train.answers", "valid_labels": "valid.answers"}),
            ),
            &image,
        ),
        (
            "csv",
            json!({"train": ["train.csv"], "valid": ["valid.csv"], "target": "label"}),
            &row,
        ),
        ("text", pair("train.csv", "valid.csv", json!({})), &text),
        ("text-folder", pair("w/train", "w/valid", json!({})), &text),
    ];
    for (kind, mut data, layers) in sources {
        data["kind"] = json!(kind);
        let experiment = json!({"name": "n", "data": data, "audit": {"leaks": "warn"}, "model": {"layers": layers},
            "train": {"epochs": 1, "loss": "binary_cross_entropy"}});
        world.write("secret/experiment.json", experiment.to_string());
        let out = ["--out", kind, "--no-audit", "--device", "cpu"];
        let train = ["train", "--config", "secret/experiment.json"];
        world
            .kiln(&[&train[..], &out[..]].concat())
            .expect_success();
        for model in ["best", "last"] {
            let bytes = std::fs::read(world.path(format!("{kind}/{model}.safetensors"))).unwrap();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            for part in ["secret", ".answers", ".pixels", ".csv", ".tar"] {
                assert!(
                    !text.contains(part),
                    "{kind}: {part} is in {model}.safetensors"
                );
            }
        }
        let kept = world.read(&format!("{kind}/experiment.toml"));
        let paths = kept
            .lines()
            .filter(|line| line.starts_with("train") || line.starts_with("valid"));
        for line in paths.filter(|line| line.contains('"')) {
            assert!(
                line.contains("= \"/") || line.contains("= [\"/"),
                "{kind}: {line} is not absolute"
            );
        }
        // The data may lie elsewhere when the run goes on.
        world
            .kiln(&["train", "--resume", kind, "--set", "train.epochs=2"])
            .expect_success();
    }
    // A flag's path is relative to the working folder.
    let flag = [
        "check",
        "--config",
        "secret/experiment.json",
        "--set",
        "data.train=secret/w/train",
    ];
    world.kiln(&flag).expect_success();
}
