//! Commands that run a trained model: eval, predict.

use std::path::PathBuf;

use clap::Args;

use crate::device::Choice;

/// `kiln eval`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln eval --model runs/cats_dogs-1/best.safetensors --data photos/test
  kiln eval --model best.safetensors --data photos/test --json
  kiln eval --model best.safetensors --data photos/test --predictions wrong.csv

  kiln eval --model best.safetensors --data 'shards/test-*.tar'

  kiln eval --model best.safetensors --data photos/labels.csv
  kiln eval --model best.safetensors --data photos --labels cats.txt --labels dogs.txt

The folder holds one folder a class, with the names that the model knows; or, where the model was trained so,
files whose names say the class. Of a table with a column of splits, the test rows are evaluated. Names are
compared as text; where another program has written the class 1 as 1.0, --numeric-labels takes one for the other.")]
pub struct EvalArgs {
    /// The model file
    #[arg(short, long, value_name = "FILE")]
    pub model: PathBuf,

    /// A folder with one folder per class, a table (of rows, or of labels with the images beside it), files of many
    /// images, or tar archives (a name or pattern)
    #[arg(short, long, value_name = "DATA")]
    pub data: PathBuf,

    /// Compare class labels as numbers: 1.0 and 01 are the class 1 (tables, texts)
    #[arg(long)]
    pub numeric_labels: bool,
    /// The table with the labels of the images in the folder DATA; or one list per class (repeatable)
    #[arg(long, value_name = "FILE")]
    pub labels: Vec<PathBuf>,

    /// Write each sample's class, prediction and probabilities to a CSV file
    #[arg(long, value_name = "FILE")]
    pub predictions: Option<PathBuf>,

    /// Where to compute: auto, cpu, gpu or gpu:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: Choice,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,

    /// Show warnings and results only
    #[arg(short, long)]
    pub quiet: bool,
}

/// `kiln predict`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln predict --model best.safetensors cat.jpg dog.jpg
  kiln predict --model best.safetensors photos/ 'more/*.png' --top 3
  find . -name '*.jpg' | kiln predict --model best.safetensors --json -

A line has the sample's name and its answers, with tabs between them. A name or class that holds tabs,
line ends or other control characters stands in double quotes, with the escapes of a JSON string; a byte
that is not UTF-8 is \\xFF there. A file that cannot be read is named on standard error, the others are
still answered, and the exit code is 1.")]
pub struct PredictArgs {
    /// The model file
    #[arg(short, long, value_name = "FILE")]
    pub model: PathBuf,

    /// Images, folders, patterns ('*.jpg'), IDX files, tar archives, - for a list on standard input; tables (CSV) for a model of
    /// tables; text files, tables or - (one text per line) for a model of texts
    #[arg(required_unless_present = "texts", value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// A text, for a model of texts (repeatable)
    #[arg(long = "text", value_name = "TEXT")]
    pub texts: Vec<String>,

    /// Show the K most probable classes
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub top: u32,

    /// Where to compute: auto, cpu, gpu or gpu:N (starting a GPU takes longer than a few predictions)
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: Choice,

    /// Print one JSON object per sample
    #[arg(long)]
    pub json: bool,
}
