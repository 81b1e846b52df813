//! `kiln audit`, and the same before training: what is wrong with the data is found first.

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::support::world::World;

/// A photograph of its own for every number: waves of many lengths, the short ones weaker.
fn photograph(number: u32) -> RgbImage {
    let random = |which: u32| {
        let mixed = (number * 64 + which + 1).wrapping_mul(2_654_435_761);
        f64::from((mixed >> 16) % 1000) / 500.0 - 1.0
    };
    RgbImage::from_fn(120, 90, |x, y| {
        let (x, y) = (f64::from(x) / 120.0, f64::from(y) / 90.0);
        let waves = (0..12).map(|n| {
            let (length, phase) = (6.0 * f64::from(n + 1), 9.0 * random(3 * n + 2));
            let slope = random(3 * n) * x + random(3 * n + 1) * y;
            (length * slope + phase).sin() / f64::from(n + 1)
        });
        let level = 125.0 + 60.0 * waves.sum::<f64>();
        Rgb([0.0, 20.0, -20.0].map(|more| (level + more).clamp(0.0, 255.0) as u8))
    })
}

fn jpeg(image: &RgbImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode_image(image)
        .unwrap();
    bytes
}

/// Photographs of two classes, 5 to train and 2 to validate each, all different.
fn photographs() -> World {
    let world = World::colours();
    for split in ["train", "valid"] {
        std::fs::remove_dir_all(world.path(split)).unwrap();
    }
    for number in 0..14 {
        let split = if number < 10 { "train" } else { "valid" };
        let class = if number % 2 == 0 { "red" } else { "blue" };
        world.write(
            &format!("{split}/{class}/{number}.jpg"),
            jpeg(&photograph(number), 90),
        );
    }
    world
}

fn audit(world: &World) -> (i32, Value) {
    let run = world.kiln(&["audit", ".", "--json"]);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    (run.code, run.json().swap_remove(0))
}

#[test]
fn clean_data_has_no_faults() {
    let world = photographs();
    let (code, found) = audit(&world);
    assert_eq!(
        (code, &found["pairs"]),
        (0, &serde_json::json!([])),
        "{found}"
    );
    assert_eq!(
        found["splits"]["train"]["counts"],
        serde_json::json!([5, 5])
    );
    assert_eq!(
        found["splits"]["valid"]["height"],
        serde_json::json!([90, 90, 90])
    );
    let message = world.kiln(&["audit", "."]).expect_success().stdout;
    assert!(message.contains("no faults found"), "{message}");
    let message = world
        .train(&["--set", "train.epochs=1"])
        .expect_success()
        .stderr;
    assert!(!message.contains("warning"), "{message}");
}

#[test]
fn a_photograph_in_both_splits_is_a_leak_however_it_was_saved() {
    let half = image::imageops::resize(&photograph(3), 70, 52, FilterType::Triangle);
    let copies = [
        ("the same file", jpeg(&photograph(3), 90)),
        ("looks the same", jpeg(&photograph(3), 50)),
        ("looks the same", jpeg(&half, 90)),
    ];
    for (how, bytes) in copies {
        let world = photographs();
        world.write("valid/blue/copy.jpg", bytes);
        let (code, found) = audit(&world);
        assert_eq!(
            (code, &found["leaks"]),
            (1, &Value::from(1)),
            "{how}: {found}"
        );
        assert_eq!(found["pairs"][0]["one"]["name"], "blue/3.jpg");
        assert_eq!(found["pairs"][0]["other"]["name"], "blue/copy.jpg");

        let message = world
            .train(&["--set", "train.epochs=1", "--set", "data.size=[32,32]"])
            .expect_failure()
            .stderr;
        assert!(
            message.contains("experiment.toml:7: data.valid is not apart from data.train"),
            "{message}"
        );
        assert!(
            message.contains(&format!("train/blue/3.jpg = valid/blue/copy.jpg ({how}")),
            "{message}"
        );
        assert!(
            message.contains("audit.leaks = \"warn\""),
            "the remedy: {message}"
        );
        assert!(!world.path("run/last.safetensors").exists());
    }
}

#[test]
fn a_leak_can_be_allowed_or_not_looked_for() {
    let world = photographs();
    world.write("valid/blue/copy.jpg", jpeg(&photograph(3), 90));
    let warn = ["--set", "audit.leaks=\"warn\"", "--set", "train.epochs=1"];
    let message = world.train(&warn).expect_success().stderr;
    assert!(
        message.contains("warning: 1 validation image is also in training"),
        "{message}"
    );
    std::fs::remove_dir_all(world.path("run")).unwrap();
    let message = world
        .train(&["--no-audit", "--set", "train.epochs=1"])
        .expect_success()
        .stderr;
    assert!(!message.contains("also in training"), "{message}");
}

#[test]
fn every_other_fault_is_found_and_named() {
    let world = photographs();
    world.write("train/red/copy.jpg", jpeg(&photograph(2), 90));
    world.write("train/blue/wrong.jpg", jpeg(&photograph(4), 90));
    world.write(
        "train/red/flat.jpg",
        jpeg(&RgbImage::from_pixel(80, 80, Rgb([9, 99, 9])), 90),
    );
    world.write("train/red/cut.jpg", &jpeg(&photograph(77), 90)[..900]);
    world.write("train/red/jpeg.png", jpeg(&photograph(78), 90));
    for number in 20..60 {
        world.write(
            &format!("train/blue/{number}.jpg"),
            jpeg(&photograph(number), 90),
        );
    }
    let (code, found) = audit(&world);
    assert_eq!(code, 1, "a file cannot be used");
    assert_eq!(found["leaks"], 0);
    assert_eq!(found["two_labels"], 1, "{found}");
    let names = |key: &str| -> Vec<&str> {
        found[key]
            .as_array()
            .unwrap()
            .iter()
            .map(|n| n["name"].as_str().unwrap())
            .collect()
    };
    assert_eq!(names("blank"), ["red/flat.jpg"]);
    assert_eq!(names("misnamed"), ["red/jpeg.png"]);
    assert!(
        found["unusable"][0]["name"]
            .as_str()
            .unwrap()
            .ends_with("cut.jpg")
    );
    let pairs = found["pairs"].as_array().unwrap();
    let pair = |one: &str, other: &str| {
        pairs
            .iter()
            .any(|p| p["one"]["name"] == one && p["other"]["name"] == other)
    };
    assert!(
        pair("red/2.jpg", "red/copy.jpg") && pair("blue/wrong.jpg", "red/4.jpg"),
        "{pairs:?}"
    );
    assert!(found["imbalance"].as_f64().unwrap() > 5.0);
    let message = world
        .train(&["--set", "train.epochs=1"])
        .expect_success()
        .stderr;
    for text in [
        "1 image has two labels:\n  train/blue/wrong.jpg = train/red/4.jpg",
        "1 image has one colour only:\n  train/red/flat.jpg",
        "is there twice",
        "of another format than the name says:\n  train/red/jpeg.png",
        "times as frequent as the rarest",
    ] {
        assert!(message.contains(text), "{text}: {message}");
    }
}

#[test]
fn the_sheet_shows_the_pairs() {
    let world = photographs();
    world.write("valid/blue/copy.jpg", jpeg(&photograph(3), 50));
    world
        .kiln(&["audit", ".", "--sheet", "pairs.png"])
        .expect_failure();
    let sheet = image::open(world.path("pairs.png")).unwrap();
    assert_eq!(
        (sheet.width(), sheet.height()),
        (2 + 64 + 8 + 64 + 2, 2 + 64 + 2)
    );
}

#[test]
fn images_that_no_cache_holds_are_compared_by_their_bytes() {
    let world = photographs();
    world.write("valid/blue/copy.jpg", jpeg(&photograph(3), 90));
    let none = ["--set", "data.cache_memory=0", "--set", "data.cache_disk=0"];
    let message = world.train(&none).expect_failure().stderr;
    assert!(
        message.contains("1 validation image is also in training"),
        "{message}"
    );
    // From the cache file the second time, without decoding.
    let disk = ["--set", "data.cache_memory=0", "--set", "train.epochs=1"];
    for _ in 0..2 {
        assert!(!world.path("run").exists(), "nothing was trained in it");
        let message = world.train(&disk).expect_failure().stderr;
        assert!(
            message.contains("1 validation image is also in training"),
            "{message}"
        );
    }
}

#[test]
fn what_is_to_be_looked_at_must_be_said() {
    let world = photographs();
    let message = world.kiln(&["audit"]).expect_failure().stderr;
    assert!(message.contains("kiln audit FOLDER"), "{message}");
    let message = world.kiln(&["audit", "nowhere"]).expect_failure().stderr;
    assert!(message.contains("nowhere does not exist"), "{message}");
    let found = world
        .kiln(&["audit", "--config", "experiment.toml", "--json"])
        .expect_success();
    assert_eq!(found.json()[0]["splits"]["valid"]["samples"], 4);
    let one = world.kiln(&["audit", "train", "--json"]).expect_success();
    assert_eq!(one.json()[0]["splits"]["train"]["samples"], 10);
    assert!(one.json()[0]["splits"].get("valid").is_none());
}
