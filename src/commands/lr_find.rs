//! `kiln lr-find`

use std::io::{IsTerminal, Write, stderr};
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::json;

use super::memory::check_training;
use super::prepare::{prepare, skipped_samples};
use super::shared::quoted;
use super::shared::{inputs_of, load, require_apart, take_compute, take_device};
use crate::cli::LrFindArgs;
use crate::console::out;
use crate::data::{LeftOut, Progress};
use crate::report::{Curve, DecodeBar, left_out_json, rate};
use crate::storage::{require_writable, write_output};
use crate::train::{Found, Plan, Point, StopFlag, Sweep};

pub fn run(args: LrFindArgs) -> anyhow::Result<u8> {
    let sweep = Sweep {
        from: args.from,
        to: args.to,
        steps: args.steps as usize,
    };
    if !(sweep.from > 0.0 && sweep.to.is_finite() && sweep.from < sweep.to) {
        bail!(
            "--from {} --to {}: expected two rates above 0, the first below the second",
            sweep.from,
            sweep.to
        );
    }
    let (source, choice) = load(&args.experiment)?;
    if let Some(path) = &args.plot {
        require_apart(path, &inputs_of(&source, &args.experiment.config))?;
        require_writable(path)?;
    }
    let device = take_device(choice, args.quiet)?;
    let compute = take_compute(&source, &device, args.quiet)?;
    let plan = Plan::check(source)?;
    check_training(&plan, &device, compute)?;
    let optimizer = plan.source.experiment.train.optimizer.name().to_string();
    let prepared = prepare(plan, device, compute, args.quiet, args.no_audit)?;
    let bar = DecodeBar::new(!args.quiet && stderr().is_terminal());
    bar.begin("learning rates", sweep.steps);
    let found = prepared.sweep(sweep, &StopFlag::default(), &mut || bar.tick())?;
    bar.end();
    if found.points.is_empty() {
        bail!(
            "the loss is not finite with the initial weights; check preprocess (divide_by = 255), and that no \
             value of the data is not a number"
        );
    }
    let suggestion = Suggestion::new(&found, &optimizer);
    if let Some(path) = &args.plot {
        let image = suggestion.curve(&found).svg();
        write_output(path, image.as_bytes())?;
    }
    let text = if args.json {
        suggestion.json(&found, &prepared.left_out)
    } else {
        suggestion.text(&found, &args)
    };
    out()
        .write_all(text.as_bytes())
        .context("cannot write to standard output")?;
    if let Some(text) = skipped_samples(&prepared).filter(|_| !args.quiet && !args.json) {
        crate::say!("note: {text}");
    }
    Ok(0)
}

/// The result of a sweep, as it is printed.
struct Suggestion {
    valley: Option<f64>,
    steepest: Option<f64>,
    tenth: Option<f64>,
    /// The flag that sets a learning rate in the experiment.
    set: Option<String>,
}

impl Suggestion {
    fn new(found: &Found, optimizer: &str) -> Suggestion {
        let valley = found.valley();
        Suggestion {
            valley,
            steepest: found.steepest(),
            tenth: found.tenth_of_minimum(),
            set: valley.map(|rate| setting(optimizer, rate)),
        }
    }

    fn curve(&self, found: &Found) -> Curve<'_> {
        let point = |point: &Point| (point.rate, point.smoothed);
        let named = [
            (self.valley, "the middle of the fall"),
            (self.tenth, "a tenth of the minimum's"),
        ];
        let marks = named
            .into_iter()
            .filter_map(|(rate, what)| Some((rate?, what)));
        Curve {
            title: "Loss over the learning rate",
            axes: ["learning rate", "loss, smoothed"],
            points: found.points.iter().map(point).collect(),
            marks: marks.collect(),
        }
    }

    /// One line per step, and one for all.
    fn json(&self, found: &Found, left_out: &LeftOut) -> String {
        let step = |(step, point): (usize, &Point)| {
            json!({
                "step": step + 1,
                "learning_rate": point.rate,
                "loss": point.loss,
                "smoothed_loss": point.smoothed,
            })
        };
        let steps = found.points.iter().enumerate().map(step);
        let end = json!({
            "suggestion": self.valley,
            "steepest": self.steepest,
            "tenth_of_minimum": self.tenth,
            "diverged": found.diverged,
            "set": self.set,
            "left_out": left_out_json(left_out),
        });
        steps
            .chain([end])
            .map(|object| object.to_string() + "\n")
            .collect()
    }

    fn text(&self, found: &Found, args: &LrFindArgs) -> String {
        let mut text = String::from("loss, smoothed, over the learning rate\n");
        text += &self.curve(found).braille();
        let (steps, of) = (found.points.len(), args.steps);
        if found.diverged {
            text += &format!(
                "ended after {steps} of {of} steps: the loss went up to four times its best\n"
            );
        } else if found.falls_to_the_end() {
            text += "the loss fell up to the last rate; a larger --to shows where it goes up\n";
        }
        let (Some(valley), Some(tenth), Some(set)) = (self.valley, self.tenth, &self.set) else {
            let short = "no suggestion: the loss never fell. More --steps, a smaller --from, or something else is \
                         wrong: kiln check, kiln preview\n";
            return text + short;
        };
        text += &format!(
            "\nsuggestion: {}  the middle of the longest fall, as fastai's `valley`\n",
            rate(valley)
        );
        text += &format!(
            "otherwise:  {}  a tenth of the rate with the smallest loss, as fastai's `minimum`\n",
            rate(tenth)
        );
        let mut command = format!("kiln train --config {}", quoted(&args.experiment.config));
        for set in args.experiment.sets.iter().chain([set]) {
            command += &format!(" --set {}", quoted(Path::new(set)));
        }
        text + &format!("\n  {command}\n")
    }
}

/// A `--set` that changes the optimizer's rate, with two digits.
fn setting(optimizer: &str, learning_rate: f64) -> String {
    let learning_rate = rate(learning_rate);
    format!("train.optimizer.{optimizer}.learning_rate={learning_rate}")
}
