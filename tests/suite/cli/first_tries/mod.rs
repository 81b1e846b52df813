//! Tables as people have them: `init`, `check`, `train`, `eval` and `predict` at the first try, no file edited.

mod advice;
mod columns;
mod files;
mod headers;
mod values;

use crate::support::world::{Run, World};

/// Every command at its first try; the outputs of `init` and of `check`.
fn first_try(world: &World, file: &str, arguments: &[&str]) -> [Run; 2] {
    let init = [&["init", file, "--out", "e.toml"], arguments].concat();
    let init = world.kiln(&init).expect_success();
    let check = world
        .kiln(&["check", "--config", "e.toml"])
        .expect_success();
    let train = [
        "train",
        "--config",
        "e.toml",
        "--device",
        "cpu",
        "--out",
        "run",
        "--set",
        "train.epochs=3",
    ];
    world.kiln(&train).expect_success();
    let model = "run/best.safetensors";
    world
        .kiln(&["eval", "--model", model, "--data", file, "--device", "cpu"])
        .expect_success();
    // A shell makes a pattern into names.
    let file = &file.replace('*', "1");
    let predicted = world
        .kiln(&["predict", "--model", model, file, "--device", "cpu"])
        .expect_success();
    assert!(predicted.stdout.lines().count() > 1, "{}", predicted.stdout);
    [init, check]
}

fn world_of(file: &str, text: impl AsRef<[u8]>) -> World {
    let world = World::empty();
    world.write(file, text);
    world
}

fn starter(world: &World) -> String {
    std::fs::read_to_string(world.path("e.toml")).unwrap()
}
