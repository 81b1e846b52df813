//! `kiln train`

use std::io::{IsTerminal, Write, stderr, stdout};

use anyhow::Context;
use serde_json::json;

use super::{load, num_workers, stop_flag, take_compute, take_device};
use crate::cli::TrainArgs;
use crate::config::to_toml;
use crate::data::{Loader, class_counts};
use crate::kernels::Chosen;
use crate::metrics::compute_all;
use crate::model::{Compute, FORMAT_VERSION, ModelInfo};
use crate::report::{Bars, DecodeBar, JsonLines, Lines, Several, tables};
use crate::train::{Observer, Outcome, Plan, Run, RunFolder, Stepper, class_weights};

/// Steps that may be on their way on a GPU before their results are read.
const PENDING_ON_GPU: usize = 8;

pub fn run(args: TrainArgs) -> anyhow::Result<u8> {
    let (mut source, choice) = load(&args.experiment)?;
    let stop = stop_flag()?;
    let device = take_device(choice, args.quiet)?;
    source.experiment.device.kind = choice.to_string();
    let compute = take_compute(&source, &device, args.quiet)?;
    let plan = Plan::check(source)?;
    if !args.quiet {
        announce(&plan);
    }
    let mut folder = match &args.out {
        Some(path) => RunFolder::create(path)?,
        None => RunFolder::create_next(&plan.source.experiment.name)?,
    };
    folder.write_experiment(&to_toml(&plan.source.experiment))?;
    if !args.quiet {
        eprintln!("run folder: {}", folder.path().display());
    }
    let mut observer = observers(&args);
    let (outcome, folder_after, classes) =
        fit(plan, folder, &device, compute, &mut observer, &stop, &args)?;
    folder = folder_after;
    finish(&outcome, &folder, &classes, &args)
}

fn announce(plan: &Plan) {
    let summary = plan.survey.summary();
    let weights = plan.class_weights();
    eprint!(
        "\n{}",
        tables::classes(summary, plan.decision.positive, weights.as_deref())
    );
    if let Some(text) = tables::left_out(summary) {
        eprintln!("note: {text}");
    }
    let slots = plan.optimizer.slots().len();
    eprintln!(
        "\n{}",
        tables::layers(&plan.network, plan.batch_size(), slots)
    );
}

fn observers(args: &TrainArgs) -> Several {
    let mut list: Vec<Box<dyn Observer>> = Vec::new();
    if !args.quiet {
        if stderr().is_terminal() {
            list.push(Box::new(Bars::default()));
        } else {
            list.push(Box::new(Lines::default()));
        }
    }
    if args.json {
        list.push(Box::new(JsonLines));
    }
    Several(list)
}

fn fit(
    plan: Plan,
    folder: RunFolder,
    device: &Chosen,
    compute: Compute,
    observer: &mut Several,
    stop: &std::sync::atomic::AtomicBool,
    args: &TrainArgs,
) -> anyhow::Result<(Outcome, RunFolder, Vec<String>)> {
    let batch_size = plan.batch_size();
    let experiment = &plan.source.experiment;
    let bar = DecodeBar::new(!args.quiet && stderr().is_terminal());
    let datasets = plan
        .survey
        .prepare(&experiment.preprocess, plan.augmentation, &bar)
        .map_err(|faults| plan.source.explain(&faults))?;
    if let Some(text) = tables::skipped(&datasets.skipped) {
        eprintln!("warning: {text}");
    }
    for notice in &datasets.notices {
        eprintln!("note: {notice}");
    }
    let seed = experiment.seed;
    let params = plan.network.init(seed, &device.device);
    let classes = datasets.classes.clone();
    let class_weights = experiment.train.class_weights.as_ref().map(|weights| {
        let counts = class_counts(&*datasets.train, classes.len());
        class_weights::resolve(weights, &classes, &counts)
    });
    let info = ModelInfo {
        version: FORMAT_VERSION,
        layout: "nhwc".to_string(),
        experiment: ModelInfo::strip(experiment.clone()),
        classes: datasets.classes,
        preprocess: datasets.preprocess,
        metrics: Default::default(),
        fingerprint: datasets.fingerprint,
    };
    let run = Run {
        network: &plan.network,
        loss: &*plan.loss,
        stepper: Stepper::new(
            &plan.network,
            &*plan.loss,
            plan.optimizer,
            params,
            seed,
            compute,
        ),
        train: Loader::shuffled(datasets.train, batch_size, seed, num_workers())?
            .drop_last(experiment.train.drop_last)
            .sampler(experiment.train.sampler),
        valid: Loader::in_order(datasets.valid, batch_size.min(256), num_workers())?,
        num_epochs: experiment.train.epochs,
        class_weights,
        monitor: plan.monitor,
        decision: plan.decision,
        device: device.device.clone(),
        max_pending: if device.is_gpu { PENDING_ON_GPU } else { 1 },
        info,
        folder,
    };
    let (outcome, folder) = run.fit(observer, stop)?;
    Ok((outcome, folder, classes))
}

fn finish(
    outcome: &Outcome,
    folder: &RunFolder,
    classes: &[String],
    args: &TrainArgs,
) -> anyhow::Result<u8> {
    if let Some(text) = tables::skipped(&outcome.failed) {
        eprintln!("warning: while training, {text}");
    }
    if args.json {
        let best = outcome.best.as_ref();
        let end = json!({
            "run": folder.path(),
            "best_epoch": best.map(|record| record.epoch),
            "best": best,
            "baseline": outcome.evaluation.as_ref().and_then(|e| e.predictions.majority_share()),
            "classes": classes,
            "interrupted": outcome.interrupted,
        });
        writeln!(stdout(), "{end}").context("cannot write to standard output")?;
    } else if let (Some(best), Some(evaluation)) = (&outcome.best, &outcome.evaluation) {
        let figures = compute_all(&evaluation.predictions);
        let mut out = stdout().lock();
        writeln!(
            out,
            "\nbest epoch: {} of {}, on the validation split",
            best.epoch,
            outcome.history.len()
        )?;
        writeln!(
            out,
            "{}",
            tables::evaluation(&evaluation.predictions, &figures)
        )?;
        writeln!(out, "saved in {}", folder.path().display())?;
        writeln!(
            out,
            "  kiln predict --model {} FILE...",
            folder.best().display()
        )?;
    }
    if outcome.interrupted {
        eprintln!(
            "stopped in epoch {}; what is trained is in {}",
            outcome.history.len() + 1,
            folder.last().display()
        );
        return Ok(130);
    }
    Ok(0)
}
