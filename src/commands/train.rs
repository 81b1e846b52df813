//! `kiln train`

use crate::commands::shared::quoted;
use std::collections::BTreeMap;
use std::io::{ErrorKind, IsTerminal, Write, stderr};
use std::path::Path;

use anyhow::Context;
use burn::tensor::Device;
use serde_json::{Map, Value, json};

use super::eval::{EvalRun, Evaluated};
use super::memory::check_training;
use super::prepare::prepare;
use super::shared::{load, take_compute, take_device};
use super::{eval, signals, verify};
use crate::cli::{ExperimentArgs, TrainArgs};
use crate::config::{BatchSize, Experiment, to_toml};
use crate::console::{json_path, out, shown, text_path};
use crate::data::table::Files;
use crate::data::{Labelling, LeftOut, Task};
use crate::model::{Memory, ModelFile, ModelInfo};
use crate::report::{
    Bars, DecodeBar, JsonLines, Lines, Several, left_out_json, left_out_of, tables,
};
use crate::say;
use crate::storage::{FaultPoint, write_atomically};
use crate::train::{
    Changes, Checkpoint, Observer, Outcome, Plan, Run, RunFolder, Start, StopFlag, advice,
    check_data,
};

pub fn run(args: TrainArgs) -> anyhow::Result<u8> {
    let fault = FaultPoint::from_environment()?;
    let stop = StopFlag::default();
    let resumed = args.resume.as_deref().map(Resumed::take_up).transpose()?;
    let (mut source, choice) = load(&experiment_args(&args, resumed.as_ref()))?;
    let device = take_device(choice, args.quiet)?;
    source.experiment.device.kind = choice.to_string();
    let compute = take_compute(&source, &device, args.quiet)?;
    note(&source.notices, args.quiet);
    let plan = Plan::check(source)?;
    if resumed.is_none() {
        plan.check_pretrained()?;
    }
    let memory = check_training(&plan, &device, compute)?;
    announce(&plan, &memory, args.quiet);
    if let Some(steps) = args.verify {
        return verify::run(plan, device, compute, steps, &stop, &args);
    }
    let (folder, checkpoint, fresh_rate) = match resumed {
        Some(resumed) => resumed.check(&plan, args.quiet)?,
        None => (create(&args, &plan)?, None, false),
    };
    let experiment = to_toml(&plan.source.experiment);
    if !args.quiet {
        say!("run folder: {}", shown(folder.path()));
    }
    for warning in advice::warnings(&plan.source.experiment, plan.batch_size()) {
        say!("warning: {warning}");
    }
    let begun = match &checkpoint {
        None => folder.write_experiment(&experiment),
        Some(_) => Ok(()),
    };
    let prepared =
        match begun.and_then(|()| prepare(plan, device, compute, args.quiet, args.no_audit)) {
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
    let left_out = prepared.left_out.clone();
    let trained = prepared.plan.source.experiment.clone();
    let bar = DecodeBar::new(!args.quiet && stderr().is_terminal());
    let run = prepared.run(start, &bar)?;
    note(&run.notices, args.quiet);
    let lines = JsonLines::default();
    let mut observers = observers(&args, &lines);
    let asks = signals::asks(&stop); // now there is something to save
    let (outcome, run) = run.fit(&mut observers, &stop)?;
    drop(asks);
    if !args.quiet && !outcome.interrupted {
        advise(&run);
    }
    let test = at_the_end(&outcome, &trained, &run.folder, &run.device, args.quiet)?;
    let summary = ResultLines {
        folder: &run.folder,
        info: &run.info,
        left_out: &left_out,
        test: test.as_ref(),
    };
    let printed = lines
        .result()
        .and_then(|()| print(&outcome, &summary, &args));
    finish(&outcome, &run.folder, &stop, printed)
}

/// Says what the user should know.
fn note(notices: &[String], quiet: bool) {
    for notice in notices.iter().filter(|_| !quiet) {
        say!("note: {notice}");
    }
}

/// Says what the course of the training suggests.
fn advise(run: &Run<'_>) {
    if let Some(course) = advice::course(&run.history, run.num_epochs, &run.monitor) {
        let folder = quoted(run.folder.path());
        say!("note: {}", course.advice(&run.history, &folder));
    }
}

/// Evaluates the best net on the test split, as `kiln eval` does, and writes its figures beside the history.
///
/// # Errors
/// A split that does not fit, a file that cannot be written.
fn at_the_end(
    outcome: &Outcome,
    experiment: &Experiment,
    folder: &RunFolder,
    device: &Device,
    quiet: bool,
) -> anyhow::Result<Option<Evaluated>> {
    if outcome.interrupted || outcome.best.is_none() {
        return Ok(None);
    }
    let data = &experiment.data;
    let path = |key: &str| data.get(key).and_then(Value::as_str).map(text_path);
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
    let eval_run = EvalRun {
        path: &at,
        tables: tables.as_ref().map_or(&[], Files::list),
        device,
        batch: match experiment.train.batch_size {
            BatchSize::Count(count) => count.min(eval::BATCH), // there was room for it
            BatchSize::All(_) => eval::BATCH,
        },
        numeric_labels: false,
        quiet,
    };
    let evaluated = eval_run.run(&model).context("data.test")?;
    let figures = test_figures(&evaluated);
    let file = folder.path().join("test.json");
    write_atomically(&file, format!("{}\n", Value::Object(figures)).as_bytes())?;
    Ok(Some(evaluated))
}

/// Whether the table of the labels has a row of the test split.
fn has_test_rows(data: &BTreeMap<String, Value>) -> bool {
    let options: Map<String, Value> = data.clone().into_iter().collect();
    let labelling: Option<Labelling> = serde_json::from_value(Value::Object(options)).ok();
    labelling.is_some_and(|labelling| labelling.has_test_rows())
}

/// The figures of the test split, as `test_loss`, `test_accuracy`, ...
fn test_figures(evaluated: &Evaluated) -> Map<String, Value> {
    let figures = evaluated.evaluation.predictions.figures().into_iter();
    let mut figures: Map<String, Value> = figures
        .map(|(name, value)| (format!("test_{name}"), Value::from(value)))
        .collect();
    figures.insert(
        "test_samples".into(),
        json!(evaluated.evaluation.predictions.len()),
    );
    figures
}

/// The summary of a finished run.
struct ResultLines<'a> {
    folder: &'a RunFolder,
    info: &'a ModelInfo,
    left_out: &'a LeftOut,
    test: Option<&'a Evaluated>,
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
        let before = crate::train::load(&folder.experiment(), &[])?.experiment;
        let checkpoint = Checkpoint::latest(&folder)?;
        Ok(Resumed {
            folder,
            before,
            checkpoint,
        })
    }

    /// Checks what has changed; the last value is whether halvings of the rate are reset.
    fn check(
        self,
        plan: &Plan,
        quiet: bool,
    ) -> anyhow::Result<(RunFolder, Option<Checkpoint>, bool)> {
        let tell = |text: String| {
            if !quiet {
                say!("{text}");
            }
        };
        let Some((checkpoint, warning)) = self.checkpoint else {
            tell("note: the run was stopped before its first checkpoint; it begins again".into());
            return Ok((self.folder, None, false));
        };
        if let Some(warning) = warning {
            say!("warning: {warning}");
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

fn announce(plan: &Plan, memory: &Memory, quiet: bool) {
    if quiet {
        return;
    }
    let summary = plan.survey.summary();
    let weights = plan.class_weights();
    let data = tables::data(summary, plan.decision.positive, weights.as_deref());
    say!("\n{}", data.trim_end());
    if let Some(text) = left_out_of(summary) {
        say!("note: {text}");
    }
    say!(
        "\n{}",
        tables::layers(&plan.network, plan.batch_size(), memory)
    );
}

fn observers(args: &TrainArgs, lines: &JsonLines) -> Several {
    let mut list: Vec<Box<dyn Observer>> = Vec::new();
    if !args.quiet {
        if stderr().is_terminal() {
            list.push(Box::new(Bars::default()));
        } else {
            list.push(Box::new(Lines::default()));
        }
    }
    if args.json {
        list.push(Box::new(lines.clone()));
    }
    Several(list)
}

/// Prints what came out, on standard output.
fn print(outcome: &Outcome, summary: &ResultLines<'_>, args: &TrainArgs) -> std::io::Result<()> {
    let ResultLines {
        folder,
        info,
        left_out,
        test,
    } = *summary;
    if let Some(text) = tables::skipped(&outcome.failed, info.preprocess.what()) {
        say!("warning: while training, {text}");
    }
    if args.json {
        let best = outcome.best.as_ref();
        let mut end = json!({
            "run": json_path(folder.path()),
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
        writeln!(out(), "{end}")?;
    } else if let (Some(best), Some(evaluation)) = (&outcome.best, &outcome.evaluation) {
        let mut out = out();
        writeln!(
            out,
            "\nbest epoch: {} of {}, on the validation split",
            best.epoch, outcome.num_epochs
        )?;
        writeln!(out, "{}", tables::evaluation(&evaluation.predictions))?;
        if let Some(test) = test {
            writeln!(
                out,
                "the same net on the test split, which played no part in training:"
            )?;
            writeln!(out, "{}", tables::evaluation(&test.evaluation.predictions))?;
        }
        writeln!(out, "saved in {}", shown(folder.path()))?;
        writeln!(
            out,
            "  kiln predict --model {} FILE...",
            quoted(&folder.best())
        )?;
    }
    Ok(())
}

/// Prints how the run ended; the exit code depends on whether `printed` output was delivered.
fn finish(
    outcome: &Outcome,
    folder: &RunFolder,
    stop: &StopFlag,
    printed: std::io::Result<()>,
) -> anyhow::Result<u8> {
    if outcome.interrupted {
        say!(
            "stopped in epoch {}; to go on from here:\n  kiln train --resume {}",
            outcome.num_epochs + 1,
            quoted(folder.path())
        );
        return Ok(stop.exit_code().unwrap_or(1));
    }
    match printed {
        // Whoever read it has had enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).with_context(|| {
            let folder = shown(folder.path());
            format!(
                "the run is complete and saved in {folder}, but standard output cannot be written"
            )
        }),
        _ => Ok(0),
    }
}

/// The names of the net's outputs; with several heads, the names of the heads.
fn targets(task: &Task) -> Vec<&str> {
    match task.heads() {
        [] => task.names(),
        heads => heads.iter().map(|head| &*head.name).collect(),
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
        assert_eq!(quoted(Path::new("a\nb's")), "$'a\\nb\\'s'");
    }
}
