//! The command line, as clap types only: the subcommands here, the arguments of each in a file of its group.

mod data;
mod experiment;
mod manual;
mod model;
mod training;
mod weights;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use data::{
    AuditArgs, CacheArgs, CacheCommand, ClassLevel, InitArgs, ShapesArgs, SynthArgs, SynthKind,
};
pub use experiment::{CheckArgs, ExperimentArgs, PreviewArgs};
pub use manual::{DevicesArgs, GuideArgs, SchemaArgs, Shell};
pub use model::{EvalArgs, PredictArgs};
pub use training::{BenchArgs, LrFindArgs, TrainArgs};
pub use weights::{WeightsArgs, WeightsCommand, WeightsGetArgs, WeightsInfoArgs};

/// Train, check and run small neural nets from one experiment file.
#[derive(Debug, Parser)]
#[command(
    name = "kiln",
    version,
    arg_required_else_help = true,
    after_help = "Examples:
  kiln init photos                      write a starter experiment for a folder of images
  kiln check --config photos.toml       layers, shapes, classes, device; nothing is trained
  kiln train --config photos.toml       train; everything goes into runs/photos-1
  kiln eval --model runs/photos-1/best.safetensors --data photos/test
  kiln predict --model runs/photos-1/best.safetensors cat.jpg

`kiln COMMAND --help` tells more about each command."
)]
pub struct Cli {
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,

    /// Threads for computing and loading [default: one per core; RAYON_NUM_THREADS is honoured]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train the net of an experiment
    Train(TrainArgs),
    /// Evaluate a trained model on labelled samples
    Eval(EvalArgs),
    /// Predict samples with a trained model
    Predict(PredictArgs),
    /// Check an experiment: layers, shapes, classes, device; trains nothing
    Check(CheckArgs),
    /// Draw a sheet of training samples before and after augmentation
    Preview(PreviewArgs),
    /// Audit a dataset: copies, leaks, unreadable and blank images, imbalance
    Audit(AuditArgs),
    /// Time a training step and inference of an experiment's net
    Bench(BenchArgs),
    /// Sweep the learning rate and suggest one; the trained weights are discarded
    LrFind(LrFindArgs),
    /// Write a commented starter experiment for a folder of images or a table
    Init(InitArgs),
    /// Generate a small dataset
    Synth(SynthArgs),
    /// List or clear the cache of decoded images
    Cache(CacheArgs),
    /// List, fetch and look into weights that others trained
    Weights(WeightsArgs),
    /// List the available devices
    Devices(DevicesArgs),
    /// Print the JSON schema of experiments, for editors; or what `style` sets
    Schema(SchemaArgs),
    /// Read the manual: a page, or the reference of a key, layer, loss, optimizer or metric
    Guide(GuideArgs),
    /// Print a completion script for a shell
    #[command(after_help = "Examples:
  kiln completions bash > ~/.local/share/bash-completion/completions/kiln
  kiln completions zsh > ~/.zfunc/_kiln
  kiln completions fish > ~/.config/fish/completions/kiln.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages, kiln.1 and one for each command
    #[command(after_help = "Examples:
  kiln man ~/.local/share/man/man1
  kiln man man1")]
    Man {
        /// The folder to write them to
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}
