//! Commands for datasets: init, audit, synth, cache.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::experiment::any_text;

/// `kiln audit`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln audit photos
  kiln audit photos --sheet pairs.png
  kiln audit --config cats_dogs.toml --json
  kiln audit houses.csv

Finds files that cannot be used or whose names say another format, images of one colour, copies and
look-alikes within and across train and valid, and says how many of each class and size there are. The exit
code is 1 where a validation image is also in training, or a file cannot be used. Training does the same
first (`--no-audit` leaves it out).")]
pub struct AuditArgs {
    /// A folder with one folder per class, or with train and valid folders of that kind; or a table (CSV)
    #[arg(value_name = "DATA", conflicts_with = "config")]
    pub data: Option<PathBuf>,

    /// The data of an experiment file
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Change a key of the experiment: KEY=VALUE (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "config", value_parser = any_text())]
    pub sets: Vec<String>,

    /// Draw the first pairs of equal images side by side (PNG)
    #[arg(long, value_name = "FILE")]
    pub sheet: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `kiln init`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln init photos                 photos/cats/1.jpg, photos/dogs/1.jpg, ...
  kiln init photos --out my.toml   photos/train/cats/1.jpg, photos/valid/cats/1.jpg, ...
  kiln init houses.csv --target price
  kiln init iris.data --target last
  kiln init 'sales-*.csv' --target 5 --set data.encoding=latin1
  kiln init plants --classes leaf  plants/apple/scab/1.jpg, plants/grape/rot/1.jpg, ...
  kiln init pets --label-pattern '{label}_#'
  kiln init photos/labels.csv --target label
  kiln init 'shards/train-*.tar'

A folder may hold splits under the usual names (Training, seg_test, images/val, ...), MNIST's or CIFAR's files,
NumPy's .npz, archives, or texts in one folder a class; what each folder was taken for is said.")]
pub struct InitArgs {
    /// A folder of images or texts; a table (CSV, TSV, spaces, ARFF, spreadsheet, also .gz), also with labels of images;
    /// an .npz file, archives; or a pattern of such files
    #[arg(value_name = "DATA")]
    pub folder: PathBuf,

    /// For a table: the target column (with images also several, A,B), by name, by number from 1 on, or "last"
    #[arg(long, value_name = "COLUMN")]
    pub target: Option<String>,

    /// For a table: the first line is data, not a header; columns are called column_1, column_2, ...
    #[arg(long)]
    pub no_header: bool,

    /// For a table: the first line is a header, whatever it looks like
    #[arg(long, conflicts_with = "no_header")]
    pub header: bool,

    /// For a folder of images: which folders are the classes, those at the top or those that directly hold images
    #[arg(long, value_name = "LEVEL")]
    pub classes: Option<ClassLevel>,

    /// For images in one folder: a pattern for the class in their names, as in '{label}_#' (# for digits, * for anything)
    #[arg(long, value_name = "PATTERN")]
    pub label_pattern: Option<String>,

    /// Of images: start from the trained weights of a backbone, such as mobilenet_v2, or from "none"; default: from those
    /// that are on this machine, for photographs
    #[arg(long, value_name = "NAME")]
    pub backbone: Option<String>,

    /// Set a key of the experiment, such as data.encoding=latin1: KEY=VALUE (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,

    /// The experiment file to write [default: DATA's name with .toml]
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Which folders are classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ClassLevel {
    /// Those at the top
    Top,
    /// Those that directly hold images
    Leaf,
}

/// `kiln synth`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln synth shapes --out shapes
  kiln synth shapes --help")]
pub struct SynthArgs {
    /// The dataset to generate.
    #[command(subcommand)]
    pub kind: SynthKind,
}

/// The datasets that can be generated.
#[derive(Debug, Subcommand)]
pub enum SynthKind {
    /// Synthetic images of circles, squares and triangles, for `image-folder` or `webdataset`
    #[command(after_help = "Examples:
  kiln synth shapes --out shapes
  kiln synth shapes --out many --train 10000 --valid 1000 --size 64 --seed 7
  kiln synth shapes --out tars --train 10000 --valid 1000 --per-shard 5000")]
    Shapes(ShapesArgs),
}

/// `kiln synth shapes`
#[derive(Debug, Args)]
pub struct ShapesArgs {
    /// The folder to write; must be new or empty
    #[arg(short, long, value_name = "DIR")]
    pub out: PathBuf,

    /// Training images of each class
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub train: usize,

    /// Validation images of each class
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub valid: usize,

    /// Height and width, pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 32, value_parser = clap::value_parser!(u32).range(8..=1024))]
    pub size: u32,

    /// The same seed gives the same images
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Write tar archives of N images, for `webdataset`, in place of folders
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub per_shard: Option<u32>,
}

/// `kiln cache`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln cache                       what is kept, of which data, how much
  kiln cache clear                 removes all of it
  kiln cache clear 82a7f0c1e5b39d46

Decoded images that the memory's budget (data.cache_memory) does not hold are kept in files, at
most data.cache_disk in all; those that were not used for the longest time go first. They lie in
KILN_CACHE_DIR, or in the user's cache folder.")]
pub struct CacheArgs {
    /// What to do [default: list]
    #[command(subcommand)]
    pub command: Option<CacheCommand>,

    /// Print one JSON object per file
    #[arg(long)]
    pub json: bool,
}

/// The actions of `kiln cache`.
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// Remove cache files
    #[command(after_help = "Examples:
  kiln cache clear                   removes all of them
  kiln cache clear 82a7f0c1e5b39d46")]
    Clear {
        /// Those to remove, by name [default: all]
        names: Vec<String>,
    },
}
