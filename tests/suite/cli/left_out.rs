//! What a command passes over is counted and named, with the reason, by every command in the same way.

use serde_json::Value;

use crate::support::world::{Run, World};

const HEIC: &[u8] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
const AVIF: &[u8] = b"\0\0\0\x1cftypavif\0\0\0\0mif1avif";

/// Files of every sort beside the images of `folder`/red.
fn add_others(world: &World, folder: &str) {
    let png = std::fs::read(world.path(format!("{folder}/red/00.png"))).unwrap();
    let other = std::fs::read(world.path(format!("{folder}/red/01.png"))).unwrap();
    std::fs::remove_file(world.path(format!("{folder}/red/00.png"))).unwrap();
    std::fs::remove_file(world.path(format!("{folder}/red/01.png"))).unwrap();
    world.write(&format!("{folder}/red/no_extension"), png);
    world.write(&format!("{folder}/red/odd.v2"), other);
    world.write(&format!("{folder}/red/IMG.heic"), HEIC);
    world.write(&format!("{folder}/red/x.avif"), AVIF);
    world.write(&format!("{folder}/red/notes.txt"), "text");
    world.write(&format!("{folder}/red/.DS_Store"), "x");
    world.write(&format!("{folder}/@eaDir/1.png"), "x");
    world.write(&format!("{folder}/.git/1.png"), "x");
}

fn count(left_out: &Value, word: &str) -> u64 {
    let reasons = left_out.as_array().unwrap_or_else(|| panic!("{left_out}"));
    let of = |reason: &&Value| reason["reason"].as_str().unwrap().contains(word);
    let found: Vec<&Value> = reasons.iter().filter(of).collect();
    found
        .iter()
        .map(|reason| reason["count"].as_u64().unwrap())
        .sum()
}

fn check_all(left_out: &Value) {
    let counts = ["HEIC", "AVIF", "not an image", "hidden"].map(|word| count(left_out, word));
    assert_eq!(counts, [1, 1, 1, 3], "{left_out}");
}

fn last(run: Run) -> Value {
    run.expect_success().json().pop().expect("a line")
}

#[test]
fn every_command_ends_with_what_it_left_out() {
    let world = World::colours();
    add_others(&world, "train");
    let trained = last(world.train(&["--json", "--set", "train.epochs=1"]));
    check_all(&trained["left_out"]);
    let model = ["--model", "run/best.safetensors"];
    let config = ["--config", "experiment.toml", "--json"];
    let with = |command: &str, more: &[&str]| last(world.kiln(&[&[command], more].concat()));
    check_all(&with("check", &config)["left_out"]);
    check_all(&with("audit", &["train", "--json"])["left_out"]);
    check_all(&with("audit", &config)["left_out"]);
    check_all(&with("preview", &[&config[..], &["--out", "sheet.png"]].concat())["left_out"]);
    check_all(
        &with(
            "lr-find",
            &[&config[..], &["--steps", "20", "--device", "cpu"]].concat(),
        )["left_out"],
    );
    let bench = ["--real", "--steps", "1", "--warmup", "1", "--device", "cpu"];
    check_all(&with("bench", &[&config[..], &bench].concat())["left_out"]);
    let judged = with(
        "eval",
        &[&model[..], &["--data", "train", "--json"]].concat(),
    );
    check_all(&judged["left_out"]);
    assert_eq!(judged["samples"], 24);
    let run = world
        .kiln(&[&["predict", "--json"], &model[..], &["train"]].concat())
        .expect_success();
    let lines = run.json();
    assert_eq!(lines.len(), 25);
    check_all(&lines[24]["left_out"]);
    for part in ["left out 6 files:", "1: HEIC", "red/IMG.heic", "3: hidden"] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    let message = world
        .kiln(&["init", "train", "--out", "new.toml"])
        .expect_success();
    assert!(
        message.stderr.contains("left out 6 files:"),
        "{}",
        message.stderr
    );
    let starter = world.read("new.toml");
    assert!(starter.contains("2 classes: blue, red"), "{starter}");
}

#[test]
fn a_file_that_is_named_is_reported_by_its_format() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    world.write("a.jpg", HEIC);
    let message = world
        .kiln(&["predict", "--model", "run/best.safetensors", "a.jpg"])
        .expect_failure();
    assert!(
        message.stderr.contains("a.jpg: is HEIC"),
        "{}",
        message.stderr
    );
}

#[test]
fn portable_maps_are_images() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    world.write(
        "p/1.ppm",
        [b"P6 2 2 255\n".as_slice(), &[200, 30, 20].repeat(4)].concat(),
    );
    world.write("p/2.pgm", "P2\n2 2\n255\n9 200 30 7\n");
    world.write("p/3.pbm", "P1\n2 2\n1 0 0 1\n");
    world.write(
        "p/4",
        [b"P5 2 2 65535\n".as_slice(), &[1, 0].repeat(4)].concat(),
    );
    let run = world
        .kiln(&["predict", "--model", "run/best.safetensors", "p"])
        .expect_success();
    assert_eq!(
        run.stdout.lines().count(),
        4,
        "{}{}",
        run.stdout,
        run.stderr
    );
    world.write("p/5.ppm", "P6 9000 9000 255\nshort");
    let run = world
        .kiln(&["predict", "--model", "run/best.safetensors", "p/5.ppm"])
        .expect_failure();
    assert!(
        run.stderr.contains("cannot hold the 9000 x 9000 pixels"),
        "{}",
        run.stderr
    );
}

#[test]
fn text_folders_are_read_at_any_depth_and_the_rest_is_reported() {
    let world = World::empty();
    for (number, (good, bad)) in [
        ("fine film", "dull film"),
        ("good plot", "bad plot"),
        ("nice", "poor"),
    ]
    .into_iter()
    .enumerate()
    {
        world.write(&format!("t/good/deep/{number}.txt"), good);
        world.write(&format!("t/bad/{number}.txt"), bad);
    }
    world.write("t/bad/read.md", "x");
    world.write("t/empty/a.md", "x");
    world.write(
        "experiment.toml",
        r#"[data]
kind = "text-folder"
train = "t"
valid_fraction = 0.34
[model]
layers = [{ embedding = { dim = 4 } }, { flatten = {} }, { dense = { units = 1 } }]
[train]
epochs = 1
loss = "binary_cross_entropy"
optimizer = { adam = { learning_rate = 0.01 } }
"#,
    );
    let checked = last(world.kiln(&["check", "--config", "experiment.toml", "--json"]));
    assert_eq!(
        checked["num_train"].as_u64().unwrap() + checked["num_valid"].as_u64().unwrap(),
        6
    );
    assert_eq!(count(&checked["left_out"], "not a .txt file"), 2);
    assert_eq!(count(&checked["left_out"], "without .txt files"), 1);
    world.train(&["--no-audit"]).expect_success();
    let judged = last(world.kiln(&[
        "eval",
        "--model",
        "run/best.safetensors",
        "--data",
        "t",
        "--json",
    ]));
    assert_eq!(judged["samples"], 6);
    assert_eq!(count(&judged["left_out"], "not a .txt file"), 2);
}
