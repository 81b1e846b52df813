//! The rows of both splits: of files of their own, or a share of the training rows.

use super::open_files::open;
use super::options::Files;
use super::reader::TableFile;
use super::rows::{Rows, Targets};
use super::scan::listed;
use crate::config::Fault;
use crate::console::Show as _;
use crate::data::core::dataset::Skipped;
use crate::data::core::faults::fault;
use crate::data::core::task::Task;
use crate::data::loading::divided::{Divided, Samples};
use crate::data::loading::split_keys::{SplitKeys, SplitOff, ValidFrom};
use crate::data::table::layout::Layout;

impl Samples for Rows {
    fn count(&self) -> usize {
        self.len()
    }

    fn divide(self, chosen: &[bool]) -> [Rows; 2] {
        let others: Vec<bool> = chosen.iter().map(|chosen| !chosen).collect();
        let valid = self.filter(chosen);
        [self.retain(&others), valid]
    }
}

/// The files of the splits, and the columns to read.
pub struct RowSplits<'a> {
    /// The files of the splits.
    pub keys: &'a SplitKeys<Files>,
    /// How the files are laid out.
    pub layout: &'a Layout,
    /// The columns that are used.
    pub columns: &'a [&'a str],
    /// The columns of the targets.
    pub targets: &'a [String],
    /// The task.
    pub task: &'a Task,
}

impl RowSplits<'_> {
    /// The rows of both splits; `train` are the opened files of training.
    ///
    /// # Errors
    /// Files that cannot be read; a share that leaves no validation row.
    pub fn split(
        &self,
        train: Vec<TableFile>,
        seed: u64,
        skipped: &mut Vec<Skipped>,
    ) -> Result<Divided<Rows>, Vec<Fault>> {
        let mut index = |files: Vec<TableFile>, name: &str| {
            let targets = Targets::new(self.targets, self.task, self.layout);
            Rows::index(files, self.columns, &targets, skipped)
                .map_err(|message| fault(name, format!("is {message}")))
        };
        let train = index(train, "train")?;
        match self.keys.resolve(seed)? {
            ValidFrom::Given(files) => {
                let valid = index(open(files, "valid", self.layout)?, "valid")?;
                let from = valid.files();
                let from = from.iter().map(|path| path.shown().to_string());
                let from = from.collect::<Vec<_>>().join(", ");
                Ok(Divided::given(train, valid, from))
            }
            ValidFrom::SplitOff(split_off) => divide(train, split_off, self.task),
        }
    }
}

/// Splits a share of the rows off, of each class its share. Equal rows go to the same side.
///
/// # Errors
/// A share that leaves no validation row.
fn divide(all: Rows, split_off: SplitOff, task: &Task) -> Result<Divided<Rows>, Vec<Fault>> {
    let count = all.len();
    let sample = |rows: &Rows, index: usize| (rows.digests[index], rows.classes[index] as usize);
    let of = match task {
        Task::Classes(_) => " of each class",
        Task::MultiLabel(_) | Task::Regression(_) | Task::Heads(_) => "",
    };
    let mut divided = split_off.divide(all, sample, of);
    if divided.valid.is_empty() && count > 0 {
        let message = format!(
            "leaves no validation row of {count} rows, which are all the same or one a class"
        );
        return Err(fault("valid_fraction", message));
    }
    let counts = divided.valid.counts(task);
    let alone: Vec<String> = match task {
        Task::Classes(classes) => {
            let classes = classes.iter().zip(&counts);
            let absent = classes.filter(|(_, count)| **count == 0);
            absent.map(|(class, _)| class.clone()).collect()
        }
        Task::MultiLabel(_) | Task::Regression(_) | Task::Heads(_) => Vec::new(),
    };
    if !alone.is_empty() {
        divided.from.push_str(&format!(
            "; of {} there is one row only (or copies of one), which is trained on and not validated",
            listed(&alone)
        ));
    }
    Ok(divided)
}
