//! What is no data, and what `kiln init` says and takes.

use super::{Filled, first_try, strings};
use crate::support::world::World;

#[test]
fn what_systems_put_into_folders_is_no_class() {
    let mut filled = Filled::new();
    filled
        .classes("hidden", &["a", "b"], 8)
        .classes("hidden/__MACOSX", &["a"], 2);
    filled.class("hidden/@eaDir/#.png", 0, 2).class(
        "hidden/.ipynb_checkpoints/#-checkpoint.png",
        0,
        1,
    );
    filled.class("hidden/.git/#.png", 0, 1);
    filled.world.write("hidden/a/Thumbs.db", "x");
    filled.world.write("hidden/b/._1.png", "x");
    let tried = first_try(&filled.world, &["hidden"], "hidden", "hidden/a/0.png");
    assert_eq!(strings(&tried.check["classes"]), ["a", "b"]);
    assert_eq!(tried.eval["samples"], 16);
}

#[test]
fn what_is_no_data_says_what_is_there_and_what_to_do() {
    let world = World::empty();
    std::fs::create_dir(world.path("empty")).expect("a folder");
    world.write("videos/a.mp4", "x");
    world.write("papers/a.pdf", "%PDF-1.5");
    world.write("packed/photos.zip", "PK");
    world.image("one.png", [1, 2, 3], 1);
    for number in 0..4 {
        world.image(&format!("plain/IMG_{number}.png"), [9, 9, 9], number);
    }
    for (path, expected) in [
        ("empty", "is empty"),
        ("videos", "is a video: save some of its frames"),
        ("papers", "is a PDF: convert"),
        ("packed", "is packed: unpack it"),
        ("packed/photos.zip", "is packed: unpack it"),
        ("one.png", "is one image"),
        ("plain", "--label-pattern"),
        ("nowhere", "there is no"),
    ] {
        let message = world.kiln(&["init", path]).expect_failure().stderr;
        assert!(message.contains(expected), "{path}: {message}");
    }
    // Nothing was written on the way.
    assert!(
        std::fs::read_dir(world.path(""))
            .expect("a folder")
            .flatten()
            .all(|e| e.path().extension() != Some("toml".as_ref()))
    );
}

#[test]
fn audit_of_a_folder_with_nothing_usable_fails() {
    let world = World::empty();
    for name in ["d/a/1.png", "d/b/1.png"] {
        world.write(name, "no image");
    }
    let message = world.kiln(&["audit", "d"]).expect_failure();
    assert!(
        message.stdout.contains("no image can be used"),
        "{}",
        message.stdout
    );
}

#[test]
fn init_takes_keys_and_they_hold_from_the_start() {
    let mut filled = Filled::new();
    filled.classes("x", &["a", "b", "junk"], 6);
    let sets = [
        "init",
        "x",
        "--set",
        "data.exclude=[\"junk\"]",
        "--set",
        "train.epochs=3",
        "--set",
        "data.valid_fraction=0.5",
    ];
    filled.world.kiln(&sets).expect_success();
    let check = filled
        .world
        .kiln(&["check", "--config", "x.toml", "--json"])
        .expect_success()
        .json()
        .swap_remove(0);
    assert_eq!(strings(&check["classes"]), ["a", "b"]);
    assert_eq!(check["num_valid"], 6);
    assert!(filled.world.read("x.toml").contains("epochs = 3"));
}

#[test]
fn runs_in_the_folder_of_the_data_are_no_class() {
    let mut filled = Filled::new();
    filled.classes(".", &["a", "b"], 8);
    filled
        .world
        .kiln(&["init", ".", "--out", "x.toml"])
        .expect_success();
    let train = [
        "train",
        "--config",
        "x.toml",
        "--device",
        "cpu",
        "--set",
        "train.epochs=1",
    ];
    filled.world.kiln(&train).expect_success();
    filled.world.kiln(&train).expect_success();
    filled
        .world
        .kiln(&["init", ".", "--out", "y.toml"])
        .expect_success();
    let check = filled
        .world
        .kiln(&["check", "--config", "y.toml", "--json"])
        .expect_success()
        .json()
        .swap_remove(0);
    assert_eq!(strings(&check["classes"]), ["a", "b"]);
}
