//! The command line: clap types only.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::device::Choice;

/// Train, check and run small neural nets from one experiment file.
#[derive(Debug, Parser)]
#[command(
    name = "kiln",
    version,
    arg_required_else_help = true,
    after_help = "Examples:
  kiln init photos                      write a starter experiment for a folder of pictures
  kiln check --config photos.toml       layers, shapes, classes, device; nothing is trained
  kiln train --config photos.toml       train; everything goes into runs/photos-1
  kiln eval --model runs/photos-1/best.safetensors --data photos/test
  kiln predict --model runs/photos-1/best.safetensors cat.jpg

`kiln COMMAND --help` tells more about each command."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Threads for computing and loading [default: one a core; RAYON_NUM_THREADS is honoured]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train the net of an experiment
    Train(TrainArgs),
    /// Judge a trained model on a labelled folder
    Eval(EvalArgs),
    /// Classify pictures with a trained model
    Predict(PredictArgs),
    /// Check an experiment: layers, shapes, classes, device; trains nothing
    Check(CheckArgs),
    /// Draw a sheet of training samples before and after augmentation
    Preview(PreviewArgs),
    /// Look for faults of a dataset: copies, leaks, unreadable and blank pictures, imbalance
    Audit(AuditArgs),
    /// Time a training step and inference of an experiment's net
    Bench(BenchArgs),
    /// Sweep the learning rate and suggest one; keeps nothing of what it trains
    LrFind(LrFindArgs),
    /// Write a commented starter experiment for a folder of pictures or a table
    Init(InitArgs),
    /// Generate a small dataset
    Synth(SynthArgs),
    /// List or clear what is kept of decoded pictures
    Cache(CacheArgs),
    /// List the devices there are
    Devices(DevicesArgs),
    /// Print the JSON schema of experiments, for editors; or what `style` sets
    Schema(SchemaArgs),
    /// Read the manual: a page, or what a key, layer, loss, optimizer or metric does
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
    #[command(after_help = "Example:
  kiln man ~/.local/share/man/man1")]
    Man {
        /// The folder to write them to
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// The shells that completions are made for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Shell {
    /// GNU Bash
    Bash,
    /// Z shell
    Zsh,
    /// fish
    Fish,
}

/// Which experiment.
#[derive(Debug, Args)]
pub struct ExperimentArgs {
    /// The experiment file (.toml or .json)
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,

    /// Change a key of the experiment: KEY=VALUE (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = any_text())]
    pub sets: Vec<String>,

    /// Where to compute: auto, cpu, gpu or gpu:N [default: what the experiment says, else auto]
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<Choice>,
}

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

    /// Go on with a run that was stopped: its folder; --set may change some of its keys
    #[arg(long, value_name = "RUN", conflicts_with_all = ["config", "out", "verify"])]
    pub resume: Option<PathBuf>,

    /// Change a key of the experiment: KEY=VALUE (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = any_text())]
    pub sets: Vec<String>,

    /// Where to compute: auto, cpu, gpu or gpu:N [default: what the experiment says, else auto]
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<Choice>,

    /// The run folder; must be new or empty [default: runs/NAME-NUMBER]
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Do not look for faults of the data first
    #[arg(long)]
    pub no_audit: bool,

    /// Train N steps, then N/2 and N/2 with a checkpoint between, in a temporary folder, and compare
    /// every bit; exit code 1 if they differ
    #[arg(long, value_name = "N", conflicts_with = "out", value_parser = clap::value_parser!(u32).range(2..))]
    pub verify: Option<u32>,

    /// Show warnings and results only
    #[arg(short, long)]
    pub quiet: bool,

    /// Print one JSON object per epoch, and one at the end, to standard output
    #[arg(long)]
    pub json: bool,
}

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
files whose names say the class. Of a table with a column of splits, the rows of the test are judged. Names are
compared as text; where another program has written the class 1 as 1.0, --numeric-labels takes one for the other.")]
pub struct EvalArgs {
    /// The model file
    #[arg(short, long, value_name = "FILE")]
    pub model: PathBuf,

    /// A folder with one folder a class, a table (of rows, or of labels with the images beside it), files of many
    /// images, or tar archives (a name or pattern)
    #[arg(short, long, value_name = "DATA")]
    pub data: PathBuf,

    /// Compare classes that are written as numbers as numbers: 1.0 and 01 are the class 1 (tables, texts)
    #[arg(long)]
    pub numeric_labels: bool,
    /// The table with the labels of the images in the folder DATA; or a list for each class (repeatable)
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

    /// Pictures, folders, patterns ('*.jpg'), IDX files, - for a list on standard input; tables (CSV) for a model of
    /// tables; text files, tables or - (a text a line) for a model of texts
    #[arg(required_unless_present = "texts", value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// A text, for a model of texts (repeatable)
    #[arg(long = "text", value_name = "TEXT")]
    pub texts: Vec<String>,

    /// Show the K most probable classes
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub top: u32,

    /// Where to compute: auto, cpu, gpu or gpu:N (starting a GPU takes longer than a few answers)
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: Choice,

    /// Print one JSON object a sample
    #[arg(long)]
    pub json: bool,
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

    /// The picture to write (PNG)
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

/// `kiln audit`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln audit photos
  kiln audit photos --sheet pairs.png
  kiln audit --config cats_dogs.toml --json
  kiln audit houses.csv

Finds files that cannot be used or whose names say another format, pictures of one colour, copies and
look-alikes within and across train and valid, and says how many of each class and size there are. The exit
code is 1 where a validation picture is also in training, or a file cannot be used. Training does the same
first (`--no-audit` leaves it out).")]
pub struct AuditArgs {
    /// A folder with one folder a class, or with train and valid folders of that kind; or a table (CSV)
    #[arg(value_name = "DATA", conflicts_with = "config")]
    pub data: Option<PathBuf>,

    /// The data of an experiment file
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Change a key of the experiment: KEY=VALUE (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "config", value_parser = any_text())]
    pub sets: Vec<String>,

    /// Draw the first pairs of equal pictures side by side (PNG)
    #[arg(long, value_name = "FILE")]
    pub sheet: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `kiln bench`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln bench --config configs/cats_dogs.toml
  kiln bench --config configs/cats_dogs.toml --real
  kiln bench --config configs/cats_dogs.toml --batch 1 --threads 1 --json

Takes random numbers for pictures, so no data is needed where the experiment states size and
channels; --real takes the first batch of training. Times are medians. Each layer is also timed
on its own: what the layers and the update take is what the shares are of. GFLOP/s count the
operations of the plain algorithm, also where a kernel gets by with fewer.")]
pub struct BenchArgs {
    #[command(flatten)]
    pub experiment: ExperimentArgs,

    /// Samples of a batch [default: what the experiment says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub batch: Option<u32>,

    /// Take the first batch of the training data in place of random numbers
    #[arg(long)]
    pub real: bool,

    /// Steps on the clock
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: u32,

    /// Steps before the clock starts
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub warmup: u32,

    /// Print one JSON object; train and infer are samples a second
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

    /// The first rate
    #[arg(long, value_name = "RATE", default_value_t = 1e-7)]
    pub from: f64,

    /// The last rate
    #[arg(long, value_name = "RATE", default_value_t = 10.0)]
    pub to: f64,

    /// Rates that are tried, one a step
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(20..=100_000))]
    pub steps: u32,

    /// Also draw the curve into this file (SVG)
    #[arg(long, value_name = "FILE", value_parser = svg_path())]
    pub plot: Option<PathBuf>,

    /// Do not look for faults of the data first
    #[arg(long)]
    pub no_audit: bool,

    /// Show warnings and results only
    #[arg(short, long)]
    pub quiet: bool,

    /// Print one JSON object a step, and one at the end
    #[arg(long)]
    pub json: bool,
}

/// Text that may hold a path that is not UTF-8.
fn any_text() -> impl clap::builder::TypedValueParser<Value = String> {
    use clap::builder::{OsStringValueParser, TypedValueParser};
    OsStringValueParser::new()
        .map(|text| crate::console::path_text(std::path::Path::new(&text)).into_owned())
}

fn svg_path() -> impl clap::builder::TypedValueParser<Value = PathBuf> {
    use clap::builder::TypedValueParser;
    any_text().try_map(|name| svg_name(&name))
}

fn svg_name(name: &str) -> Result<PathBuf, String> {
    let path = crate::console::text_path(name);
    let ending = path.extension().and_then(|ending| ending.to_str());
    if ending.is_some_and(|ending| ending.eq_ignore_ascii_case("svg")) {
        Ok(path)
    } else {
        Err("expected a name that ends with .svg".to_string())
    }
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
    /// A folder of images or texts; a table (CSV, TSV, blanks, ARFF, spreadsheet, also .gz), also of images beside it;
    /// an .npz file, archives; or a pattern of such files
    #[arg(value_name = "DATA")]
    pub folder: PathBuf,

    /// Of a table: the column to be predicted (beside images also several, A,B): its name, its number from 1 on, or "last"
    #[arg(long, value_name = "COLUMN")]
    pub target: Option<String>,

    /// Of a table: the first line is a row like the others; columns are called column_1, column_2, ...
    #[arg(long)]
    pub no_header: bool,

    /// Of a table: the first line names the columns, whatever it looks like
    #[arg(long, conflicts_with = "no_header")]
    pub header: bool,

    /// Of a folder of images: which folders are the classes, those at the top or those that images lie in
    #[arg(long, value_name = "LEVEL")]
    pub classes: Option<ClassLevel>,

    /// Of images side by side: the class in their names, as in '{label}_#' (# are digits, * is anything)
    #[arg(long, value_name = "PATTERN")]
    pub label_pattern: Option<String>,

    /// Say a key of the experiment, such as data.encoding=latin1: KEY=VALUE (repeatable)
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
    /// Those that images lie in
    Leaf,
}

/// `kiln synth`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln synth shapes --out shapes
  kiln synth shapes --help")]
pub struct SynthArgs {
    /// What to generate.
    #[command(subcommand)]
    pub kind: SynthKind,
}

/// The datasets that can be generated.
#[derive(Debug, Subcommand)]
pub enum SynthKind {
    /// Drawn circles, squares and triangles, for `image-folder` or `webdataset`
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

    /// Training pictures of each class
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub train: usize,

    /// Validation pictures of each class
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub valid: usize,

    /// Height and width, pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 32, value_parser = clap::value_parser!(u32).range(8..=1024))]
    pub size: u32,

    /// The same seed gives the same pictures
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Write tar archives of N pictures, for `webdataset`, in place of folders
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub per_shard: Option<u32>,
}

/// `kiln cache`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln cache                       what is kept, of which data, how much
  kiln cache clear                 removes all of it
  kiln cache clear 82a7f0c1e5b39d46

Decoded pictures that the memory's budget (data.cache_memory) does not hold are kept in files, at
most data.cache_disk in all; those that were not used for the longest time go first. They lie in
KILN_CACHE_DIR, or in the user's cache folder.")]
pub struct CacheArgs {
    /// What to do [default: list]
    #[command(subcommand)]
    pub command: Option<CacheCommand>,

    /// Print one JSON object a file
    #[arg(long)]
    pub json: bool,
}

/// What `kiln cache` can do.
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

/// `kiln schema`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln schema > kiln.schema.json
  kiln schema --styles

Editors that know JSON schemas complete and check experiments with it: Taplo, and Even Better TOML for Visual Studio Code,
by a first line `#:schema ./kiln.schema.json`.")]
pub struct SchemaArgs {
    /// Print the defaults that `style = "keras"` and `style = "torch"` set, as a table
    #[arg(long)]
    pub styles: bool,
}

/// `kiln guide`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln guide                           the pages
  kiln guide tables                    a page
  kiln guide train.optimizer.adam      a key of the experiment, with its options, types, defaults and ranges
  kiln guide conv2d                    a layer, loss, optimizer, schedule, augmentation or metric by its name
  kiln guide layers                    what there is to pick from; also losses, optimizers, metrics, data, ...")]
pub struct GuideArgs {
    /// A page, a key, or a name [default: the list of pages]
    #[arg(value_name = "TOPIC")]
    pub topic: Option<String>,

    /// Do not page what is longer than the terminal
    #[arg(long)]
    pub no_pager: bool,

    /// Print one JSON object an entry: a page as Markdown, a key with its schema
    #[arg(long)]
    pub json: bool,
}

/// `kiln devices`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kiln devices
  kiln devices --json")]
pub struct DevicesArgs {
    /// Print one JSON object a device
    #[arg(long)]
    pub json: bool,
}
