//! Commands that compute training steps: train, bench, lr-find.

use std::path::PathBuf;

use clap::Args;

use super::experiment::{ExperimentArgs, any_text};
use crate::device::Choice;

/// `kiln train`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln train --config configs/shapes.toml
  kiln train --config cats_dogs.toml --set train.epochs=3 --set data.train=photos/train
  kiln train --config cats_dogs.toml --device gpu --out runs/first-try
  kiln train --resume runs/first-try
  kiln train --resume runs/first-try --set train.epochs=40
  kiln train --config cats_dogs.toml --verify 20

Writes best.safetensors, last.safetensors (a checkpoint), history.jsonl and experiment.toml.
Ctrl-C, SIGTERM and a terminal that is closed end after the batch in work and save what is trained
(exit codes 130, 143 and 129). A run that was stopped or killed goes on with --resume, with the bits of one that was not.")]
pub struct TrainArgs {
    /// The experiment file (.toml or .json)
    #[arg(short, long, value_name = "FILE", required_unless_present = "resume")]
    pub config: Option<PathBuf>,

    /// Resume a stopped run, given its folder; --set may change some of its keys
    #[arg(long, value_name = "RUN", conflicts_with_all = ["config", "out", "verify"])]
    pub resume: Option<PathBuf>,

    /// Change a key of the experiment: KEY=VALUE (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = any_text())]
    pub sets: Vec<String>,

    /// Where to compute: auto, cpu, gpu or gpu:N [default: device.kind of the experiment, else auto]
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<Choice>,

    /// The run folder; must be new or empty [default: runs/NAME-NUMBER]
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Skip the audit of the data
    #[arg(long)]
    pub no_audit: bool,

    /// Train N steps, then N/2 and N/2 with a checkpoint between, in a temporary folder, and compare
    /// all bits; exit code 1 if they differ
    #[arg(long, value_name = "N", conflicts_with = "out", value_parser = clap::value_parser!(u32).range(2..))]
    pub verify: Option<u32>,

    /// Show warnings and results only
    #[arg(short, long)]
    pub quiet: bool,

    /// Print one JSON object per epoch, and one at the end, to standard output
    #[arg(long)]
    pub json: bool,
}

/// `kiln bench`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln bench --config configs/cats_dogs.toml
  kiln bench --config configs/cats_dogs.toml --real
  kiln bench --config configs/cats_dogs.toml --batch 1 --threads 1 --json

Takes random numbers for images, so no data is needed where the experiment states size and
channels; --real takes the first batch of training. Times are medians. Each layer is also timed
on its own: what the layers and the update take is what the shares are of. GFLOP/s count the
operations of the plain algorithm, also where a kernel gets by with fewer.")]
pub struct BenchArgs {
    #[command(flatten)]
    pub experiment: ExperimentArgs,

    /// Batch size, samples [default: train.batch_size of the experiment]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub batch: Option<u32>,

    /// Use the first batch of the training data instead of random numbers
    #[arg(long)]
    pub real: bool,

    /// Steps that are timed
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: u32,

    /// Warm-up steps that are not timed
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub warmup: u32,

    /// Print one JSON object; train and infer are samples per second
    #[arg(long)]
    pub json: bool,
}

/// `kiln lr-find`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln lr-find --config photos.toml
  kiln lr-find --config photos.toml --steps 300 --plot rates.svg

Trains a net that is thrown away, with a rate that grows by the same factor at each step, until the loss goes up.
Suggests the middle of the longest fall of the smoothed loss. Schedule and warm-up are left out.")]
pub struct LrFindArgs {
    #[command(flatten)]
    pub experiment: ExperimentArgs,

    /// The first learning rate
    #[arg(long, value_name = "RATE", default_value_t = 1e-7)]
    pub from: f64,

    /// The last learning rate
    #[arg(long, value_name = "RATE", default_value_t = 10.0)]
    pub to: f64,

    /// The number of learning rates, one per step
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(20..=100_000))]
    pub steps: u32,

    /// Also draw the curve into this file (SVG)
    #[arg(long, value_name = "FILE", value_parser = svg_path())]
    pub plot: Option<PathBuf>,

    /// Skip the audit of the data
    #[arg(long)]
    pub no_audit: bool,

    /// Show warnings and results only
    #[arg(short, long)]
    pub quiet: bool,

    /// Print one JSON object per step, and one at the end
    #[arg(long)]
    pub json: bool,
}

fn svg_path() -> impl clap::builder::TypedValueParser<Value = PathBuf> {
    use clap::builder::TypedValueParser;
    any_text().try_map(|name| svg_name(&name))
}

/// A file name without the extension .svg.
#[derive(Debug, thiserror::Error)]
#[error("expected a name that ends with .svg")]
struct NotSvg;

fn svg_name(name: &str) -> Result<PathBuf, NotSvg> {
    let path = crate::console::text_path(name);
    let ending = path.extension().and_then(|ending| ending.to_str());
    if ending.is_some_and(|ending| ending.eq_ignore_ascii_case("svg")) {
        Ok(path)
    } else {
        Err(NotSvg)
    }
}
