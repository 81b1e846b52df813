//! Reading samples for a trained net, with or without labels, from paths, standard input or memory. There is one reader
//! per modality; `eval`, `predict` and every other user of a trained net go through it.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::dataset::{Dataset, SampleError, Skipped};
use super::left_out::LeftOut;
use super::task::Task;

/// The most samples of one batch.
pub const BATCH: usize = 32;

/// Reads the samples of one modality as a trained net takes them.
pub trait Reader: Send + Sync {
    /// Samples with labels, for evaluation.
    ///
    /// # Errors
    /// What cannot be read, or does not fit the model.
    fn labelled(&self, wanted: &LabelledPath<'_>) -> Result<Labelled, LabelledError>;

    /// Passes the samples of each origin to `sink`, in order and in batches; then notices about all of them.
    ///
    /// # Errors
    /// Reading that ends early. An origin that cannot be read is no error but an [`Item::Failed`].
    fn read(&self, origins: &[Origin<'_>], sink: &mut Sink<'_>) -> Result<(), Ended>;
}

/// Why labelled samples cannot be used, in words that follow the path: an error of the reader of their modality, which
/// this room does not know.
pub type LabelledError = Box<dyn Error + Send + Sync>;

/// Where labelled samples lie, and the model that they are read for.
pub struct LabelledPath<'a> {
    /// A folder, an archive, a table or a file of arrays.
    pub path: &'a Path,
    /// Tables with the labels of the images at `path`; empty if there are none.
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
    /// Notices.
    pub notices: Vec<String>,
    /// Warnings about the files.
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
        /// The name of the samples in messages.
        name: &'a str,
        /// The content.
        bytes: &'a [u8],
    },
}

/// The sample that a prediction belongs to.
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
    /// What the sample is.
    pub subject: Subject,
    /// The net's input, in the order of [`Shape`](super::batch::Shape); or why there is none.
    pub input: Result<Vec<f32>, SampleError>,
}

/// What a reader passes to its sink.
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
    /// A notice about all samples.
    Notice(String),
}

/// Receives what a reader produces.
pub type Sink<'a> = dyn FnMut(Item) -> Result<(), Stopped> + 'a;

/// The receiver takes no more samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

/// Why reading ended before the last origin.
#[derive(Debug)]
pub enum Ended {
    /// The receiver takes no more samples.
    Stopped,
    /// Standard input cannot be read.
    StandardInput(std::io::Error),
}

impl From<Stopped> for Ended {
    fn from(_: Stopped) -> Ended {
        Ended::Stopped
    }
}
