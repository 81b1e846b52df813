//! `train --resume`: a run that was stopped goes on with the bytes of the run that was left alone;
//! what may change on the way, and what may not.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::world::{Run, World};

/// Several batches an epoch, and a checkpoint after as many of them as the disk can follow.
pub const MANY: [&str; 4] = [
    "--set",
    "train.batch_size=2",
    "--set",
    "checkpoint.every_steps=1",
];

pub fn resume(world: &World, more: &[&str]) -> Run {
    world.kiln(&[&["train", "--resume", "run"][..], more].concat())
}

/// What a run leaves: both model files, and the history without times.
#[derive(PartialEq)]
pub struct Left {
    pub last: Vec<u8>,
    pub best: Vec<u8>,
    pub history: Vec<Value>,
}

pub fn left(world: &World, folder: &str) -> Left {
    let read = |name: &str| {
        let path = world.path(format!("{folder}/{name}"));
        std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    };
    let lines = String::from_utf8(read("history.jsonl")).unwrap();
    let history = lines.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let figures = line.as_object_mut().unwrap();
        figures.retain(|key, _| !key.contains("second"));
        line
    });
    Left {
        history: history.collect(),
        last: read("last.safetensors"),
        best: read("best.safetensors"),
    }
}

#[track_caller]
pub fn assert_same(found: &Left, expected: &Left, when: &str) {
    assert_eq!(found.history, expected.history, "{when}");
    assert!(
        found.last == expected.last,
        "last.safetensors differs {when}"
    );
    assert!(
        found.best == expected.best,
        "best.safetensors differs {when}"
    );
}

/// What `experiment.toml` leaves when nobody disturbs it.
pub fn left_alone(world: &World, more: &[&str]) -> Left {
    let base = ["train", "--config", "experiment.toml", "--device", "cpu"];
    world
        .kiln(&[&base[..], &["--out", "alone"], more].concat())
        .expect_success();
    left(world, "alone")
}

pub fn spawn(mut command: Command) -> Child {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::piped());
    quiet.spawn().expect("the program starts")
}

/// Starts a run without an end, and stops it by a signal after its first epoch.
#[cfg(unix)]
pub fn stopped_by(world: &World, signal: &str, sets: &[&str]) -> Run {
    use std::io::{BufRead, BufReader, Read};

    let base = ["train", "--config", "experiment.toml", "--device", "cpu"];
    let more = ["--out", "run", "--json", "--set", "train.epochs=100000"];
    let mut child = world
        .command(&[&base[..], &more, sets].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().expect("an epoch").expect("text");
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
    let stdout: Vec<String> = lines.map(|line| line.unwrap()).collect();
    let mut stderr = String::new();
    let mut pipe = child.stderr.take().unwrap();
    pipe.read_to_string(&mut stderr).unwrap();
    Run {
        code: child.wait().unwrap().code().unwrap_or(-1),
        stdout: stdout.join("\n"),
        stderr,
    }
}

#[test]
#[cfg(unix)]
fn ctrl_c_and_sigterm_save_say_how_to_go_on_and_tell_themselves_apart() {
    let world = World::colours();
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let run = stopped_by(&world, signal, &MANY);
        assert_eq!(run.code, code, "{}", run.stderr);
        let end: Value = serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap();
        assert_eq!(end["interrupted"], true);
        let message = "to go on from here:\n  kiln train --resume run\n";
        assert!(run.stderr.ends_with(message), "{}", run.stderr);
        let eval = ["eval", "-m", "run/last.safetensors", "-d", "valid"];
        world
            .kiln(&[&eval[..], &["--device", "cpu"]].concat())
            .expect_success();
        let more = world.read("run/history.jsonl").lines().count() + 3;
        let epochs = format!("train.epochs={more}");
        let run = resume(&world, &["--set", &epochs]).expect_success();
        let message = format!("changed: train.epochs: 100000 -> {more}\n");
        assert!(run.stderr.contains(&message), "{}", run.stderr);
        let sets = [&MANY[..], &["--set", &epochs]].concat();
        assert_same(&left(&world, "run"), &left_alone(&world, &sets), signal);
        std::fs::remove_dir_all(world.path("run")).unwrap();
        std::fs::remove_dir_all(world.path("alone")).unwrap();
    }
}

#[test]
fn more_epochs_go_on_where_the_run_ended() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=2"]).expect_success();
    let first = world.read("run/history.jsonl");
    let run = resume(&world, &["--set", "train.epochs=5"]).expect_success();
    assert!(
        run.stdout.contains("best epoch: ") && run.stdout.contains(" of 5,"),
        "{}",
        run.stdout
    );
    assert!(world.read("run/history.jsonl").starts_with(&first));
    let alone = left_alone(&world, &["--set", "train.epochs=5"]);
    assert_same(&left(&world, "run"), &alone, "with more epochs");
}

#[test]
fn a_run_that_has_ended_says_so_and_shows_its_result_again() {
    let world = World::colours();
    let first = world.train(&["--json"]).expect_success();
    let run = resume(&world, &["--json"]).expect_success();
    assert!(
        run.stderr.contains("all 4 epochs are trained"),
        "{}",
        run.stderr
    );
    let result = |run: &Run| {
        let mut end = run.json().pop().expect("a last line");
        // Reading a number may change its last bit; those of the figures were stored exactly.
        let times = end["best"].as_object_mut().expect("a record");
        times.retain(|key, _| !key.contains("second"));
        end
    };
    assert_eq!(result(&run), result(&first));
    assert_eq!(run.json().len(), 1, "no epoch more");
}

#[test]
fn what_may_change_is_listed_and_takes_effect() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    let sets = [
        "--set",
        "train.epochs=2",
        "--set",
        "train.optimizer.adam.learning_rate=0.002",
        "--set",
        "checkpoint.keep=3",
    ];
    let run = resume(&world, &sets).expect_success();
    let listed: Vec<&str> = run
        .stderr
        .lines()
        .filter(|line| line.starts_with("changed: "))
        .collect();
    assert_eq!(
        listed,
        [
            "changed: checkpoint.keep: 1 -> 3",
            "changed: train.epochs: 1 -> 2",
            "changed: train.optimizer.adam.learning_rate: 0.01 -> 0.002",
        ]
    );
    let history = left(&world, "run").history;
    assert_eq!(history[0]["learning_rate"], 0.01);
    assert_eq!(history[1]["learning_rate"], 0.002);
    // It is the run's from now on.
    let run = resume(&world, &["--set", "train.epochs=3"]).expect_success();
    assert!(!run.stderr.contains("learning_rate"), "{}", run.stderr);
    assert_eq!(left(&world, "run").history[2]["learning_rate"], 0.002);
}

#[test]
fn what_may_not_change_is_named_with_its_flag() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    let before = left(&world, "run");
    let refused = |sets: &[&str]| {
        let run = resume(&world, sets).expect_failure();
        let error = run.stderr.find("error: ").or(run.stderr.find("--set"));
        run.stderr[error.unwrap_or(0)..].to_string()
    };
    insta::assert_snapshot!(refused(&[
        "--set",
        "model.layers[0].conv2d.filters=5",
        "--set",
        "seed=4"
    ]));
    insta::assert_snapshot!(refused(&["--set", "train.optimizer={sgd={momentum=0.9}}"]));
    insta::assert_snapshot!(refused(&["--set", "data.size=[9, 9]"]));
    assert!(left(&world, "run") == before, "nothing was touched");
}

#[test]
fn other_data_is_refused_and_moved_data_is_not() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    std::fs::rename(world.path("train"), world.path("moved")).unwrap();
    let moved = ["--set", "data.train=moved", "--set", "train.epochs=2"];
    resume(&world, &moved).expect_success();
    world.image("moved/red/new.png", [200, 30, 30], 77);
    let run = resume(&world, &["--set", "train.epochs=3"]).expect_failure();
    assert!(
        run.stderr
            .contains("are not those that the run was begun with"),
        "{}",
        run.stderr
    );
    std::fs::remove_file(world.path("moved/red/new.png")).unwrap();
    for split in ["moved", "valid"] {
        let name = |class: &str| world.path(format!("{split}/{class}"));
        std::fs::rename(name("red"), name("scarlet")).unwrap();
    }
    let run = resume(&world, &["--set", "train.epochs=3"]).expect_failure();
    let message = "are blue, scarlet, but the run was begun with blue, red";
    assert!(run.stderr.contains(message), "{}", run.stderr);
}

#[test]
fn a_folder_that_is_no_run_is_refused_with_the_reason() {
    let world = World::colours();
    let run = resume(&world, &[]).expect_failure();
    assert!(
        run.stderr.contains("there is no such folder"),
        "{}",
        run.stderr
    );
    world.write("run/notes.txt", "mine");
    let run = resume(&world, &[]).expect_failure();
    assert!(
        run.stderr.contains("holds no experiment.toml"),
        "{}",
        run.stderr
    );
    let both = ["--config", "experiment.toml"];
    assert_eq!(resume(&world, &both).code, 2);
}

#[test]
fn a_second_run_in_the_same_folder_is_refused() {
    let world = World::colours();
    let base = ["train", "--config", "experiment.toml", "--device", "cpu"];
    let more = ["--out", "run", "--set", "train.epochs=100000", "--quiet"];
    let mut child = spawn(world.command(&[&base[..], &more].concat()));
    while !world.path("run/last.safetensors").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let run = resume(&world, &[]).expect_failure();
    let message = "another process is training in run; wait until it has ended, or stop it";
    assert!(run.stderr.contains(message), "{}", run.stderr);
    child.kill().unwrap();
    child.wait().unwrap();
    // The lock goes with the process.
    let done = world.read("run/history.jsonl").lines().count();
    let epochs = format!("train.epochs={}", done + 1);
    resume(&world, &["--set", &epochs]).expect_success();
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_it_taken() {
    let world = World::colours();
    world.train(&[]).expect_success();
    let whole = left(&world, "run");
    assert!(world.path("run/last-1.safetensors").exists());
    assert!(
        !world.path("run/last-2.safetensors").exists(),
        "one is kept"
    );
    world.write("run/last.safetensors", &whole.last[..whole.last.len() / 2]);
    let run = resume(&world, &[]).expect_success();
    assert!(
        run.stderr
            .contains("warning: run/last.safetensors is not a checkpoint")
            && run.stderr.contains("going on from run/last-1.safetensors"),
        "{}",
        run.stderr
    );
    assert_same(&left(&world, "run"), &whole, "from the checkpoint before");
}

#[test]
fn no_older_checkpoint_is_kept_where_none_is_wanted() {
    let world = World::colours();
    world
        .train(&["--set", "checkpoint.keep=0"])
        .expect_success();
    assert!(!world.path("run/last-1.safetensors").exists());
    std::fs::remove_dir_all(world.path("run")).unwrap();
    world
        .train(&["--set", "checkpoint.keep=2"])
        .expect_success();
    assert!(world.path("run/last-2.safetensors").exists());
    assert!(!world.path("run/last-3.safetensors").exists());
}

#[test]
fn verify_compares_a_resumed_run_with_one_left_alone() {
    let world = World::colours();
    for sets in [&[][..], &["--set", "train.optimizer={sgd={momentum=0.9}}"]] {
        let base = ["train", "--config", "experiment.toml", "--device", "cpu"];
        let run = world
            .kiln(&[&base[..], &["--verify", "15", "--json"], sets].concat())
            .expect_success();
        let object = &run.json()[0];
        assert_eq!(object["same"], true);
        assert_eq!(object["straight"], object["resumed"]);
        assert_eq!(object["resumed_after"], 7, "in the middle of an epoch");
    }
    assert!(!world.path("runs").exists(), "it leaves nothing behind");
}

#[test]
fn a_checkpoint_holds_the_optimizer_s_state_by_name_and_no_time() {
    let world = World::colours();
    world.train(&[]).expect_success();
    let bytes = std::fs::read(world.path("run/last.safetensors")).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let tensors = header.tensors();
    for name in ["adam.m/model.0.weight", "adam.v/model.3.bias"] {
        let param = name.split_once('/').unwrap().1;
        assert_eq!(tensors[name].shape, tensors[param].shape, "{name}");
    }
    let metadata = header.metadata().as_ref().unwrap();
    let state: Value = serde_json::from_str(&metadata["kiln.checkpoint"]).unwrap();
    assert_eq!(state["epoch"], 4);
    assert_eq!(state["batch"], 0);
    assert_eq!(state["counters"]["updates"], 24);
    assert_eq!(state["past"]["best"]["epoch"], state["best_epoch"]);
    for text in metadata.values() {
        assert!(!text.contains("second"), "{text}");
    }
    let best = std::fs::read(world.path("run/best.safetensors")).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&best).unwrap();
    assert!(
        header
            .tensors()
            .keys()
            .all(|name| name.starts_with("model."))
    );
    assert!(Path::new(&world.path("run/.lock")).exists());
}

#[test]
fn backing_off_goes_on_with_half_the_rate_and_says_so_or_gives_up_after_five_times() {
    let world = World::colours();
    // Sums of a few such steps are more than 32 bits hold; of half or a quarter of them they are not.
    let net = "model.layers=[{flatten={}},{dense={units=1}}]";
    let rate = |rate: &str| format!("train.optimizer={{sgd={{learning_rate={rate}}}}}");
    let policy = ["--set", "train.on_non_finite=back_off"];
    let high = rate("1e38");
    let sets = [&policy[..], &["--set", net, "--set", &high]].concat();
    let run = world.train(&sets).expect_success();
    assert!(
        run.stderr.contains("\nback to epoch 1, batch 1, with "),
        "{}",
        run.stderr
    );
    let line = &left(&world, "run").history[3];
    let halvings = line["backed_off"].as_u64().unwrap();
    assert!((1..5).contains(&halvings), "{line}");
    assert_eq!(line["learning_rate"], 1e38 * 0.5f64.powi(halvings as i32));
    // A rate that is set anew is taken as it is.
    let low = rate("1e-3");
    resume(&world, &["--set", "train.epochs=5", "--set", &low]).expect_success();
    let line = &left(&world, "run").history[4];
    assert_eq!(
        (&line["learning_rate"], line.get("backed_off")),
        (&Value::from(1e-3), None)
    );

    std::fs::remove_dir_all(world.path("run")).unwrap();
    let hopeless = rate("1e36");
    let run = world
        .train(&[&policy[..], &["--set", &hopeless]].concat())
        .expect_failure();
    let message = "error: 5 times half the rate did not help: the loss is not finite any more";
    assert!(run.stderr.contains(message), "{}", run.stderr);
}
