//! Names of splits, and what goes to which side.

use serde_json::Value;

use super::{Filled, counts, first_try, strings};
use crate::support::world::Run;

#[test]
fn a_test_split_is_judged_once_as_eval_judges_it() {
    let mut filled = Filled::new();
    filled
        .classes("data/Training", &["a", "b"], 12)
        .classes("data/Testing", &["a", "b"], 6);
    let tried = first_try(
        &filled.world,
        &["data"],
        "data/Testing",
        "data/Testing/a/0.png",
    );
    assert_eq!(strings(&tried.check["classes"]), ["a", "b"]);
    assert_eq!(counts(&tried), [20, 4, 12]);
    assert!(
        tried.init.stderr.contains("Testing: the test at the end"),
        "{}",
        tried.init.stderr
    );
    let test = &tried.end["test"];
    assert_eq!(test["test_samples"], 12);
    for figure in ["loss", "accuracy", "f1"] {
        assert_eq!(
            test[&format!("test_{figure}")],
            tried.eval[figure],
            "{figure}: {test}"
        );
    }
    let kept: Value = serde_json::from_str(&filled.world.read("run/test.json")).expect("JSON");
    assert_eq!(&kept, test);
    // Nothing of it is in the history, by which the best epoch is chosen.
    assert!(!filled.world.read("run/history.jsonl").contains("test_"));
    let message = filled.world.kiln(&[
        "train",
        "--config",
        "try.toml",
        "--device",
        "cpu",
        "--out",
        "again",
        "--set",
        "train.epochs=1",
    ]);
    assert!(
        message
            .expect_success()
            .stdout
            .contains("played no part in training")
    );
}

#[test]
fn a_flat_test_folder_is_no_class_and_no_split() {
    let mut filled = Filled::new();
    filled
        .classes("data", &["a", "b"], 8)
        .class("data/test/#.png", 0, 4);
    let tried = first_try(&filled.world, &["data"], "data", "data/test");
    assert_eq!(strings(&tried.check["classes"]), ["a", "b"]);
    assert_eq!(tried.predict.stdout.lines().count(), 4);
    assert!(
        tried
            .init
            .stdout
            .contains("kiln predict --model runs/data-1/best.safetensors data/test"),
        "{}",
        tried.init.stdout
    );
    assert_eq!(tried.eval["samples"], 16);

    for class in ["x", "y", "test"] {
        for number in 0..8 {
            let folder = if class == "test" { "test" } else { class };
            filled.world.write(
                &format!("texts/{folder}/{number}.txt"),
                format!("words of {class} {number}"),
            );
        }
    }
    filled.world.kiln(&["init", "texts"]).expect_success();
    let check = filled
        .world
        .kiln(&["check", "--config", "texts.toml", "--json"])
        .expect_success();
    assert_eq!(strings(&check.json()[0]["classes"]), ["x", "y"]);

    let mut filled = Filled::new();
    filled
        .classes("data/train", &["a", "b"], 8)
        .class("data/test/#.png", 0, 4);
    let tried = first_try(&filled.world, &["data"], "data/train", "data/test");
    assert!(
        tried.experiment.contains("valid_fraction") && !tried.experiment.contains("valid ="),
        "{}",
        tried.experiment
    );
}

#[test]
fn splits_lie_under_all_kinds_of_names() {
    let cases = [
        ("dataset/train", "dataset/validation"),
        ("data/dataset/Train", "data/dataset/Val"),
        ("training_set", "validation_set"),
        ("Train_Images", "Valid_Images"),
        ("images/train", "images/holdout"),
        ("train/images", "dev/images"),
        ("flowers-train", "flowers-val"),
    ];
    for (train, valid) in cases {
        let mut filled = Filled::new();
        filled
            .classes(&format!("x/{train}"), &["a", "b"], 6)
            .classes(&format!("x/{valid}"), &["a", "b"], 2);
        filled.world.kiln(&["init", "x"]).expect_success();
        let check = filled
            .world
            .kiln(&["check", "--config", "x.toml", "--json"])
            .expect_success()
            .json()
            .swap_remove(0);
        assert_eq!(strings(&check["classes"]), ["a", "b"], "{train}");
        assert_eq!(
            (&check["num_train"], &check["num_valid"]),
            (&12.into(), &4.into()),
            "{train}"
        );
    }
}

#[test]
fn a_class_that_validation_lacks_is_reported() {
    let mut filled = Filled::new();
    filled
        .classes("data/train", &["a", "b", "c"], 6)
        .classes("data/valid", &["a", "b"], 3);
    let tried = first_try(&filled.world, &["data"], "data/valid", "data/valid/a/0.png");
    assert!(
        tried.train.stderr.contains("data.valid has no image of c"),
        "{}",
        tried.train.stderr
    );
    assert_eq!(strings(&tried.eval["classes"]), ["a", "b", "c"]);
    assert_eq!(tried.eval["per_class"]["c"]["samples"], 0);
    // A class that training lacks is still an error.
    std::fs::rename(
        filled.world.path("data/valid/b"),
        filled.world.path("data/valid/d"),
    )
    .expect("renamed");
    let message = filled
        .world
        .kiln(&["check", "--config", "try.toml"])
        .expect_failure()
        .stderr;
    assert!(message.contains("MISSING"), "{message}");
}

#[test]
fn a_class_of_one_image_stays_in_training() {
    let mut filled = Filled::new();
    filled
        .classes("data", &["a", "b"], 8)
        .classes("data", &["c"], 1);
    let tried = first_try(&filled.world, &["data"], "data", "data/c/0.png");
    assert!(
        tried.train.stderr.contains("no image of c"),
        "{}",
        tried.train.stderr
    );
}

#[test]
fn leaks_are_counted_in_images() {
    let mut filled = Filled::new();
    filled
        .classes("l/train", &["a", "b"], 8)
        .classes("l/valid", &["a", "b"], 2);
    let leaked = std::fs::read(filled.world.path("l/train/a/0.png")).expect("an image");
    for name in (0..8)
        .map(|n| format!("l/train/a/copy{n}.png"))
        .chain(["l/valid/a/v.png".to_string()])
    {
        filled.world.write(&name, &leaked);
    }
    let message = filled.world.kiln(&["audit", "l"]).expect_failure().stdout;
    assert!(
        message.contains("1 validation image is also in training (of 5)"),
        "{message}"
    );
    let found = filled
        .world
        .kiln(&["audit", "l", "--json"])
        .expect_failure()
        .json()
        .swap_remove(0);
    assert_eq!(found["leaks"], 1, "{found}");
}

#[test]
fn copies_stay_on_one_side_of_a_split_by_chance() {
    let mut filled = Filled::new();
    filled.classes("u", &["a", "b"], 10);
    for class in ["a", "b"] {
        for number in 0..10 {
            let bytes = std::fs::read(filled.world.path(format!("u/{class}/{number}.png")))
                .expect("an image");
            filled
                .world
                .write(&format!("u/{class}/{number} copy.png"), bytes);
        }
    }
    let tried = first_try(&filled.world, &["u"], "u", "u/a/0.png");
    assert!(
        !tried.train.stderr.contains("also in training"),
        "{}",
        tried.train.stderr
    );
    assert_eq!(counts(&tried), [32, 8, 0]);
    assert!(
        tried
            .train
            .stderr
            .contains("20 copies of other images stay"),
        "{}",
        tried.train.stderr
    );
}

#[test]
fn look_alikes_are_moved_to_one_side() {
    let mut filled = Filled::new();
    filled.classes("u", &["a", "b"], 10);
    for class in ["a", "b"] {
        for number in 0..10 {
            // The same pixels in another file.
            let image = image::open(filled.world.path(format!("u/{class}/{number}.png")))
                .expect("an image");
            image
                .save(filled.world.path(format!("u/{class}/{number}.bmp")))
                .expect("saved");
        }
    }
    let tried = first_try(&filled.world, &["u"], "u", "u/a/0.png");
    let moved = "moved to the other side of the split by chance, so that copies and look-alikes";
    assert!(tried.train.stderr.contains(moved), "{}", tried.train.stderr);
    let again = filled.world.kiln(&[
        "train",
        "--config",
        "try.toml",
        "--device",
        "cpu",
        "--out",
        "again",
        "--set",
        "train.epochs=2",
        "--json",
    ]);
    let again = again.expect_success();
    let best = |run: &Run| run.json().pop().expect("an end")["best"]["valid_loss"].clone();
    assert_eq!(best(&again), best(&tried.train), "the same split again");
}
