//! The rows of a split as inputs of the net: cached in memory if they fit, else read again from the file.

use super::encoder::{Encoder, Treated};
use super::error::FilesError;
use super::preprocess::TablePreprocess;
use super::row::Row;
use super::row_error::RowError;
use super::rows::{Part, Rows, retain};
use super::treatments::{Tally, Treatment};
use crate::data::core::batch::{SampleId, Shape};
use crate::data::core::dataset::{Dataset, SampleError, Skipped};
use crate::data::core::task::Task;

/// The rows of a split.
pub struct TableDataset {
    rows: Rows,
    encoder: Encoder,
    /// `[rows, inputs]`; empty if rows are read from the file.
    matrix: Vec<f32>,
    /// Multi-label or regression targets as the net sees them, row by row.
    targets: Vec<f32>,
    labels: bool,
}

/// The result of reading a split once.
pub struct Encoded {
    /// The rows.
    pub dataset: TableDataset,
    /// Rows that cannot be used.
    pub skipped: Vec<Skipped>,
    /// The columns with missing or unseen values.
    pub treatments: Vec<Treatment>,
}

/// Reads every row once: into memory if all fit into `budget` bytes, else to find those that cannot be used.
///
/// # Errors
/// A file that cannot be read any more.
pub fn encode(
    mut rows: Rows,
    preprocess: &TablePreprocess,
    task: &Task,
    budget: u64,
    tick: &dyn Fn(),
) -> Result<Encoded, FilesError> {
    rows.digests = Vec::new(); // compared before, if at all
    let encoder = preprocess.encoder();
    let inputs = encoder.num_inputs();
    let bytes = (rows.len() as u64).saturating_mul(inputs as u64 * 4);
    let in_memory = bytes <= budget;
    let mut matrix = vec![0.0; if in_memory { rows.len() * inputs } else { 0 }];
    let mut scratch = vec![0.0; inputs];
    let tally = Tally::new(encoder.num_columns());
    let mut keep = vec![true; rows.len()];
    let mut skipped = Vec::new();
    rows.visit(|index, row, part| {
        let out = match in_memory {
            true => &mut matrix[index * inputs..][..inputs],
            false => &mut scratch[..],
        };
        if let Err(error) = write(&encoder, row, part, out, Some(&tally)) {
            keep[index] = false;
            skipped.push(Skipped::new(rows.name(index), error));
        }
        tick();
        Ok(())
    })?;
    let rows = match skipped.is_empty() {
        true => rows,
        false => {
            retain(&mut matrix, &keep, inputs);
            rows.retain(&keep)
        }
    };
    let targets = rows.scaled_targets(task);
    Ok(Encoded {
        dataset: TableDataset {
            labels: matches!(task, Task::MultiLabel(_)),
            targets,
            rows,
            encoder,
            matrix,
        },
        skipped,
        treatments: tally.treatments(preprocess),
    })
}

fn write(
    encoder: &Encoder,
    row: &Row<'_>,
    part: &Part,
    out: &mut [f32],
    tally: Option<&Tally>,
) -> Result<(), RowError> {
    let count = |column: usize, treated: Treated| {
        if let Some(tally) = tally {
            tally.count(column, treated);
        }
    };
    encoder.write(|column| row.field(part.columns[column]), out, count)
}

impl Dataset for TableDataset {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn shape(&self) -> Shape {
        Shape::Flat {
            features: self.encoder.num_inputs(),
        }
    }

    fn class(&self, index: usize) -> usize {
        self.rows.classes[index] as usize
    }

    fn add_row(&self, index: usize, out: &mut Vec<f32>) {
        let width = self.rows.width();
        out.extend(&self.targets[index * width..][..width]);
    }

    fn has_labels(&self) -> bool {
        self.labels
    }

    fn id(&self, index: usize) -> SampleId {
        index as SampleId
    }

    fn name(&self, index: usize) -> String {
        self.rows.name(index)
    }

    fn load(&self, index: usize, _: Option<u64>, out: &mut [f32]) -> Result<(), SampleError> {
        let inputs = out.len();
        if !self.matrix.is_empty() {
            out.copy_from_slice(&self.matrix[index * inputs..][..inputs]);
            return Ok(());
        }
        let write = |row: &Row<'_>, part: &Part| write(&self.encoder, row, part, out, None);
        Ok(self.rows.with_row(index, write)?)
    }
}
