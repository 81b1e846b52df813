//! `kiln check`

use std::io::Write;

use serde_json::json;

use super::memory::check_training;
use super::shared::{load, take_compute, take_device};
use crate::cli::CheckArgs;
use crate::console;
use crate::model::Memory;
use crate::report::{left_out_json, left_out_of, tables};
use crate::train::{Plan, advice};

pub fn run(args: CheckArgs) -> anyhow::Result<u8> {
    let (source, choice) = load(&args.experiment)?;
    let plan = Plan::check(source)?;
    plan.check_pretrained()?;
    let device = take_device(choice, true)?;
    let compute = take_compute(&plan.source, &device, true)?;
    let memory = check_training(&plan, &device, compute)?;
    let mut out = console::out();
    if args.json {
        writeln!(out, "{}", as_json(&plan, &device.label, &memory))?;
        return Ok(0);
    }
    let summary = plan.survey.summary();
    writeln!(
        out,
        "{}",
        tables::layers(&plan.network, plan.batch_size(), &memory)
    )?;
    let weights = plan.class_weights();
    writeln!(
        out,
        "{}",
        tables::data(summary, plan.decision.positive, weights.as_deref())
    )?;
    for warning in &summary.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    if let Some(text) = left_out_of(summary) {
        writeln!(out, "{text}")?;
    }
    for notice in &plan.source.notices {
        writeln!(out, "note: {notice}")?;
    }
    if let Some(notice) = device.notice {
        writeln!(out, "note: {notice}")?;
    }
    for warning in advice::warnings(&plan.source.experiment, plan.batch_size()) {
        writeln!(out, "warning: {warning}")?;
    }
    writeln!(out, "device: {}", device.label)?;
    writeln!(out, "{} is ready to train", plan.source.file())?;
    Ok(0)
}

fn as_json(plan: &Plan, device: &str, memory: &Memory) -> serde_json::Value {
    let summary = plan.survey.summary();
    let layers: Vec<_> = plan
        .network
        .layers
        .iter()
        .map(|layer| {
            json!({
                "name": layer.name,
                "layer": layer.tag,
                "output": layer.output,
                "parameters": layer.params.iter().map(|p| p.num_elements()).sum::<usize>(),
                "multiply_adds": layer.multiply_adds,
                "frozen": layer.frozen_note(),
                "on_cpu": layer.note(),
            })
        })
        .collect();
    json!({
        "input": plan.network.input,
        "layers": layers,
        "parameters": plan.network.num_params(),
        "trained_parameters": plan.network.num_trained(),
        "multiply_adds": plan.network.multiply_adds(),
        "memory_bytes": memory.total(),
        "batch_size": plan.batch_size(),
        "task": summary.task.what(),
        "targets": summary.task.names(),
        "classes": summary.task.classes(),
        "num_train": summary.num_train,
        "num_valid": summary.num_valid,
        "num_test": summary.num_test,
        "train_counts": summary.train_counts,
        "valid_counts": summary.valid_counts,
        "class_weights": plan.class_weights(),
        "left_out": left_out_json(&summary.left_out),
        "notices": plan.source.notices,
        "warnings": summary.warnings,
        "device": device,
    })
}
