//! Ctrl-C, SIGTERM and SIGHUP, wherever they come: the program ends within a second and leaves nothing
//! unfinished.
#![cfg(unix)]

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::world::{TABLE, World};

/// Waits for the end of a program, which has to come within a second of the signal.
fn ended_by(child: &mut Child, signal: &str) -> Option<i32> {
    let status = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(status.expect("kill runs").success());
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("waited") {
            return status.code();
        }
        if begin.elapsed() > Duration::from_secs(3) {
            child.kill().expect("killed");
            panic!("{signal} was not heeded");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn start(world: &World, arguments: &[&str]) -> Child {
    let mut command = world.command(arguments);
    command.stdin(Stdio::piped());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program starts")
}

/// Ends a command while it works: after half a second, or sooner where the machine is so fast that the command was done
/// by then.
fn ended_at_work(world: &World, arguments: &[&str], signal: &str) -> Option<i32> {
    for wait in [500, 250, 120, 60] {
        let mut child = start(world, arguments);
        std::thread::sleep(Duration::from_millis(wait));
        if child.try_wait().expect("waited").is_some() {
            remove_outputs(world);
            continue;
        }
        match ended_by(&mut child, signal) {
            // It ended by itself between the question and the signal.
            Some(0) => remove_outputs(world),
            code => return code,
        }
    }
    panic!("{arguments:?} is done within 60 ms: give it more to do");
}

/// Removes what a command that came to its end has written.
fn remove_outputs(world: &World) {
    let _ = std::fs::remove_file(world.path("p.csv"));
    let _ = std::fs::remove_dir_all(world.path("made"));
}

/// A FIFO that is held open for writing: whatever reads it waits for what never comes.
struct Endless(#[expect(dead_code, reason = "held open")] std::fs::File);

fn endless(path: &Path) -> Endless {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo runs").success());
    let mut options = std::fs::OpenOptions::new();
    Endless(options.read(true).write(true).open(path).expect("opened"))
}

/// Everything in a folder, by name.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Many large images, which take some seconds to decode.
fn large_images(world: &World) {
    let noise = |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) as u8;
    let image = image::RgbImage::from_fn(2000, 2000, |x, y| {
        image::Rgb([noise(x, y), noise(y, x), noise(x + y, x)])
    });
    for class in ["blue", "red"] {
        let first = world.path(format!("large/{class}/0.png"));
        std::fs::create_dir_all(first.parent().unwrap()).unwrap();
        image.save(&first).unwrap();
        for number in 1..400 {
            std::fs::hard_link(&first, first.with_file_name(format!("{number}.png"))).unwrap();
        }
    }
}

#[test]
fn preparing_a_training_ends_at_once_and_leaves_no_run_folder() {
    let world = World::colours();
    large_images(&world);
    let before = names(&world.path(""));
    let train = [
        "train",
        "--config",
        "experiment.toml",
        "--device",
        "cpu",
        "--set",
        "data.train=large",
        "--set",
        "data.valid=large",
        "--set",
        "data.cache_memory=0",
    ];
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let mut child = start(&world, &train);
        let begin = Instant::now();
        while !world.path("runs/colours-1/experiment.toml").exists() {
            assert!(begin.elapsed().as_secs() < 20, "it began");
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(ended_by(&mut child, signal), Some(code));
        let mut after = names(&world.path(""));
        after.retain(|name| name != "cache");
        assert_eq!(after, before, "{signal}");
    }
}

#[test]
fn every_other_command_ends_at_once() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    large_images(&world);
    let _model = endless(&world.path("model"));
    let _config = endless(&world.path("config.toml"));
    let _table = endless(&world.path("t.csv"));
    let spooled = || {
        let temporary = names(&std::env::temp_dir());
        temporary
            .into_iter()
            .filter(|name| name.starts_with("kiln-") && name.len() == 21)
            .count()
    };
    let spooled_before = spooled();
    let large = [
        "--config",
        "experiment.toml",
        "--set",
        "data.train=large",
        "--set",
        "data.valid=large",
    ];
    let config = ["--config", "config.toml"];
    let commands: [&[&str]; 12] = [
        &["audit", "large"],
        &["audit", "t.csv"],
        &[&["audit"][..], &large].concat(),
        &[
            "eval",
            "--model",
            "run/best.safetensors",
            "--data",
            "large",
            "--predictions",
            "p.csv",
        ],
        &["eval", "--model", "model", "--data", "valid"],
        &["predict", "--model", "run/best.safetensors", "large"],
        &["predict", "--model", "run/best.safetensors", "-"],
        &[&["check"][..], &config].concat(),
        &[&["lr-find"][..], &large].concat(),
        &[&["bench", "--steps", "1000000"][..], &large[..2]].concat(),
        &[
            "synth", "shapes", "--out", "made", "--train", "100000", "--size", "64",
        ],
        &[
            &["train", "--verify", "1000000"][..],
            &large[..2],
            &["--device", "cpu"],
        ]
        .concat(),
    ];
    let before = names(&world.path(""));
    for arguments in commands {
        for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
            assert_eq!(
                ended_at_work(&world, arguments, signal),
                Some(code),
                "{arguments:?}"
            );
        }
        assert_eq!(names(&world.path("")), before, "{arguments:?}");
    }
    assert!(
        spooled() <= spooled_before,
        "nothing is left in the temporary folder"
    );
}

#[test]
fn a_table_on_standard_input_leaves_no_copy_behind() {
    let world = World::empty();
    world.write("t.csv", TABLE);
    world
        .kiln(&["init", "t.csv", "--target", "y"])
        .expect_success();
    let train = [
        "train",
        "--config",
        "t.toml",
        "--out",
        "run",
        "--set",
        "train.epochs=1",
    ];
    world.kiln(&train).expect_success();
    std::fs::create_dir(world.path("tmp")).unwrap();
    let mut command = world.command(&["predict", "--model", "run/best.safetensors", "-"]);
    command
        .stdin(Stdio::piped())
        .env("TMPDIR", world.path("tmp"));
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "x").unwrap();
    while names(&world.path("tmp")).is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(ended_by(&mut child, "-TERM"), Some(143));
    assert!(names(&world.path("tmp")).is_empty());
}

#[test]
fn a_terminal_that_is_closed_saves_the_run() {
    let world = World::colours();
    let train = [
        "train",
        "--config",
        "experiment.toml",
        "--device",
        "cpu",
        "--out",
        "run",
        "--set",
        "train.epochs=100000",
    ];
    let mut command = world.command(&train);
    // Nothing can be written any more, as where the terminal is gone.
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    command.stdout(Stdio::null()).stderr(full);
    let mut child = command.spawn().unwrap();
    while !world.path("run/last.safetensors").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(ended_by(&mut child, "-HUP"), Some(129));
    let resume = ["train", "--resume", "run", "--set", "train.max_steps=1"];
    world.kiln(&resume).expect_success();
    assert!(
        names(&world.path("run"))
            .iter()
            .all(|name| !name.ends_with(".tmp"))
    );
}

#[test]
fn a_training_that_outlives_its_terminal_by_nohup_goes_on() {
    let world = World::colours();
    let script = "trap '' HUP; exec $KILN train --config experiment.toml --out run --device cpu --set train.epochs=300";
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(world.path(""));
    command.env("KILN", env!("CARGO_BIN_EXE_kiln"));
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !world.path("run/last.safetensors").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let hup = Command::new("kill")
        .args(["-HUP", &child.id().to_string()])
        .status();
    assert!(hup.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
