//! `history.jsonl` and the checkpoint: which of them holds what, and what happens where they do not agree.

use serde_json::Value;

use crate::cli::resume::{assert_same, left, left_alone, resume};
use crate::support::world::World;

/// The text of a checkpoint's state.
fn state_of(world: &World) -> String {
    let bytes = std::fs::read(world.path("run/last.safetensors")).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    header
        .metadata()
        .clone()
        .unwrap()
        .remove("kiln.checkpoint")
        .unwrap()
}

#[test]
fn a_checkpoint_does_not_grow_with_the_epochs() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    let (state, file) = (state_of(&world), world.path("run/last.safetensors"));
    let size = std::fs::metadata(&file).unwrap().len();
    resume(&world, &["--set", "train.epochs=30"]).expect_success();
    assert!(
        state_of(&world).len() < state.len() + 40,
        "{}",
        state_of(&world)
    );
    assert!(std::fs::metadata(&file).unwrap().len() < size + 100);
    assert_eq!(world.read("run/history.jsonl").lines().count(), 30);
}

/// Replaces a checkpoint's state, as an older program would have written it.
fn put_state(world: &World, state: &Value) {
    let file = world.path("run/last.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    header["__metadata__"]["kiln.checkpoint"] = state.to_string().into();
    // An older program wrote no checksum.
    let metadata = header["__metadata__"].as_object_mut().unwrap();
    metadata.remove("kiln.checksum");
    let mut header = header.to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut put = (header.len() as u64).to_le_bytes().to_vec();
    put.extend(header);
    put.extend(&bytes[8 + length..]);
    std::fs::write(file, put).unwrap();
}

#[test]
fn a_run_of_an_older_program_whose_checkpoint_holds_the_history_goes_on() {
    let world = World::colours();
    let more = ["--set", "train.epochs=6"];
    let alone = left_alone(&world, &more);
    world.train(&["--set", "train.epochs=3"]).expect_success();
    let mut state: Value = serde_json::from_str(&state_of(&world)).unwrap();
    let lines = world.read("run/history.jsonl");
    let records = lines.lines().map(|line| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        let figures = record.as_object_mut().unwrap();
        figures.retain(|key, _| !key.contains("second"));
        for (key, value) in figures.iter_mut().filter(|(_, value)| value.is_f64()) {
            // As it stands in the line, to the last digit.
            let begin = line.find(&format!("\"{key}\":")).unwrap() + key.len() + 3;
            let end = begin + line[begin..].find([',', '}']).unwrap();
            *value = line[begin..end].into();
        }
        record
    });
    state["history"] = records.collect::<Vec<Value>>().into();
    state["version"] = 1.into();
    state.as_object_mut().unwrap().remove("past");
    put_state(&world, &state);
    // The lines of a lost file come from such a checkpoint.
    std::fs::write(world.path("run/history.jsonl"), "").unwrap();
    let run = resume(&world, &more).expect_success();
    assert!(run.stderr.contains("3 lines of"), "{}", run.stderr);
    assert_same(&left(&world, "run"), &alone, "from an older checkpoint");
}

#[test]
fn a_history_that_is_not_the_run_s_is_put_aside_and_refused_where_it_is_needed() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=3"]).expect_success();
    let lines = world.read("run/history.jsonl");
    let altered = lines.replacen("\"epoch\":2", "\"epoch\":9", 1);
    let stopping = [
        "--set",
        "train.epochs=4",
        "--set",
        "train.early_stopping.patience=3",
    ];
    for damaged in [&altered, "", &lines[..lines.len() / 2]] {
        std::fs::write(world.path("run/history.jsonl"), damaged).unwrap();
        let run = resume(&world, &stopping).expect_failure();
        assert!(
            run.stderr.contains("train.early_stopping needs"),
            "{}",
            run.stderr
        );
    }
    assert_eq!(world.read("run/history-damaged-1.jsonl"), altered);
    // What was put back is taken.
    std::fs::write(world.path("run/history.jsonl"), &lines).unwrap();
    let run = resume(&world, &stopping).expect_success();
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
    // Without early stopping it is lost, and the run goes on; the next time there is nothing to say.
    std::fs::write(world.path("run/history.jsonl"), &lines).unwrap();
    let never = ["--set", "train.early_stopping.patience=99"];
    let run = resume(&world, &[&never[..], &["--set", "train.epochs=5"]].concat()).expect_failure();
    assert!(run.stderr.contains("the first 4"), "{}", run.stderr);
}

#[test]
fn a_run_goes_on_without_its_history_where_nothing_depends_on_it() {
    let world = World::colours();
    let alone = left_alone(&world, &["--set", "train.epochs=6"]);
    world.train(&["--set", "train.epochs=3"]).expect_success();
    std::fs::remove_file(world.path("run/history.jsonl")).unwrap();
    let run = resume(&world, &["--set", "train.epochs=4"]).expect_success();
    assert!(
        run.stderr.contains("does not hold the 3 epochs"),
        "{}",
        run.stderr
    );
    let run = resume(&world, &["--set", "train.epochs=6"]).expect_success();
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
    let found = left(&world, "run");
    assert_eq!(found.history, alone.history[3..]);
    assert!(found.best == alone.best, "the best model is another");
}
