//! FIFOs, devices and links where a file is expected: nothing hangs, and nothing is replaced.
#![cfg(unix)]

use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::cli::output::script;
use crate::support::world::{Run, TABLE, World, finish};

fn mkfifo(world: &World, name: &str) {
    let path = world.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo runs").success());
}

/// A run that has to end in a few seconds.
fn ends(world: &World, arguments: &[&str]) -> Run {
    let begin = Instant::now();
    let mut command = Command::new("timeout");
    command
        .args(["20", env!("CARGO_BIN_EXE_kiln")])
        .args(arguments);
    command
        .current_dir(world.path(""))
        .stdin(std::process::Stdio::null());
    let run = finish(command);
    assert!(
        begin.elapsed() < Duration::from_secs(15),
        "{arguments:?} hung"
    );
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    run
}

#[test]
fn one_that_lies_among_the_data_is_left_out() {
    let world = World::colours();
    mkfifo(&world, "train/red/x.jpg");
    mkfifo(&world, "valid/blue/y.png");
    symlink("/dev/zero", world.path("train/red/z.jpg")).unwrap();
    let run = ends(
        &world,
        &[
            "train",
            "--config",
            "experiment.toml",
            "--out",
            "run",
            "--device",
            "cpu",
        ],
    );
    let run = run.expect_success();
    for name in ["x.jpg", "y.png", "z.jpg"] {
        assert!(
            run.stderr.contains(name),
            "{name} is listed: {}",
            run.stderr
        );
    }
    ends(&world, &["audit", "train"]).expect_success();
    ends(
        &world,
        &["eval", "--model", "run/best.safetensors", "--data", "valid"],
    )
    .expect_success();
    let all = ends(
        &world,
        &["predict", "--model", "run/best.safetensors", "valid"],
    );
    assert_eq!(all.expect_success().stdout.lines().count(), 12);
    mkfifo(&world, "texts/good/1.txt");
    world.write("texts/good/2.txt", "fine weather");
    world.write("texts/bad/1.txt", "rain and fog");
    mkfifo(&world, "run/last-9.safetensors");
    ends(
        &world,
        &["train", "--resume", "run", "--set", "train.epochs=5"],
    )
    .expect_success();
}

#[test]
fn one_that_is_named_and_that_nobody_writes_to_is_an_error() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    for name in [
        "e.toml",
        "m.safetensors",
        "t.csv",
        "a-images-idx3-ubyte",
        "x.jpg",
        "x.tar",
        "data_batch_1.bin",
    ] {
        mkfifo(&world, name);
    }
    mkfifo(&world, "folder/experiment.toml");
    let model = ["--model", "run/best.safetensors"];
    let commands: [&[&str]; 12] = [
        &["train", "--config", "e.toml"],
        &["check", "--config", "/dev/zero"],
        &["train", "--resume", "folder"],
        &["predict", "--model", "m.safetensors", "x.png"],
        &["eval", "--model", "m.safetensors", "--data", "valid"],
        &[&["predict"][..], &model, &["x.jpg"]].concat(),
        &[&["predict"][..], &model, &["/dev/tty"]].concat(),
        &[&["eval"][..], &model, &["--data", "x.tar"]].concat(),
        &[&["eval"][..], &model, &["--data", "a-images-idx3-ubyte"]].concat(),
        &[&["eval"][..], &model, &["--data", "data_batch_1.bin"]].concat(),
        &["audit", "t.csv"],
        &["init", "x.jpg"],
    ];
    for arguments in commands {
        let run = ends(&world, arguments);
        assert_eq!(run.code, 1, "{arguments:?}: {}{}", run.stdout, run.stderr);
    }
    let run = ends(&world, &["train", "--config", "e.toml"]);
    assert!(run.stderr.contains("e.toml"), "{}", run.stderr);
    assert!(run.stderr.contains("nobody wrote"), "{}", run.stderr);
}

#[test]
fn the_output_of_another_program_is_read() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    let bash = |text: &str| {
        let mut command = Command::new("bash");
        command.args(["-c", text]).current_dir(world.path(""));
        finish({
            command.env("KILN", env!("CARGO_BIN_EXE_kiln"));
            command
        })
    };
    let sets = "--set data.train=train --set data.valid=valid";
    bash(&format!(
        "$KILN check --config <(cat experiment.toml) {sets}"
    ))
    .expect_success();
    bash(&format!(
        "cat experiment.toml | $KILN check --config /dev/stdin {sets}"
    ))
    .expect_success();
    let plain =
        bash("$KILN predict --model run/best.safetensors valid/red/00.png").expect_success();
    let piped = bash("$KILN predict --model <(cat run/best.safetensors) <(cat valid/red/00.png)");
    let answer = |run: &Run| {
        run.stdout
            .split_once('\t')
            .map(|(_, answer)| answer.to_string())
    };
    assert_eq!(answer(&plain), answer(&piped.expect_success()));
    world.write("t.csv", TABLE);
    bash("$KILN init t.csv --target y").expect_success();
    bash("$KILN train --config t.toml --out table --set train.epochs=1 --set data.train=<(cat t.csv)")
        .expect_success();
    let rows = bash("$KILN predict --model table/best.safetensors <(cat t.csv)").expect_success();
    assert_eq!(rows.stdout.lines().count(), 10);
    bash("$KILN eval --model table/best.safetensors --data <(cat t.csv)").expect_success();
    let message = bash("$KILN audit <(cat t.csv)").stdout;
    assert!(message.contains("10"), "{message}");
}

#[test]
fn outputs_go_through_links_and_to_devices_and_keep_permissions() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    let eval = [
        "eval",
        "--model",
        "run/best.safetensors",
        "--data",
        "valid",
        "--predictions",
    ];
    let predictions = |path: &str| world.kiln(&[&eval[..], &[path]].concat());
    world.write("real/p.csv", "old");
    std::fs::set_permissions(world.path("real/p.csv"), PermissionsExt::from_mode(0o600)).unwrap();
    symlink("real/p.csv", world.path("link.csv")).unwrap();
    predictions("link.csv").expect_success();
    assert!(
        world
            .path("link.csv")
            .symlink_metadata()
            .unwrap()
            .is_symlink()
    );
    assert!(world.read("real/p.csv").starts_with("file,"));
    let mode = world
        .path("real/p.csv")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    predictions("/dev/null").expect_success();
    let null = Path::new("/dev/null").symlink_metadata().unwrap();
    assert!(null.file_type().is_char_device(), "it is still there");
    let run = script(
        &world,
        &format!("$KILN {} /dev/stdout --json", eval.join(" ")),
    );
    let run = run.expect_success();
    assert!(run.stdout.starts_with("file,class,"), "{}", run.stdout);
    assert!(run.stdout.trim_end().ends_with('}'), "then the figures");
    script(
        &world,
        &format!("$KILN {} /dev/stdout --json > out.txt", eval.join(" ")),
    )
    .expect_success();
    assert_eq!(world.read("out.txt"), run.stdout, "also into a file");
    mkfifo(&world, "pipe.csv");
    let reader = std::thread::spawn({
        let path = world.path("pipe.csv");
        move || std::fs::read_to_string(path).unwrap()
    });
    predictions("pipe.csv").expect_success();
    assert!(reader.join().unwrap().starts_with("file,"));
    assert!(
        world
            .path("pipe.csv")
            .symlink_metadata()
            .unwrap()
            .file_type()
            .is_fifo()
    );
    let run = ends(&world, &[&eval[..], &["pipe.csv"]].concat()).expect_failure();
    assert!(run.stderr.contains("nobody read"), "{}", run.stderr);
}

#[test]
fn what_cannot_be_written_in_full_is_an_error_and_leaves_no_file() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    for (arguments, file) in [
        (
            "preview --config experiment.toml --out sheet.png",
            "sheet.png",
        ),
        ("init train --out new.toml", "new.toml"),
        (
            "eval --model run/best.safetensors --data valid --predictions p.csv",
            "p.csv",
        ),
        (
            "lr-find --config experiment.toml --plot rates.svg",
            "rates.svg",
        ),
        ("synth shapes --out made --train 2 --valid 1", "made"),
    ] {
        let run = script(&world, &format!("ulimit -f 0; exec $KILN {arguments}"));
        let run = run.expect_failure();
        assert!(run.stderr.contains("cannot write"), "{}", run.stderr);
        assert!(!run.stdout.contains("wrote"), "{}", run.stdout);
        assert!(!world.path(file).exists(), "{file}");
        let left = std::fs::read_dir(world.path("")).unwrap();
        let hidden = left.filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            name.to_string_lossy().starts_with('.')
        });
        assert_eq!(hidden.count(), 0, "{arguments}");
    }
    let run = world.kiln(&[
        "preview",
        "--config",
        "experiment.toml",
        "--out",
        "/dev/full",
    ]);
    let run = run.expect_failure();
    assert!(
        run.stderr.contains("cannot write /dev/full"),
        "{}",
        run.stderr
    );
}
