//! Names with control characters or bytes that are not UTF-8; run folders among the classes.
#![cfg(unix)]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::support::world::{EXPERIMENT, World, finish};

/// Whether text moves a cursor, or turns text around.
fn is_tame(text: &str) -> bool {
    let wild = |c: char| {
        c.is_control() && c != '\n' && c != '\t' || ('\u{202a}'..='\u{202e}').contains(&c)
    };
    !text.chars().any(wild)
}

const WILD: &str = "a\u{1b}[31m\tb\nc\u{9b}2J\u{202e}gpj";

#[test]
fn control_characters_reach_no_terminal_and_break_no_line() {
    let world = World::colours();
    std::fs::rename(world.path("train/red"), world.path(format!("train/{WILD}"))).unwrap();
    std::fs::rename(world.path("valid/red"), world.path(format!("valid/{WILD}"))).unwrap();
    let odd = format!("valid/blue/{WILD}.png");
    std::fs::copy(world.path("valid/blue/00.png"), world.path(&odd)).unwrap();
    world.write(&format!("valid/blue/bad{WILD}.png"), "no image");
    let model = "run/best.safetensors";
    let train = world.train(&["--set", "train.epochs=1"]).expect_success();
    let eval = world.kiln(&[
        "eval",
        "--model",
        model,
        "--data",
        "valid",
        "--predictions",
        "p.csv",
    ]);
    assert_eq!(eval.code, 1, "one cannot be read");
    let predict = world.kiln(&[
        "predict",
        "--model",
        model,
        &odd,
        "valid/blue/00.png",
        "nowhere\u{1b}",
    ]);
    let preview = world
        .kiln(&["preview", "--config", "experiment.toml"])
        .expect_success();
    let audit = world.kiln(&["audit", "valid"]);
    let init = world
        .kiln(&["init", "train", "--out", "made.toml"])
        .expect_success();
    world
        .kiln(&["check", "--config", "made.toml"])
        .expect_success();
    let missing = world
        .kiln(&["train", "--config", "\u{1b}[31m.toml"])
        .expect_failure();
    for run in [&train, &eval, &predict, &preview, &audit, &init, &missing] {
        assert!(
            is_tame(&run.stdout) && is_tame(&run.stderr),
            "{:?}{:?}",
            run.stdout,
            run.stderr
        );
    }
    let lines: Vec<&str> = predict.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", predict.stdout);
    let fields: Vec<Vec<&str>> = lines
        .iter()
        .map(|line| line.split('\t').collect())
        .collect();
    assert!(fields.iter().all(|fields| fields.len() == 3), "{fields:?}");
    let name: String = serde_json::from_str(fields[0][0]).unwrap();
    assert_eq!(name, odd, "the quotes are JSON's");
    assert_eq!(fields[1][0], "valid/blue/00.png");
    let json = world
        .kiln(&["predict", "--model", model, "--json", &odd])
        .expect_success();
    assert_eq!(json.json()[0]["file"], odd);
    assert!(is_tame(&json.stdout));
}

#[test]
fn names_that_are_not_utf_8_work_everywhere() {
    let world = World::colours();
    let odd = |text: &[u8]| OsString::from_vec([text, b"\xE9\xFF"].concat());
    let root = world.path(odd(b"data"));
    std::fs::create_dir(&root).unwrap();
    for split in ["train", "valid"] {
        std::fs::rename(world.path(split), root.join(split)).unwrap();
    }
    let image = root.join("valid/blue").join(odd(b"p"));
    let image = image.with_extension("png");
    std::fs::rename(root.join("valid/blue/00.png"), &image).unwrap();
    world.write("elsewhere.toml", EXPERIMENT);
    std::fs::rename(world.path("experiment.toml"), root.join(odd(b"e"))).unwrap();
    let run = |arguments: &[&OsStr]| {
        let mut command = world.command(&[]);
        command.args(arguments);
        let run = finish(command).expect_success();
        assert!(!run.stderr.contains('\u{FFFD}'), "{}", run.stderr);
        run
    };
    let os = |text: &'static str| OsStr::new(text);
    let config = root.join(odd(b"e"));
    let out = world.path(odd(b"run"));
    let base = [os("train"), os("--device"), os("cpu"), os("--config")];
    run(&[
        &base[..],
        &[config.as_os_str(), os("--out"), out.as_os_str()],
    ]
    .concat());
    run(&[
        os("train"),
        os("--resume"),
        out.as_os_str(),
        os("--set"),
        os("train.epochs=5"),
    ]);
    let set = |key: &[u8], path: &str| {
        OsString::from_vec([key, root.join(path).as_os_str().as_bytes()].concat())
    };
    let (train, valid) = (set(b"data.train=", "train"), set(b"data.valid=", "valid"));
    run(&[
        os("check"),
        os("--config"),
        os("elsewhere.toml"),
        os("--set"),
        &train,
        os("--set"),
        &valid,
    ]);
    let model = out.join("best.safetensors");
    let base = [os("predict"), os("--model"), model.as_os_str()];
    let message = run(&[&base[..], &[image.as_os_str()]].concat());
    assert!(
        message.stdout.contains("p\\xE9\\xFF.png\"\t"),
        "{}",
        message.stdout
    );
    let message = run(&[&base[..], &[os("--json"), image.as_os_str()]].concat());
    let file = message.json()[0]["file"].as_str().unwrap().to_string();
    assert!(file.ends_with("p\\xE9\\xFF.png"), "{file}");
    run(&[&base[..], &[root.join("valid").as_os_str()]].concat());
    let csv = world.path(odd(b"csv"));
    let eval = [os("eval"), os("--model"), model.as_os_str(), os("--data")];
    let valid = root.join("valid");
    run(&[
        &eval[..],
        &[valid.as_os_str(), os("--predictions"), csv.as_os_str()],
    ]
    .concat());
    assert!(
        std::fs::read_to_string(csv)
            .unwrap()
            .contains("p\\xE9\\xFF.png")
    );
    run(&[os("audit"), root.as_os_str()]);
    let made = world.path("made.toml");
    run(&[os("init"), root.as_os_str(), os("--out"), made.as_os_str()]);
    run(&[os("check"), os("--config"), made.as_os_str()]);
    let cached = [
        os("--set"),
        os("data.cache_memory=0"),
        os("--config"),
        made.as_os_str(),
    ];
    run(&[
        &[os("train"), os("--set"), os("train.epochs=1")][..],
        &cached,
    ]
    .concat());
}

#[test]
fn run_folders_among_the_classes_are_no_classes() {
    let world = World::colours();
    let photos = world.path("train");
    let kiln = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.current_dir(&photos);
        finish(command)
    };
    kiln(&["init", "."]).expect_success();
    let small = ["--set", "train.epochs=1", "--device", "cpu"];
    let train = [&["train", "--config", "train.toml"][..], &small].concat();
    kiln(&train).expect_success();
    let again = kiln(&train).expect_success();
    assert!(again.stderr.contains("runs"), "named: {}", again.stderr);
    assert!(world.path("train/runs/train-2/best.safetensors").exists());
    kiln(&[
        "train",
        "--resume",
        "runs/train-1",
        "--set",
        "train.epochs=2",
    ])
    .expect_success();
    kiln(&[&train[..], &["--out", "mine"]].concat()).expect_success();
    let eval = [
        "eval",
        "--model",
        "runs/train-1/best.safetensors",
        "--data",
        ".",
    ];
    kiln(&eval).expect_success();
    kiln(&["preview", "--config", "train.toml"]).expect_success();
    let audit = kiln(&["audit", "."]);
    assert!(
        audit.stdout.contains("24") && !audit.stdout.contains("runs "),
        "{}",
        audit.stdout
    );
    let init = kiln(&["init", ".", "--out", "again.toml"]).expect_success();
    assert!(
        init.stdout.contains("24 images of 2 classes"),
        "{}",
        init.stdout
    );
    // An emptied folder of runs is none either, and nobody is told to remove anything.
    for run in std::fs::read_dir(world.path("train/runs")).unwrap() {
        std::fs::remove_dir_all(run.unwrap().path()).unwrap();
    }
    kiln(&["check", "--config", "train.toml"]).expect_success();
}

#[test]
fn a_class_that_is_named_runs_stays_a_class() {
    let world = World::colours();
    for split in ["train", "valid"] {
        std::fs::rename(
            world.path(format!("{split}/red")),
            world.path(format!("{split}/runs")),
        )
        .unwrap();
    }
    let out = ["--set", "train.epochs=1", "--out", "train/runs/tired-1"];
    let base = ["train", "--config", "experiment.toml", "--device", "cpu"];
    world.kiln(&[&base[..], &out].concat()).expect_success();
    let run = world
        .train(&["--json", "--set", "train.epochs=1"])
        .expect_success();
    assert_eq!(
        run.json().pop().unwrap()["classes"],
        serde_json::json!(["blue", "runs"])
    );
}
