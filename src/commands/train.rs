//! `kiln train`

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::path::{Path, PathBuf};

use anyhow::Context;
use burn::tensor::Device;
use serde_json::{Map, Value, json};

use super::eval::{self, Judged};
use super::prepared::{Prepared, Start};
use super::signals::stop_flag;
use super::{load, take_compute, take_device, verify};
use crate::cli::{ExperimentArgs, TrainArgs};
use crate::config::{Experiment, Source, to_toml};
use crate::data::table::Files;
use crate::data::{Labelling, LeftOut, Task};
use crate::model::{FaultPoint, ModelFile, ModelInfo, write_atomically};
use crate::report::{Bars, JsonLines, Lines, Several, left_out_json, left_out_of, tables};
use crate::train::{
    Changes, Checkpoint, Observer, Outcome, Plan, RunFolder, StopFlag, advice, check_data,
};

pub fn run(args: TrainArgs) -> anyhow::Result<u8> {
    let fault = FaultPoint::from_environment()?;
    let stop = stop_flag()?;
    let resumed = match &args.resume {
        Some(path) => Some(Resumed::take_up(path)?),
        None => None,
    };
    let (mut source, choice) = load(&experiment_args(&args, resumed.as_ref()))?;
    let device = take_device(choice, args.quiet)?;
    source.experiment.device.kind = choice.to_string();
    let compute = take_compute(&source, &device, args.quiet)?;
    let plan = Plan::check(source)?;
    if !args.quiet {
        announce(&plan);
    }
    if let Some(steps) = args.verify {
        return verify::run(plan, device, compute, steps, &stop, &args);
    }
    let (folder, checkpoint, fresh_rate) = match resumed {
        Some(resumed) => resumed.check(&plan, args.quiet)?,
        None => (create(&args, &plan)?, None, false),
    };
    let experiment = to_toml(&plan.source.experiment);
    if checkpoint.is_none() {
        folder.write_experiment(&experiment)?;
    }
    if !args.quiet {
        eprintln!("run folder: {}", folder.path().display());
    }
    for warning in advice::warnings(&plan.source.experiment, plan.batch_size()) {
        eprintln!("warning: {warning}");
    }
    let prepared = match Prepared::new(plan, device, compute, args.quiet, args.no_audit) {
        Ok(prepared) => prepared,
        Err(error) => {
            if args.resume.is_none() {
                folder.discard();
            }
            return Err(error);
        }
    };
    if let Some(checkpoint) = &checkpoint {
        let source = &prepared.plan.source;
        let (task, fingerprint) = (&prepared.info.task, &prepared.info.fingerprint);
        check_data(source, checkpoint, task, fingerprint)?;
        folder.write_experiment(&experiment)?;
    }
    let start = Start {
        folder,
        checkpoint,
        fresh_rate,
        fault,
        max_steps: None,
    };
    let run = prepared.run(start)?;
    let (outcome, run) = run.fit(&mut observers(&args), &stop)?;
    if !args.quiet
        && !outcome.interrupted
        && let Some(course) = advice::course(&outcome.history, run.num_epochs, &run.monitor)
    {
        eprintln!(
            "note: {}",
            course.advice(&outcome.history, &quoted(run.folder.path()))
        );
    }
    let test = match outcome.interrupted || outcome.best.is_none() {
        true => None,
        false => at_the_end(
            &prepared.plan.source.experiment,
            &run.folder,
            &run.device,
            args.quiet,
        )?,
    };
    let told = Told {
        folder: &run.folder,
        info: &run.info,
        left_out: &prepared.left_out,
        test: test.as_ref(),
    };
    finish(&outcome, &told, &args, &stop)
}

/// Judges the best net on the split for the end, as `kiln eval` does, and writes its figures beside the history.
///
/// # Errors
/// A split that does not fit, a file that cannot be written.
fn at_the_end(
    experiment: &Experiment,
    folder: &RunFolder,
    device: &Device,
    quiet: bool,
) -> anyhow::Result<Option<Judged>> {
    let data = &experiment.data;
    let path = |key: &str| data.get(key).and_then(Value::as_str).map(PathBuf::from);
    let files = |key: &str| -> Option<Files> {
        data.get(key)
            .cloned()
            .and_then(|files| serde_json::from_value(files).ok())
    };
    let of_test = files("test_label_files");
    let in_table = data.contains_key("split");
    let at = match (path("test"), &of_test) {
        (Some(path), _) => path,
        (None, None) if !in_table => return Ok(None),
        (None, _) => match path("train") {
            Some(path) => path,
            None => return Ok(None),
        },
    };
    let tables = of_test.or_else(|| files("label_files"));
    let model = ModelFile::open(&folder.best(), device)?;
    if in_table && path("test").is_none() && !has_test_rows(data) {
        return Ok(None);
    }
    let judged = eval::judge(&model, &at, tables.as_ref(), device, quiet).context("data.test")?;
    let figures = test_figures(&judged);
    let file = folder.path().join("test.json");
    write_atomically(&file, format!("{}\n", Value::Object(figures)).as_bytes())?;
    Ok(Some(judged))
}

/// Whether the table of the labels has a row of the split for the end.
fn has_test_rows(data: &BTreeMap<String, Value>) -> bool {
    let options: Map<String, Value> = data.clone().into_iter().collect();
    let labelling: Option<Labelling> = serde_json::from_value(Value::Object(options)).ok();
    labelling.is_some_and(|labelling| labelling.has_test_rows())
}

/// The figures of the split for the end, as `test_loss`, `test_accuracy`, ...
fn test_figures(judged: &Judged) -> Map<String, Value> {
    let figures = judged.evaluation.predictions.figures().into_iter();
    let mut figures: Map<String, Value> = figures
        .map(|(name, value)| (format!("test_{name}"), Value::from(value)))
        .collect();
    figures.insert(
        "test_samples".into(),
        json!(judged.evaluation.predictions.len()),
    );
    figures
}

/// What is told when a run is over.
struct Told<'a> {
    folder: &'a RunFolder,
    info: &'a ModelInfo,
    left_out: &'a LeftOut,
    test: Option<&'a Judged>,
}

/// A run that was stopped.
struct Resumed {
    folder: RunFolder,
    /// As the folder has it.
    before: Experiment,
    checkpoint: Option<(Checkpoint, Option<String>)>,
}

impl Resumed {
    fn take_up(path: &Path) -> anyhow::Result<Resumed> {
        let folder = RunFolder::reopen(path)?;
        let before = Source::load(&folder.experiment(), &[])?.experiment;
        let checkpoint = Checkpoint::latest(&folder)?;
        Ok(Resumed {
            folder,
            before,
            checkpoint,
        })
    }

    /// Checks what has changed; the last value tells whether halvings of the rate are forgotten.
    fn check(
        self,
        plan: &Plan,
        quiet: bool,
    ) -> anyhow::Result<(RunFolder, Option<Checkpoint>, bool)> {
        let tell = |text: String| {
            if !quiet {
                eprintln!("{text}");
            }
        };
        let Some((checkpoint, warning)) = self.checkpoint else {
            tell("note: the run was stopped before its first checkpoint; it begins again".into());
            return Ok((self.folder, None, false));
        };
        if let Some(warning) = warning {
            eprintln!("warning: {warning}");
        }
        let changes = Changes::check(plan, &self.before, &checkpoint)?;
        checkpoint.complete_best(&self.folder, &plan.network)?;
        for change in &changes.listed {
            tell(format!("changed: {change}"));
        }
        let (state, epochs) = (&checkpoint.state, plan.source.experiment.train.epochs);
        tell(if state.epoch >= epochs {
            let (done, more) = (state.epoch, state.epoch.max(1) * 2);
            format!("note: all {done} epochs are trained; --set train.epochs={more} goes on")
        } else {
            let (epoch, batch) = (state.epoch + 1, state.batch);
            format!("resuming in epoch {epoch} of {epochs}, after {batch} batches")
        });
        Ok((self.folder, Some(checkpoint), changes.optimizer))
    }
}

fn experiment_args(args: &TrainArgs, resumed: Option<&Resumed>) -> ExperimentArgs {
    let config = resumed.map(|resumed| resumed.folder.experiment());
    ExperimentArgs {
        config: config.or_else(|| args.config.clone()).unwrap_or_default(),
        sets: args.sets.clone(),
        device: args.device,
    }
}

fn create(args: &TrainArgs, plan: &Plan) -> anyhow::Result<RunFolder> {
    match &args.out {
        Some(path) => RunFolder::create(path),
        None => RunFolder::create_next(&plan.source.experiment.name),
    }
}

fn announce(plan: &Plan) {
    let summary = plan.survey.summary();
    let weights = plan.class_weights();
    eprint!(
        "\n{}",
        tables::data(summary, plan.decision.positive, weights.as_deref())
    );
    if let Some(text) = left_out_of(summary) {
        eprintln!("note: {text}");
    }
    eprintln!(
        "\n{}",
        tables::layers(&plan.network, plan.batch_size(), plan.num_slots())
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

fn finish(
    outcome: &Outcome,
    told: &Told<'_>,
    args: &TrainArgs,
    stop: &StopFlag,
) -> anyhow::Result<u8> {
    let Told {
        folder,
        info,
        left_out,
        test,
    } = *told;
    if let Some(text) = tables::skipped(&outcome.failed, info.preprocess.what()) {
        eprintln!("warning: while training, {text}");
    }
    if args.json {
        let best = outcome.best.as_ref();
        let mut end = json!({
            "run": folder.path(),
            "best_epoch": best.map(|record| record.epoch),
            "best": best,
            "baseline": outcome.evaluation.as_ref().and_then(|e| e.predictions.majority_share()),
            "classes": info.task.classes(),
            "targets": targets(&info.task),
            "left_out": left_out_json(left_out),
            "interrupted": outcome.interrupted,
        });
        if let Some(test) = test {
            end["test"] = Value::Object(test_figures(test));
        }
        writeln!(stdout(), "{end}").context("cannot write to standard output")?;
    } else if let (Some(best), Some(evaluation)) = (&outcome.best, &outcome.evaluation) {
        let mut out = stdout().lock();
        writeln!(
            out,
            "\nbest epoch: {} of {}, on the validation split",
            best.epoch,
            outcome.history.len()
        )?;
        writeln!(out, "{}", tables::evaluation(&evaluation.predictions))?;
        if let Some(test) = test {
            writeln!(
                out,
                "the same net on the test split, which played no part in training:"
            )?;
            writeln!(out, "{}", tables::evaluation(&test.evaluation.predictions))?;
        }
        writeln!(out, "saved in {}", folder.path().display())?;
        writeln!(
            out,
            "  kiln predict --model {} FILE...",
            folder.best().display()
        )?;
    }
    if outcome.interrupted {
        eprintln!(
            "stopped in epoch {}; to go on from here:\n  kiln train --resume {}",
            outcome.history.len() + 1,
            quoted(folder.path())
        );
        return Ok(stop.exit_code().unwrap_or(1));
    }
    Ok(0)
}

/// What the net says, by name; of several heads, their names.
fn targets(task: &Task) -> Vec<&str> {
    match task.heads() {
        [] => task.names(),
        heads => heads.iter().map(|head| &*head.name).collect(),
    }
}

/// A path as a shell takes it.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "-_./:=\\".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_blanks_or_quotes_is_one_word_for_a_shell() {
        assert_eq!(quoted(Path::new("runs/a-1")), "runs/a-1");
        assert_eq!(quoted(Path::new("läufe/1")), "läufe/1");
        assert_eq!(quoted(Path::new("my runs/1")), "'my runs/1'");
        assert_eq!(quoted(Path::new("it's")), "'it'\\''s'");
    }
}
