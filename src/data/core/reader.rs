//! How samples are read for a trained net: with labels or without them, from paths, from standard input or from memory.
//! One reader a modality; `eval`, `predict` and whatever else runs a trained net read by it.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::dataset::{Dataset, SampleError, Skipped};
use super::left_out::LeftOut;
use super::task::Task;

/// Samples that are handed on together, at most.
pub const BATCH: usize = 32;

/// Reads the samples of one modality as a trained net takes them.
pub trait Reader: Send + Sync {
    /// Samples with labels, for evaluation.
    ///
    /// # Errors
    /// What cannot be read, or does not fit the model.
    fn labelled(&self, wanted: &LabelledPath<'_>) -> Result<Labelled, LabelledError>;

    /// Hands on the samples of each origin, in order and in batches; then what the user should know of all of them.
    ///
    /// # Errors
    /// Where reading ends early. An origin that cannot be read is no error: it is handed on as [`Item::Failed`].
    fn read(&self, origins: &[Origin<'_>], sink: &mut Sink<'_>) -> Result<(), Ended>;
}

/// Why labelled samples cannot be used, in words that follow the path: an error of the reader of their modality, which
/// this room does not know.
pub type LabelledError = Box<dyn Error + Send + Sync>;

/// Where labelled samples lie, and what they are labelled for.
pub struct LabelledPath<'a> {
    /// A folder, an archive, a table or a file of arrays.
    pub path: &'a Path,
    /// Tables beside the images at `path` that say their labels; empty where nothing else does.
    pub tables: &'a [PathBuf],
    /// The prediction task of the model.
    pub task: &'a Task,
    /// The options of `[data]` that the model was trained with.
    pub data: &'a BTreeMap<String, Value>,
}

/// Labelled samples as a model takes them.
pub struct Labelled {
    /// The samples.
    pub dataset: Arc<dyn Dataset>,
    /// Those that cannot be used.
    pub skipped: Vec<Skipped>,
    /// Files that are no samples.
    pub left_out: LeftOut,
    /// What the user should know.
    pub notices: Vec<String>,
    /// What may be wrong with the files.
    pub warnings: Vec<String>,
}

/// Where samples without labels come from.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    /// A file, a folder, an archive, or a pattern of files.
    Path(&'a Path),
    /// Standard input: a list of image files, a table, or a text a line.
    StandardInput,
    /// What a file called `name` holds: an encoded image, a table, or a text.
    Memory {
        /// The name that the samples are told by.
        name: &'a str,
        /// The content.
        bytes: &'a [u8],
    },
}

/// What a prediction is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A file.
    File(PathBuf),
    /// An image of a file of many, by its place, from 0.
    Image(PathBuf, usize),
    /// A member of an archive, by its name.
    Member(PathBuf, String),
    /// A row of a table, by the file and the line it begins in.
    Row(String, u32),
    /// A text.
    Text(String),
}

/// A sample with the net's input, or why it has none.
#[derive(Debug)]
pub struct Sample {
    /// What the prediction is about.
    pub subject: Subject,
    /// The net's input, in the order of [`Shape`](super::batch::Shape); or why there is none.
    pub input: Result<Vec<f32>, SampleError>,
}

/// What a reader hands on.
#[derive(Debug)]
pub enum Item {
    /// Samples, at most [`BATCH`] of them.
    Samples(Vec<Sample>),
    /// An origin without samples.
    Failed {
        /// Its name, and why.
        text: String,
        /// Its files that are no samples.
        left_out: LeftOut,
    },
    /// Files that are no samples.
    LeftOut(LeftOut),
    /// What the user should know of all samples.
    Notice(String),
}

/// Takes what a reader hands on.
pub type Sink<'a> = dyn FnMut(Item) -> Result<(), Stopped> + 'a;

/// Nobody takes any more samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

/// Why reading ended before the last origin.
#[derive(Debug)]
pub enum Ended {
    /// Nobody takes any more samples.
    Stopped,
    /// Standard input cannot be read.
    StandardInput(std::io::Error),
}

impl From<Stopped> for Ended {
    fn from(_: Stopped) -> Ended {
        Ended::Stopped
    }
}
