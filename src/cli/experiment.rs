//! Arguments that name an experiment; the commands check and preview.

use std::path::PathBuf;

use clap::Args;

use crate::device::Choice;

/// Which experiment.
#[derive(Debug, Args)]
pub struct ExperimentArgs {
    /// The experiment file (.toml or .json)
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,

    /// Change a key of the experiment: KEY=VALUE (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = any_text())]
    pub sets: Vec<String>,

    /// Where to compute: auto, cpu, gpu or gpu:N [default: device.kind of the experiment, else auto]
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<Choice>,
}

/// `kiln check`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln check --config configs/cats_dogs.toml
  kiln check --config configs/cats_dogs.toml --set data.size=[100,100]")]
pub struct CheckArgs {
    #[command(flatten)]
    pub experiment: ExperimentArgs,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `kiln preview`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln preview --config configs/cats_dogs.toml
  kiln preview --config configs/cats_dogs.toml --samples 12 --epochs 10 --out sheet.png
  kiln preview --config configs/cats_dogs.toml --set augment.preset=strong

A row is a sample, taken evenly from the training split: as preprocessed, then as the first epochs
of training see it. Where the experiment mixes batches (mixup, cutmix), further columns show the
samples of the sheet mixed with each other.")]
pub struct PreviewArgs {
    #[command(flatten)]
    pub experiment: ExperimentArgs,

    /// The image to write (PNG)
    #[arg(short, long, value_name = "FILE", default_value = "preview.png")]
    pub out: PathBuf,

    /// Rows
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub samples: u32,

    /// Columns of augmented samples
    #[arg(long, value_name = "K", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub epochs: u32,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Text that may hold a path that is not UTF-8.
pub fn any_text() -> impl clap::builder::TypedValueParser<Value = String> {
    use clap::builder::{OsStringValueParser, TypedValueParser};
    OsStringValueParser::new()
        .map(|text| crate::console::path_text(std::path::Path::new(&text)).into_owned())
}
