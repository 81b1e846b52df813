//! Random valid nets over every layer, loss and optimizer: each is planned, makes two updates, is saved and resumed (the
//! resumed update gives the same bits), evaluated, and answers in a batch as alone. `KILN_RANDOM_NETS=5000` tries so many,
//! `KILN_RANDOM_SEED=86` begins with that one; a failure says its seed.

mod data;
mod generate;
mod trial;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use burn::tensor::Device;
use kiln::data::Shape;
use kiln::model::{LAYERS, LOSSES};
use kiln::train::OPTIMIZERS;
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::support::gpu;
use generate::{Dice, options};
use trial::{On, draw, run};

const COUNT: u64 = 300;
/// The software GPU is slow.
const COUNT_ON_GPU: u64 = 12;

fn number(variable: &str, otherwise: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Tries nets on all cores and tells of every one that fails.
fn try_all(count: u64, on: On<'_>) {
    let folder = TempDir::new().expect("a folder");
    let samples = data::all(folder.path());
    let first = number("KILN_RANDOM_SEED", 0);
    let (next, failed) = (AtomicU64::new(first), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return;
            }
            let own = TempDir::new().expect("a folder");
            let tried = catch_unwind(AssertUnwindSafe(|| {
                let trial = draw(seed, &samples);
                let ran = catch_unwind(AssertUnwindSafe(|| run(&trial, on, own.path())));
                ran.map_err(|panic| (trial.describe(), panic))
            }));
            let error = match tried {
                Ok(Ok(())) => continue,
                Ok(Err((what, panic))) => format!("{what}\n    {}", message(&*panic)),
                Err(panic) => format!("seed {seed} while it was drawn\n    {}", message(&*panic)),
            };
            failed.lock().expect("nobody panics with it").push(error);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if on.exact { threads } else { 1 };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let thread = std::thread::Builder::new().stack_size(8 << 20);
            thread.spawn_scoped(scope, work).expect("a thread");
        }
    });
    let failed = failed.into_inner().expect("nobody panicked with it");
    assert!(
        failed.is_empty(),
        "{} of {count} nets fail:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()))
        .unwrap_or_default()
}

#[test]
fn random_nets_train_resume_and_answer_on_the_cpu() {
    let on = On {
        device: &Device::flex(),
        exact: true,
    };
    try_all(number("KILN_RANDOM_NETS", COUNT), on);
}

#[test]
#[ignore = "needs KILN_TEST_GPU=1 and --ignored"]
fn random_nets_train_resume_and_answer_on_a_gpu() {
    gpu::run(|gpu| {
        let on = On {
            device: &gpu.device,
            exact: false,
        };
        try_all(number("KILN_RANDOM_NETS_GPU", COUNT_ON_GPU), on);
    });
}

/// The names of everything that an experiment uses.
fn names(value: &Json, found: &mut BTreeSet<String>) {
    match value {
        Json::Object(entries) => {
            for (key, value) in entries {
                found.insert(key.clone());
                names(value, found);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| names(item, found)),
        Json::String(text) => drop(found.insert(text.clone())),
        _ => {}
    }
}

#[test]
fn every_layer_loss_and_optimizer_is_drawn() {
    let folder = TempDir::new().expect("a folder");
    let samples = data::all(folder.path());
    let row = Shape::Flat { features: 4 };
    for layer in LAYERS {
        let known = options(layer.name, row, &mut Dice::new(1), 0);
        assert!(
            known.is_some(),
            "the generator does not know {}",
            layer.name
        );
    }
    let mut found = BTreeSet::new();
    for seed in 0..COUNT {
        let experiment = draw(seed, &samples).experiment;
        names(&experiment["model"], &mut found);
        names(&experiment["train"], &mut found);
    }
    let layers = LAYERS.iter().map(|member| member.name);
    let layers = layers.filter(|name| *name != "backbone");
    let losses = LOSSES.iter().map(|member| member.name);
    let optimizers = OPTIMIZERS.iter().map(|member| member.name);
    let all = layers.chain(losses).chain(optimizers);
    let missing: Vec<&str> = all.filter(|name| !found.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?} are not in {COUNT} nets");
}
