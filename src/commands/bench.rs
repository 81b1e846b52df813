//! `kiln bench`

use std::io::Write;

use anyhow::Context;
use serde_json::json;

use super::memory::{check_bench, check_training};
use super::shared::{load, num_workers, take_compute, take_device};
use crate::cli::BenchArgs;
use crate::config::{BatchSize, Precision, Source};
use crate::console;
use crate::data::{HostBatch, LeftOut, Loader, Silent};
use crate::device::Chosen;
use crate::model::Compute;
use crate::report::{bench_table, left_out_json, left_out_of, peak_memory};
use crate::train::{Bench, Figures, Net, Plan, synthetic_batch};

/// Samples of a batch where the experiment takes all of them.
const BATCH: usize = 32;

pub fn run(args: BenchArgs) -> anyhow::Result<u8> {
    let (source, choice) = load(&args.experiment)?;
    let device = take_device(choice, true)?;
    let seed = source.experiment.seed;
    let precision = source.experiment.train.precision;
    let compute = take_compute(&source, &device, args.json)?;
    let name = source.experiment.name.clone();
    let size = match (args.batch, source.experiment.train.batch_size) {
        (Some(batch), _) => batch as usize,
        (None, BatchSize::Count(count)) => count,
        (None, BatchSize::All(_)) => BATCH,
    };
    let (net, batch, skipped) = if args.real {
        real_batch(source, size, &device, compute)?
    } else {
        let net = Net::read(&source)?;
        check_bench(&source, &net, size, &device, compute)?;
        let batch = synthetic_batch(net.network.input, &net.task, size, seed);
        (net, batch, SkippedSamples::default())
    };
    let size = batch.ids.len();
    let bench = Bench {
        network: &net.network,
        loss: &*net.loss,
        seed,
        device: &device.device,
        compute,
        warmup: args.warmup as usize,
        steps: args.steps as usize,
    };
    let figures = bench.run(batch, net.optimizer);
    let mut out = console::out();
    if args.json {
        let mut object = as_json(&name, &device.label, size, &figures);
        object["precision"] = json!(precision);
        object["computed_in"] = json!(compute.name());
        object["left_out"] = left_out_json(&skipped.left_out);
        writeln!(out, "{object}")?;
    } else {
        let trained = match precision {
            Precision::F32 => String::new(),
            Precision::Bf16 => format!(", training in {}", compute.name()),
        };
        writeln!(out, "{name}: batch of {size}, {}{trained}\n", device.label)?;
        writeln!(out, "{}", bench_table(&figures, size))?;
        if let Some(text) = skipped.text {
            crate::say!("note: {text}");
        }
    }
    Ok(0)
}

/// The skipped samples, for JSON and for text.
#[derive(Default)]
struct SkippedSamples {
    left_out: LeftOut,
    text: Option<String>,
}

/// The first batch that training would take.
fn real_batch(
    source: Source,
    size: usize,
    device: &Chosen,
    compute: Compute,
) -> anyhow::Result<(Net, HostBatch, SkippedSamples)> {
    let mut plan = Plan::check(source)?;
    plan.source.experiment.train.batch_size = BatchSize::Count(size);
    check_training(&plan, device, compute)?;
    let experiment = &plan.source.experiment;
    let summary = plan.survey.summary();
    let skipped = SkippedSamples {
        left_out: summary.left_out.clone(),
        text: left_out_of(summary),
    };
    for warning in &summary.warnings {
        crate::say!("warning: {warning}");
    }
    let datasets = plan
        .survey
        .prepare(&experiment.preprocess, plan.augmentation, false, &Silent)
        .map_err(|faults| plan.source.explain(&faults))?;
    let loader = Loader::shuffled(datasets.train, size, experiment.seed, num_workers())?;
    let loaded = loader.epoch(0).find(|loaded| !loaded.indices.is_empty());
    let batch = loaded.context("no sample could be loaded")?.batch;
    let net = Net {
        network: plan.network,
        loss: plan.loss,
        optimizer: plan.optimizer,
        task: datasets.task,
    };
    Ok((net, batch, skipped))
}

fn as_json(name: &str, device: &str, batch: usize, figures: &Figures) -> serde_json::Value {
    let rate = |time: std::time::Duration| batch as f64 / time.as_secs_f64();
    let ms = |time: std::time::Duration| 1e3 * time.as_secs_f64();
    let layers: Vec<_> = figures
        .layers
        .iter()
        .map(|layer| {
            json!({
                "name": layer.name,
                "layers": layer.tags,
                "forward_ms": ms(layer.forward),
                "backward_ms": ms(layer.backward),
                "share": figures.share(layer.forward + layer.backward),
                "active": layer.active,
            })
        })
        .collect();
    json!({
        "name": name,
        "device": device,
        "batch": batch,
        "train": rate(figures.train),
        "infer": rate(figures.infer),
        "infer_one": 1.0 / figures.infer_one.as_secs_f64(),
        "train_ms": ms(figures.train),
        "infer_ms": ms(figures.infer),
        "infer_one_ms": ms(figures.infer_one),
        "train_gflops": figures.train_gflops(batch),
        "infer_gflops": figures.infer_gflops(batch),
        "update_ms": ms(figures.update),
        "update_share": figures.share(figures.update),
        "layers": layers,
        "peak_memory_bytes": peak_memory(),
    })
}
