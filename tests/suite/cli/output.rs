//! Standard output and standard error that are full, closed or gone: a training goes on and is saved.
#![cfg(unix)]

use std::process::Command;

use crate::support::world::{Run, World, finish};

/// Runs an `sh` script in the world; `$KILN` is the program.
pub fn script(world: &World, text: &str) -> Run {
    let mut command = Command::new("sh");
    let message = command.args(["-c", text]).current_dir(world.path(""));
    message
        .env("KILN", env!("CARGO_BIN_EXE_kiln"))
        .env("KILN_CACHE_DIR", world.path("cache"));
    finish(command)
}

const TRAIN: &str = "$KILN train --config experiment.toml --device cpu --out run";

fn is_saved(world: &World) -> bool {
    let history = world.read("run/history.jsonl");
    world.path("run/best.safetensors").exists() && history.lines().count() == 4
}

#[test]
fn standard_error_that_cannot_be_written_does_not_end_a_training() {
    for end in ["2>/dev/full", "2>&-", "2>&1 >/dev/null | true"] {
        let world = World::colours();
        script(&world, &format!("{TRAIN} {end}")).expect_success();
        if end.ends_with("true") {
            // The pipeline ended when `true` did; the training goes on.
            let begin = std::time::Instant::now();
            while !world.path("run/history.jsonl").exists() || !is_saved(&world) {
                assert!(begin.elapsed().as_secs() < 60, "it ended");
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        }
        assert!(is_saved(&world), "{end}");
    }
}

#[test]
fn standard_output_that_cannot_be_written_loses_no_run_and_the_exit_code_tells() {
    for more in ["", "--json"] {
        let world = World::colours();
        let run = script(&world, &format!("{TRAIN} {more} >/dev/full")).expect_failure();
        let message = "the run is complete and saved in run, but standard output cannot be written";
        assert!(run.stderr.contains(message), "{}", run.stderr);
        assert!(is_saved(&world));
        let model = "--model run/best.safetensors";
        let eval = format!("$KILN eval {model} --data valid >/dev/full");
        script(&world, &eval).expect_failure();
        let predict = format!("$KILN predict {model} valid/red/00.png >/dev/full");
        script(&world, &predict).expect_failure();
        script(&world, &predict.replace(">/dev/full", ">&-")).expect_success();
    }
}

#[test]
fn a_reader_that_has_had_enough_is_no_failure() {
    let world = World::colours();
    let run = script(
        &world,
        &format!("({TRAIN} --json; echo code $? >&2) | head -1"),
    );
    let run = run.expect_success();
    assert!(run.stderr.contains("code 0"), "{}", run.stderr);
    assert!(is_saved(&world));
    let predict = "$KILN predict --model run/best.safetensors train valid";
    let run = script(&world, &format!("({predict}; echo code $? >&2) | head -1")).expect_success();
    assert!(run.stderr.contains("code 0"), "{}", run.stderr);
}

#[test]
fn a_file_that_is_opened_never_becomes_standard_error() {
    let world = World::colours();
    script(&world, &format!("{TRAIN} <&- >&- 2>&-")).expect_success();
    assert!(is_saved(&world));
    for (name, begin) in [
        ("best.safetensors", None),
        ("experiment.toml", Some("name = ")),
    ] {
        let bytes = std::fs::read(world.path(format!("run/{name}"))).unwrap();
        assert!(
            begin.is_none_or(|begin| bytes.starts_with(begin.as_bytes())),
            "{name}"
        );
    }
    let model = "--model run/best.safetensors --data valid";
    let run = script(
        &world,
        &format!("$KILN eval {model} --predictions p.csv <&- >&- 2>&-"),
    );
    run.expect_success();
    assert!(world.read("p.csv").starts_with("file,class,"));
    assert_eq!(world.read("p.csv").lines().count(), 13);
}
