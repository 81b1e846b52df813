//! Any number of threads: no command waits for itself on a machine with one core, every number gives the same bits, and
//! an absurd number is refused.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::cli::resume::{assert_same, left};
use crate::support::world::{Run, World};

/// What a command may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the program with so many threads, by the flag and by the variable; it must end.
fn with_threads(world: &World, threads: &str, by_flag: bool, arguments: &[&str]) -> Run {
    let flag = ["--threads", threads];
    let mut command = match by_flag {
        true => world.command(&[arguments, &flag].concat()),
        false => world.command(arguments),
    };
    if !by_flag {
        command.env("RAYON_NUM_THREADS", threads);
    }
    let (out, err) = (world.path("out.txt"), world.path("err.txt"));
    let file = |path| std::fs::File::create(path).expect("a file");
    command
        .stdout(Stdio::from(file(&out)))
        .stderr(Stdio::from(file(&err)));
    let mut child = command.spawn().expect("the program starts");
    let begin = Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().expect("a process") {
            break status.code().unwrap_or(-1);
        }
        if begin.elapsed() > PATIENCE {
            child.kill().expect("it runs");
            panic!("{arguments:?} with {threads} threads hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Run {
        code,
        stdout: world.read("out.txt"),
        stderr: world.read("err.txt"),
    }
}

#[test]
fn every_command_ends_with_one_thread_and_says_the_same() {
    let world = World::colours();
    world.train(&[]).expect_success();
    let model = ["--model", "run/best.safetensors"];
    for arguments in [
        &[
            "predict",
            model[0],
            model[1],
            "valid",
            "train",
            "valid/red/00.png",
        ][..],
        &["eval", model[0], model[1], "--data", "valid", "--json"],
        &["audit", "--config", "experiment.toml"],
        &["check", "--config", "experiment.toml", "--json"],
    ] {
        let two = with_threads(&world, "2", true, arguments).expect_success();
        for by_flag in [true, false] {
            let one = with_threads(&world, "1", by_flag, arguments).expect_success();
            let same = |run: &Run| {
                run.stdout
                    .replace("1 thread\"", "")
                    .replace("2 threads\"", "")
            };
            assert_eq!(same(&one), same(&two), "{arguments:?}");
        }
    }
}

#[test]
fn training_ends_with_one_thread_and_with_the_same_bits() {
    let world = World::colours();
    for (threads, folder) in [("1", "one"), ("2", "two"), ("5", "five")] {
        let arguments = [
            "train",
            "--config",
            "experiment.toml",
            "--device",
            "cpu",
            "--out",
            folder,
        ];
        with_threads(&world, threads, true, &arguments).expect_success();
    }
    let one = left(&world, "one");
    assert_same(&left(&world, "two"), &one, "with two threads");
    assert_same(&left(&world, "five"), &one, "with five threads");
    let more = ["train", "--resume", "one", "--set", "train.epochs=5"];
    with_threads(&world, "1", true, &more).expect_success();
}

#[test]
fn more_threads_than_can_be_are_refused_with_the_limit() {
    let world = World::colours();
    let arguments = ["check", "--config", "experiment.toml"];
    for count in ["100000", "18446744073709551616"] {
        let run = with_threads(&world, count, false, &arguments).expect_failure();
        assert!(run.stderr.contains("RAYON_NUM_THREADS"), "{}", run.stderr);
        assert!(run.stderr.contains("at most 1024"), "{}", run.stderr);
    }
    let run = with_threads(&world, "65535", true, &arguments);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("1..=1024"), "{}", run.stderr);
    // What is no number is passed over, as rayon does.
    with_threads(&world, "many", false, &arguments).expect_success();
}
