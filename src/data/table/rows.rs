//! The rows of a split: where each lies, and what is to be predicted of it.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use super::fitted::finite_number;
use super::reading::{Layout, Row, RowPlace, TableFile};
use super::scan::{bind, listed};
use crate::data::dataset::Skipped;
use crate::data::task::Task;

/// One file of a split, and where it has the columns that are used.
#[derive(Debug)]
pub struct Part {
    /// The file.
    pub table: TableFile,
    /// The place of each column that is used.
    pub columns: Vec<usize>,
    /// The place of each target.
    pub targets: Vec<usize>,
    /// Open, to read rows by their place.
    file: File,
}

/// Where a row lies.
#[derive(Clone, Copy, Debug)]
pub struct RowRef {
    /// The index of the file.
    pub part: u16,
    /// Within it.
    pub place: RowPlace,
}

/// The rows of a split. Each takes some 40 bytes, whatever it holds.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The files.
    pub parts: Arc<Vec<Part>>,
    /// In the files' order.
    pub rows: Vec<RowRef>,
    /// The class of each row; 0 where there are no classes.
    pub classes: Vec<u32>,
    /// The labels or numbers of each row, in the units of the data.
    pub numbers: Vec<f64>,
    /// A digest of the fields that are used and of the targets, of each row.
    pub digests: Vec<u64>,
}

/// What the targets of rows are looked up in.
pub struct Targets<'a> {
    /// The columns.
    pub names: &'a [String],
    /// What they are.
    pub task: &'a Task,
    classes: HashMap<&'a str, u32>,
}

impl<'a> Targets<'a> {
    /// Those of a task.
    pub fn new(names: &'a [String], task: &'a Task) -> Targets<'a> {
        let numbered = task.classes().iter().zip(0..);
        let classes = numbered.map(|(name, index)| (name.as_str(), index));
        Targets {
            names,
            task,
            classes: classes.collect(),
        }
    }

    /// Of one row: its class, and its labels or numbers; `None` where a target is missing.
    fn read(
        &self,
        row: &Row<'_>,
        part: &Part,
        numbers: &mut Vec<f64>,
    ) -> Result<Option<u32>, String> {
        let layout = &part.table.layout;
        let before = numbers.len();
        for (name, &column) in self.names.iter().zip(&part.targets) {
            let field = row.field(column);
            let wrong = |message: String| format!("target {name:?} {message}");
            if layout.is_missing(&field) {
                numbers.truncate(before);
                return Ok(None);
            }
            match self.task {
                Task::Classes(classes) => {
                    let name = class_name(&field, layout);
                    return match self.classes.get(&*name) {
                        Some(&class) => Ok(Some(class)),
                        None => Err(wrong(format!(
                            "is {field:?}, expected one of the classes {}",
                            listed(classes)
                        ))),
                    };
                }
                Task::Labels(_) => {
                    let label = label(&field)
                        .ok_or_else(|| wrong(format!("is {field:?}, expected a label: 0 or 1")))?;
                    numbers.push(label);
                }
                Task::Numbers(_) => {
                    numbers.push(finite_number(layout, &field).map_err(wrong)?);
                }
            }
        }
        Ok(Some(0))
    }
}

/// The name of the class that a field stands for: 1 and 1.0 are the same.
pub fn class_name(field: &str, layout: &Layout) -> String {
    match layout.number(field) {
        Some(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        _ => field.to_string(),
    }
}

/// Whether a label holds: 0 or 1.
pub fn label(field: &str) -> Option<f64> {
    match field.to_ascii_lowercase().as_str() {
        "0" | "0.0" | "false" | "no" => Some(0.0),
        "1" | "1.0" | "true" | "yes" => Some(1.0),
        _ => None,
    }
}

impl Rows {
    /// Looks through files; rows without a target are left out, by name.
    ///
    /// # Errors
    /// A file without a column that is used; a ragged row; a target that is of no use. In words that
    /// begin with the file's name.
    pub fn index(
        files: Vec<TableFile>,
        used: &[&str],
        targets: &Targets<'_>,
        skipped: &mut Vec<Skipped>,
    ) -> Result<Rows, String> {
        let mut parts = Vec::new();
        for table in files {
            let file = File::open(&table.path)
                .map_err(|error| format!("{} cannot be read: {error}", table.path.display()))?;
            parts.push(Part {
                columns: bind(&table, used)?,
                targets: bind(&table, targets.names)?,
                table,
                file,
            });
        }
        let mut all = Rows {
            parts: Arc::new(Vec::new()),
            rows: Vec::new(),
            classes: Vec::new(),
            numbers: Vec::new(),
            digests: Vec::new(),
        };
        for (number, part) in parts.iter().enumerate() {
            let path = part.table.path.display();
            let each = part.table.for_each(|row| {
                match targets.read(row, part, &mut all.numbers)? {
                    None => skipped.push(Skipped {
                        name: format!("{path}, line {}", row.place.line),
                        reason: "has no target".into(),
                    }),
                    Some(class) => {
                        all.rows.push(RowRef {
                            part: number as u16,
                            place: row.place,
                        });
                        all.classes.push(class);
                        all.digests.push(digest(row, part));
                    }
                }
                Ok(())
            });
            each.map_err(|message| format!("{path} {message}"))?;
        }
        all.parts = Arc::new(parts);
        Ok(all)
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Labels or numbers a row.
    pub fn width(&self) -> usize {
        self.numbers.len() / self.len().max(1)
    }

    /// A row's name, for people.
    pub fn name(&self, index: usize) -> String {
        let row = self.rows[index];
        let name = self.parts[usize::from(row.part)].table.name();
        format!("{name}, line {}", row.place.line)
    }

    /// The rows for which `keep` is true.
    pub fn filter(&self, keep: &[bool]) -> Rows {
        let kept = || {
            let numbered = keep.iter().enumerate();
            numbered.filter(|(_, keep)| **keep).map(|(index, _)| index)
        };
        let width = self.width();
        Rows {
            parts: self.parts.clone(),
            rows: kept().map(|index| self.rows[index]).collect(),
            classes: kept().map(|index| self.classes[index]).collect(),
            numbers: kept()
                .flat_map(|index| self.numbers[index * width..][..width].iter().copied())
                .collect(),
            digests: kept().map(|index| self.digests[index]).collect(),
        }
    }

    /// Rows of each class, or of each label those in which it holds; none of numbers.
    pub fn counts(&self, task: &Task) -> Vec<usize> {
        let mut counts = vec![0; task.len()];
        match task {
            Task::Classes(_) => {
                for &class in &self.classes {
                    counts[class as usize] += 1;
                }
            }
            Task::Labels(_) => {
                for row in self.numbers.chunks_exact(counts.len().max(1)) {
                    for (count, label) in counts.iter_mut().zip(row) {
                        *count += usize::from(*label > 0.5);
                    }
                }
            }
            Task::Numbers(_) => counts.clear(),
        }
        counts
    }

    /// Calls `each` with every row of the split, reading each file once from its beginning.
    ///
    /// # Errors
    /// A file that cannot be read any more; what `each` says. In words that begin with the file's name.
    pub fn visit(
        &self,
        mut each: impl FnMut(usize, &Row<'_>, &Part) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut next = 0;
        for (number, part) in self.parts.iter().enumerate() {
            let walked = part.table.for_each(|row| {
                let expected = self.rows.get(next);
                let expected = expected.filter(|expected| {
                    usize::from(expected.part) == number && expected.place == row.place
                });
                if expected.is_some() {
                    each(next, row, part)?;
                    next += 1;
                }
                Ok(())
            });
            walked.map_err(|message| format!("{} {message}", part.table.path.display()))?;
        }
        if next < self.len() {
            return Err(format!(
                "{} has changed since it was looked through",
                self.files().first().cloned().unwrap_or_default().display()
            ));
        }
        Ok(())
    }

    /// Labels and numbers as the net sees them, row by row.
    pub fn scaled_targets(&self, task: &Task) -> Vec<f32> {
        let Task::Numbers(outputs) = task else {
            return self.numbers.iter().map(|&label| label as f32).collect();
        };
        let numbers = self.numbers.chunks_exact(outputs.len().max(1));
        let scaled = numbers.flat_map(|row| {
            let pairs = row.iter().zip(outputs);
            pairs.map(|(number, output)| ((number - output.mean) / output.std) as f32)
        });
        scaled.collect()
    }

    /// The files.
    pub fn files(&self) -> Vec<PathBuf> {
        let parts = self.parts.iter();
        parts.map(|part| part.table.path.clone()).collect()
    }

    /// Reads one row by its place and gives it to `each`.
    ///
    /// # Errors
    /// Why it cannot be used, in words that follow its name.
    pub fn with_row<T>(
        &self,
        index: usize,
        each: impl FnOnce(&Row<'_>, &Part) -> Result<T, String>,
    ) -> Result<T, String> {
        let row = self.rows[index];
        let part = &self.parts[usize::from(row.part)];
        let owned = part.table.read(&part.file, row.place)?;
        each(&owned.row(), part)
    }

    /// A digest of all rows, in order.
    pub fn fingerprint(&self) -> String {
        let mut hash = Xxh3::new();
        for digest in &self.digests {
            hash.update(&digest.to_le_bytes());
        }
        format!("{:016x}", hash.digest())
    }
}

fn digest(row: &Row<'_>, part: &Part) -> u64 {
    let mut hash = Xxh3::new();
    for &column in part.columns.iter().chain(&part.targets) {
        hash.update(row.bytes(column));
        hash.update(&[0]);
    }
    hash.digest()
}
