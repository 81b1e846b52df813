//! Decoded images are kept in memory, in a file or not at all; the net must not know.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::Stdio;

use crate::support::world::{World, finish};

/// 8 x 8 x 3 bytes an image: memory for five of 36.
const LITTLE: [&str; 2] = ["--set", "data.cache_memory=1000"];

/// Trains two epochs and gives the bytes of the model.
fn model(world: &World, more: &[&str]) -> Vec<u8> {
    let run = world.path("run");
    if run.exists() {
        std::fs::remove_dir_all(&run).unwrap();
    }
    let message = world.train(&[&["--set", "train.epochs=2"], more].concat());
    let message = message.expect_success().stderr;
    assert!(!message.contains("note: "), "{message}");
    std::fs::read(run.join("last.safetensors")).unwrap()
}

/// The cache files, by size.
fn cache_files(world: &World) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(world.path("cache")).unwrap();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "samples"))
        .collect();
    files.sort_by_key(|path| path.metadata().unwrap().len());
    files
}

/// The records of a cache file, whatever their order: a head of 128 bytes and 8 x 8 x 3 pixels.
fn records(file: &[u8]) -> Vec<&[u8]> {
    let mut records: Vec<&[u8]> = file[4096..].chunks(320).collect();
    records.sort_unstable();
    records
}

#[test]
fn the_model_is_the_same_however_its_images_were_kept() {
    let world = World::colours();
    let expected = model(&world, &[]);
    assert!(!world.path("cache").exists(), "the memory was enough");
    let none = ["--set", "data.cache_memory=0", "--set", "data.cache_disk=0"];
    assert!(expected == model(&world, &none), "nothing kept");
    assert!(!world.path("cache").exists(), "nothing was to be kept");
    assert!(expected == model(&world, &LITTLE), "file made");
    let files = cache_files(&world);
    assert_eq!(files.len(), 2, "one a split");
    assert!(expected == model(&world, &LITTLE), "file read");

    let whole: Vec<Vec<u8>> = files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect();
    let mut damaged = whole[1].clone();
    for byte in damaged[4096..].iter_mut().step_by(700) {
        *byte ^= 0x55;
    }
    std::fs::write(&files[1], &damaged).unwrap();
    assert!(expected == model(&world, &LITTLE), "records damaged");
    let mended = std::fs::read(&files[1]).unwrap();
    assert!(records(&mended) == records(&whole[1]), "and mended");

    let cut = File::options().write(true).open(&files[1]).unwrap();
    cut.set_len(whole[1].len() as u64 / 2 + 5).unwrap();
    std::fs::write(&files[0], b"something else").unwrap();
    assert!(
        expected == model(&world, &LITTLE),
        "one cut, one overwritten"
    );
    let sizes = |files: &[PathBuf]| -> Vec<u64> {
        files
            .iter()
            .map(|file| file.metadata().unwrap().len())
            .collect()
    };
    let lengths: Vec<u64> = whole.iter().map(|bytes| bytes.len() as u64).collect();
    assert_eq!(sizes(&cache_files(&world)), lengths);
}

#[test]
fn a_changed_image_or_setting_is_noticed() {
    let world = World::colours();
    let before = model(&world, &LITTLE);
    // The last image of its split lies in the file, not in memory.
    let (old, new) = ("train/red/11.png", "train/red/10.png");
    let stamp = world.path(old).metadata().unwrap().modified().unwrap();
    std::fs::copy(world.path(new), world.path(old)).unwrap();
    let file = File::options().write(true).open(world.path(old)).unwrap();
    file.set_modified(stamp).unwrap();
    let changed = model(&world, &LITTLE);
    assert!(before != changed, "the old pixels were used");
    assert!(
        changed
            == model(
                &world,
                &["--set", "data.cache_memory=0", "--set", "data.cache_disk=0"]
            )
    );
    model(
        &world,
        &[&LITTLE[..], &["--set", "data.resize=\"nearest\""]].concat(),
    );
    assert_eq!(
        cache_files(&world).len(),
        4,
        "another file for another setting"
    );
}

#[test]
fn the_cache_is_listed_cleared_and_bounded() {
    let world = World::colours();
    let list = || world.kiln(&["cache", "--json"]).expect_success().json();
    assert!(list().is_empty());
    let message = world.kiln(&["cache"]).expect_success().stdout;
    assert!(message.starts_with("no cache files in "), "{message}");
    model(&world, &LITTLE);
    let files = list();
    let mut samples: Vec<u64> = files
        .iter()
        .map(|f| f["samples"].as_u64().unwrap())
        .collect();
    samples.sort_unstable();
    assert_eq!(samples, [12, 19], "24 and 12 samples, memory for 5");
    let train = files.iter().find(|f| f["samples"] == 19).unwrap();
    assert!(
        train["data"].as_str().unwrap().ends_with("train"),
        "{train}"
    );
    assert_eq!(
        train["pixels"],
        "8 x 8 x 3, bilinear, stretch, pad 0, alpha drop"
    );
    let message = world.kiln(&["cache"]).expect_success().stdout;
    assert!(message.contains("today"), "{message}");

    let message = world.kiln(&["cache", "clear", "nonsense"]).expect_failure();
    assert!(
        message.stderr.contains("no cache file nonsense"),
        "{}",
        message.stderr
    );
    let name = train["name"].as_str().unwrap();
    world.kiln(&["cache", "clear", name]).expect_success();
    assert_eq!(list().len(), 1);
    let message = world.kiln(&["cache", "clear"]).expect_success();
    assert!(
        message.stdout.starts_with("removed 1 cache files"),
        "{}",
        message.stdout
    );
    assert!(list().is_empty());

    // Room for the head and some ten records of 320 bytes: the rest is decoded each time.
    model(
        &world,
        &[&LITTLE[..], &["--set", "data.cache_disk=\"7 kB\""]].concat(),
    );
    let total: u64 = list().iter().map(|f| f["bytes"].as_u64().unwrap()).sum();
    assert!(total <= 7000, "{total} bytes");
}

#[test]
fn two_runs_at_once_share_the_cache() {
    let world = World::colours();
    let start = |out: &str| {
        let base = [
            "train",
            "--config",
            "experiment.toml",
            "--device",
            "cpu",
            "--out",
            out,
        ];
        let mut command = world.command(&[&base[..], &LITTLE].concat());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let runs = [start("a"), start("b")];
    for mut run in runs {
        assert!(run.wait().unwrap().success());
    }
    let bytes = |out: &str| std::fs::read(world.path(out).join("last.safetensors")).unwrap();
    assert!(bytes("a") == bytes("b"));
    assert_eq!(cache_files(&world).len(), 2);
}

#[test]
fn a_cache_folder_that_cannot_be_made_is_a_note() {
    let world = World::colours();
    world.write("a file", "");
    let base = [
        "train",
        "--config",
        "experiment.toml",
        "--device",
        "cpu",
        "--set",
        "train.epochs=1",
    ];
    let mut command = world.command(&[&base[..], &LITTLE].concat());
    command.env("KILN_CACHE_DIR", world.path("a file/cache"));
    let message = finish(command).expect_success().stderr;
    assert!(
        message.contains("note: no cache file can be written"),
        "{message}"
    );
}

#[test]
fn a_size_that_is_none_is_refused() {
    let world = World::colours();
    let message = world
        .train(&["--set", "data.cache_disk=\"4 XB\""])
        .expect_failure();
    assert!(
        message.stderr.contains("\"4 XB\" is no size"),
        "{}",
        message.stderr
    );
}

#[test]
fn predict_answers_a_line_before_the_next_one_comes() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    let mut command = world.command(&["predict", "--model", "run/last.safetensors", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    for name in ["valid/red/00.png", "valid/blue/03.png"] {
        writeln!(input, "{name}").unwrap();
        let mut answer = String::new();
        output.read_line(&mut answer).unwrap();
        assert!(answer.starts_with(name), "{answer}");
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}
