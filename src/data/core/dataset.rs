//! The traits and types between a source of data and the loader: a split, its summary, skipped samples.

use std::error::Error;
use std::fmt::Debug;

use super::batch::{HostBatch, SampleId, Shape};
use super::left_out::LeftOut;
use super::task::Task;

/// One split: samples that can be loaded one by one, from several threads at once.
pub trait Dataset: Send + Sync {
    /// The number of samples.
    fn len(&self) -> usize;

    /// Whether there is no sample.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of one sample.
    fn shape(&self) -> Shape;

    /// The index of the sample's class; 0 where the task has no classes.
    fn class(&self, index: usize) -> usize;

    /// Where the task is labels (0 or 1) or numbers (as the net sees them), adds the sample's to `out`.
    fn add_row(&self, _index: usize, _out: &mut Vec<f32>) {}

    /// Whether [`add_row`](Self::add_row) adds labels.
    fn has_labels(&self) -> bool {
        false
    }

    /// The number that names the sample, the same in every run over the same data.
    fn id(&self, index: usize) -> SampleId;

    /// The sample's name in messages: its file, or its row.
    fn name(&self, index: usize) -> String;

    /// In which orders the samples are best read.
    fn reading_order(&self) -> &ReadingOrder {
        &ReadingOrder::Any
    }

    /// Writes the sample's input into `out`; augmented where an epoch is given.
    ///
    /// # Errors
    /// Why the sample cannot be used.
    fn load(&self, index: usize, epoch: Option<u64>, out: &mut [f32]) -> Result<(), SampleError>;

    /// How many versions of a sample [`load`](Self::load) gives in training; `None` if each epoch has a new one. An
    /// epoch gives that of [`view_of`].
    fn num_views(&self) -> Option<u64> {
        Some(1)
    }

    /// How the samples of a training batch are mixed.
    fn mix(&self) -> Option<&dyn MixSamples> {
        None
    }
}

/// Which of `num_views` versions of a sample an epoch gives. A sample that an epoch takes several times has the number of
/// times before in the upper half of its epoch; each gives the next version.
pub fn view_of(epoch: u64, num_views: u64) -> u64 {
    let (repeat, epoch) = (epoch >> 32, epoch & u64::from(u32::MAX));
    (epoch + repeat) % num_views.max(1)
}

/// Why a sample cannot be used, in words that follow its name: an error of the reader of its modality, which this room
/// does not know.
pub type SampleError = Box<dyn Error + Send + Sync>;

/// Mixes the samples of a training batch, and their targets.
pub trait MixSamples: Send + Sync {
    /// Mixes a batch of `shape` and gives it soft labels over `num_classes`; what is drawn is a
    /// function of (seed, epoch, the batch's samples). A sample's class becomes that of the larger share.
    fn apply(&self, batch: &mut HostBatch, shape: Shape, num_classes: usize, epoch: u64);
}

/// In which orders samples are best read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadingOrder {
    /// All are equally good.
    Any,
    /// From the beginning of an archive to its end.
    Shards {
        /// The number of samples up to the end of each archive.
        ends: Vec<usize>,
        /// Samples among which the next one is picked.
        buffer: usize,
    },
}

/// Samples of each class in a split.
pub fn class_counts(dataset: &dyn Dataset, num_classes: usize) -> Vec<usize> {
    let mut counts = vec![0; num_classes];
    for index in 0..dataset.len() {
        counts[dataset.class(index)] += 1;
    }
    counts
}

/// What is known of the data before any sample is decoded.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// The prediction task; regression targets are not scaled yet.
    pub task: Task,
    /// Samples of the training split.
    pub num_train: usize,
    /// Samples of the validation split.
    pub num_valid: usize,
    /// Samples of the test split.
    pub num_test: usize,
    /// Samples of each class or label in the training split; empty where there are none.
    pub train_counts: Vec<usize>,
    /// Samples of each class or label in the validation split.
    pub valid_counts: Vec<usize>,
    /// The inferred role of each column of a table; empty for other data.
    pub columns: Vec<Column>,
    /// Where the validation split comes from, as messages show it.
    pub valid_from: String,
    /// Files, members of archives or rows that are no samples.
    pub left_out: LeftOut,
    /// Whether these are rows.
    pub of_rows: bool,
    /// Warnings about the listed files.
    pub warnings: Vec<String>,
}

/// The inferred role of a column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its role and encoding, as messages show them.
    pub role: String,
    /// Why it is not used; `None` if it is used.
    pub ignored: Option<String>,
    /// The inputs of the net that it gives.
    pub inputs: usize,
    /// Samples of the training split in which it is missing.
    pub missing: usize,
}

impl LeftOut {
    /// The samples that cannot be used, by their reasons.
    pub fn of_skipped(skipped: &[Skipped]) -> LeftOut {
        let mut left_out = LeftOut::default();
        for Skipped { name, reason } in skipped {
            left_out.add(reason, || name.clone());
        }
        left_out
    }
}

impl Skipped {
    /// A sample that an error leaves out.
    pub fn new(name: impl Into<String>, error: impl std::fmt::Display) -> Skipped {
        Skipped {
            name: name.into(),
            reason: error.to_string(),
        }
    }
}

/// A sample that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub name: String,
    /// Why, in words that follow the name.
    pub reason: String,
}

/// Progress callback of a long piece of work.
pub trait Progress: Sync {
    /// Work of `len` pieces begins.
    fn begin(&self, what: &str, len: usize);
    /// One piece is done.
    fn tick(&self);
    /// The work is done.
    fn end(&self);
}

/// Reports no progress.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: usize) {}
    fn tick(&self) {}
    fn end(&self) {}
}
