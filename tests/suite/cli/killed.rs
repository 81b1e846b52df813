//! Runs that are killed, wherever that is, and disks and folders that fail: a resumed run ends with the
//! same bytes as the run that was left alone, and no checkpoint is lost.

use std::process::Command;

use crate::cli::resume::{MANY, assert_same, left, left_alone, resume, spawn};
use crate::support::world::{Run, World, finish};

/// Random numbers for the moments of kills (SplitMix64).
struct Moments(u64);

impl Moments {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}

/// `train` in `run`: from the beginning where nothing was begun there, else resumed.
fn go_on(world: &World, more: &[&str]) -> Command {
    let resumed = ["train", "--resume", "run", "--quiet"];
    let begun = [
        "train",
        "--config",
        "experiment.toml",
        "--out",
        "run",
        "--quiet",
    ];
    if world.path("run/experiment.toml").exists() {
        world.command(&resumed)
    } else {
        world.command(&[&begun[..], &["--device", "cpu"], more].concat())
    }
}

/// Kills runs at random moments and inside the writing of checkpoints, resumes each until it ends, and
/// compares. `KILN_KILLS` sets the number of kills (the README's development part names it).
#[test]
fn a_run_that_is_killed_at_any_moment_ends_with_the_same_bytes() {
    let kills: u64 = std::env::var("KILN_KILLS").map_or(60, |n| n.parse().expect("a number"));
    let world = World::colours();
    let begin = std::time::Instant::now();
    let alone = left_alone(&world, &MANY);
    let whole = begin.elapsed().as_micros() as u64;
    let seed = std::process::id().into();
    let mut moments = Moments(seed);
    let (mut killed, mut by_fault, mut runs) = (0, 0, 0);
    while killed < kills {
        let when = format!("after {killed} kills, seed {seed}");
        let mut command = go_on(&world, &MANY);
        // Every other time the writer kills itself, else somebody else does, early or late.
        let inside = killed % 2 == 1;
        if inside {
            let bytes = alone.last.len() as u64;
            command.env(
                "KILN_FAULT",
                match moments.below(4) {
                    0 => format!("checkpoint:before-rename-{}", 1 + moments.below(4)),
                    1 => format!("checkpoint:after-rename-{}", 1 + moments.below(4)),
                    _ => format!("checkpoint:after-{}-bytes", 1 + moments.below(4 * bytes)),
                },
            );
        }
        let mut child = spawn(command);
        if !inside {
            let wait = moments.below(whole + whole / 4);
            std::thread::sleep(std::time::Duration::from_micros(wait));
            child.kill().expect("killed"); // SIGKILL
        }
        let output = child.wait_with_output().expect("it ended");
        if output.status.success() {
            runs += 1;
            assert_same(&left(&world, "run"), &alone, &when);
            std::fs::remove_dir_all(world.path("run")).unwrap();
        } else {
            let message = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), None, "{when}: {message}");
            killed += 1;
            by_fault += u64::from(inside);
        }
    }
    if world.path("run").exists() {
        let run = finish(go_on(&world, &MANY)).expect_success();
        assert_same(
            &left(&world, "run"),
            &alone,
            &format!("at the end: {}", run.stderr),
        );
    }
    eprintln!("{killed} kills ({by_fault} inside the writing), {runs} runs ended between them");
}

#[test]
fn a_kill_between_checkpoint_and_best_model_loses_neither() {
    let world = World::colours();
    let alone = left_alone(&world, &[]);
    for place in ["after-rename-1", "before-rename-2", "after-rename-3"] {
        let base = ["train", "--config", "experiment.toml", "--device", "cpu"];
        let mut command = world.command(&[&base[..], &["--out", "run"]].concat());
        command.env("KILN_FAULT", format!("checkpoint:{place}"));
        assert_eq!(finish(command).code, -1, "killed");
        resume(&world, &["--quiet"]).expect_success();
        assert_same(&left(&world, "run"), &alone, place);
        std::fs::remove_dir_all(world.path("run")).unwrap();
    }
}

/// Runs an `sh` script in the world; `$KILN` is the program.
#[cfg(unix)]
fn script(world: &World, text: &str) -> Run {
    let mut command = Command::new("sh");
    let message = command.args(["-c", text]).current_dir(world.path(""));
    message.env("KILN", env!("CARGO_BIN_EXE_kiln"));
    finish(command)
}

/// A limit on the size of files stands for a full disk.
#[test]
#[cfg(unix)]
fn a_disk_that_is_full_leaves_the_checkpoint_before() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    let before = left(&world, "run");
    let full = "trap '' XFSZ; ulimit -f 4; exec $KILN train --resume run --set train.epochs=6";
    let run = script(&world, full).expect_failure();
    assert!(
        run.stderr
            .contains("cannot write run/last.safetensors: File too large"),
        "{}",
        run.stderr
    );
    assert!(left(&world, "run").last == before.last, "untouched");
    resume(&world, &["--set", "train.epochs=6"]).expect_success();
    let alone = left_alone(&world, &["--set", "train.epochs=6"]);
    assert_same(&left(&world, "run"), &alone, "after the disk was full");
}

#[test]
#[cfg(unix)]
fn a_run_folder_that_is_removed_meanwhile_is_named() {
    let world = World::colours();
    let base = ["train", "--config", "experiment.toml", "--device", "cpu"];
    let more = ["--out", "run", "--set", "train.epochs=100000", "--quiet"];
    let child = spawn(world.command(&[&base[..], &more].concat()));
    while !world.path("run/last.safetensors").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    std::fs::rename(world.path("run"), world.path("gone")).unwrap();
    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(
        message.contains("the folder run is not there (was it removed"),
        "{message}"
    );
}

/// The user and the group that own nothing.
#[cfg(unix)]
const NOBODY: u32 = 65_534;

#[test]
#[cfg(unix)]
fn a_folder_without_permission_is_named_and_the_checkpoint_stays() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    let before = left(&world, "run");
    let set = |name: &str, mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(world.path(name), permissions).unwrap();
    };
    set("run", 0o555);
    // The superuser may write everywhere: then somebody else runs the program, a copy within reach.
    std::fs::copy(env!("CARGO_BIN_EXE_kiln"), world.path("kiln")).unwrap();
    let superuser = std::fs::write(world.path("run/try"), "").is_ok();
    if superuser {
        std::fs::remove_file(world.path("run/try")).unwrap();
        set("", 0o755);
    }
    for arguments in [
        &["train", "--resume", "run", "--set", "train.epochs=2"][..],
        &[
            "train",
            "--config",
            "experiment.toml",
            "--out",
            "run/inside",
        ],
    ] {
        let mut command = Command::new(world.path("kiln"));
        command.args(arguments).current_dir(world.path(""));
        if superuser {
            command.uid(NOBODY).gid(NOBODY);
        }
        let run = finish(command).expect_failure();
        assert!(run.stderr.contains("run"), "{}", run.stderr);
        assert!(run.stderr.contains("ermission denied"), "{}", run.stderr);
        assert!(left(&world, "run") == before, "untouched");
    }
    set("run", 0o755);
}
