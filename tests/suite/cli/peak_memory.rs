//! Whole runs take no more memory for more samples: what the budget of `data.cache_memory` does not hold is read again.

#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use crate::support::world::World;

/// How much more a run on many samples may take than one on few, KiB.
const MORE: i64 = 12 << 10;

/// The most memory that a command has in use, KiB.
fn peak(mut command: Command) -> i64 {
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let pid = child.expect("the program starts").id() as libc::pid_t;
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are to what the call fills in; every bit pattern of a `rusage` is valid.
    let (waited, usage) = unsafe {
        let waited = libc::wait4(pid, &mut status, 0, usage.as_mut_ptr());
        (waited, usage.assume_init())
    };
    assert_eq!((waited, status), (pid, 0), "{command:?}");
    usage.ru_maxrss
}

/// A table of 100 columns of numbers, some 900 bytes a row.
fn rows(count: usize) -> String {
    let names: String = (0..100).map(|column| format!("c{column},")).collect();
    let field = |row: usize, column: usize| {
        let number = (row * 7919 + column * 104_729) % 99_991;
        format!("{:.6},", number as f64 / 99_991.0)
    };
    let row = |row: usize| {
        let fields: String = (0..100).map(|column| field(row, column)).collect();
        format!("{fields}{}\n", row % 97)
    };
    let rows: String = (0..count).map(row).collect();
    format!("{names}y\n{rows}")
}

#[test]
fn a_table_is_streamed_in_training_and_in_prediction() {
    let world = World::empty();
    // Statistics of columns are kept of so many rows as there are in the smaller one.
    let (few, many) = (rows(30_000), rows(80_000));
    let longer = (many.len() - few.len()) as i64 >> 10;
    assert!(longer > 3 * MORE, "{longer} KiB");
    world.write("few.csv", few);
    world.write("many.csv", many);
    world.write(
        "experiment.toml",
        "[data]\nkind = \"csv\"\ntrain = \"few.csv\"\nvalid_fraction = 0.1\ntarget = \"y\"\ncache_memory = \"256 kB\"\n\
         [model]\nlayers = [{ dense = { units = 1 } }]\n[train]\nepochs = 1\nbatch_size = 512\nloss = \"mse\"\n",
    );
    let train = |name: &str| {
        let set = format!("data.train={name}.csv");
        let base = ["train", "--config", "experiment.toml", "--device", "cpu"];
        let more = ["--out", name, "--set", &set];
        peak(world.command(&[&base[..], &more].concat()))
    };
    let predict = |name: &str| {
        let table = format!("{name}.csv");
        let model = "few/best.safetensors";
        peak(world.command(&["predict", "--model", model, "--device", "cpu", &table]))
    };
    for (command, peak) in [
        ("train", &train as &dyn Fn(&str) -> i64),
        ("predict", &predict),
    ] {
        let (few, many) = (peak("few"), peak("many"));
        println!("{command}: {few} KiB, {many} KiB");
        assert!(
            few > 4 << 10 && many - few < MORE,
            "{command}: {few} KiB, {many} KiB"
        );
    }
}
