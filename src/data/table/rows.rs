//! The rows of a split: the offset and the target of each.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use super::encoder::finite_number;
use super::error::{FilesError, TableError};
use super::layout::Layout;
use super::reader::TableFile;
use super::row::{Row, RowPlace};
use super::row_error::{FieldError, RowError};
use super::scan::bind;
use crate::console::Show as _;
use crate::data::core::class_names::ClassNames;
use crate::data::core::dataset::Skipped;
use crate::data::core::task::Task;

/// One file of a split, and where it has the columns that are used.
#[derive(Debug)]
pub struct Part {
    /// The file.
    pub table: TableFile,
    /// The place of each column that is used.
    pub columns: Vec<usize>,
    /// The place of each target.
    pub targets: Vec<usize>,
}

/// The rows of a split. Each takes 28 bytes, and 8 more for each multi-label or regression target.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The files.
    pub parts: Arc<Vec<Part>>,
    /// The number of rows up to the end of each file.
    ends: Vec<usize>,
    /// Where each row lies in its file, in the files' order.
    places: Vec<RowPlace>,
    /// The class of each row; 0 where there are no classes.
    pub classes: Vec<u32>,
    /// The multi-label or regression targets of each row, in the units of the data; with heads, also class indices.
    pub numbers: Vec<f64>,
    /// A digest of the fields that are used and of the targets, of each row; empty once they were compared.
    pub digests: Vec<u64>,
}

/// Rows of a file after which the total is estimated, to allocate once instead of doubling.
const GUESS_AFTER: usize = 4096;

/// Parses the targets of rows.
pub struct Targets<'a> {
    /// The columns.
    pub names: &'a [String],
    /// The task.
    pub task: &'a Task,
    /// The kind of each.
    kinds: Vec<Kind<'a>>,
}

/// The kind of a target column.
enum Kind<'a> {
    /// One of these classes.
    Class(ClassNames<'a>),
    /// 0 or 1.
    Label,
    /// A number.
    Number,
}

impl Kind<'_> {
    /// Of each column of a task. `numeric`: classes are compared as numbers.
    fn of(task: &Task, numeric: bool) -> Vec<Kind<'_>> {
        match task {
            Task::Classes(classes) => vec![Kind::Class(ClassNames::new(classes, numeric))],
            Task::MultiLabel(labels) => labels.iter().map(|_| Kind::Label).collect(),
            Task::Regression(outputs) => outputs.iter().map(|_| Kind::Number).collect(),
            Task::Heads(heads) => {
                let kinds = heads.iter().flat_map(|head| Kind::of(&head.task, numeric));
                kinds.collect()
            }
        }
    }
}

impl<'a> Targets<'a> {
    /// Those of a task, in tables of this layout.
    pub fn new(names: &'a [String], task: &'a Task, layout: &Layout) -> Targets<'a> {
        Targets {
            names,
            task,
            kinds: Kind::of(task, layout.has_numeric_labels()),
        }
    }

    /// Of one row: its class, and its labels or numbers, among them the classes of heads; `None` if a
    /// target is missing.
    fn read(
        &self,
        row: &Row<'_>,
        part: &Part,
        numbers: &mut Vec<f64>,
    ) -> Result<Option<u32>, RowError> {
        let layout = &part.table.layout;
        let before = numbers.len();
        let mut only = 0;
        let columns = self.names.iter().zip(&self.kinds).zip(&part.targets);
        for ((name, kind), &column) in columns {
            let field = row.field(column);
            let wrong = |error: FieldError| RowError::Target {
                column: name.clone(),
                error,
            };
            if layout.is_missing_in(name, &field) {
                numbers.truncate(before);
                return Ok(None);
            }
            match kind {
                Kind::Class(classes) => {
                    let class = classes
                        .place(&field, layout.number(&field))
                        .map_err(|error| wrong(error.into()))?;
                    match self.task {
                        Task::Heads(_) => numbers.push(f64::from(class)),
                        _ => only = class,
                    }
                }
                Kind::Label => {
                    let label =
                        label(&field).ok_or_else(|| wrong(FieldError::Flag(field.to_string())))?;
                    numbers.push(label);
                }
                Kind::Number => {
                    numbers.push(finite_number(layout, name, &field).map_err(wrong)?);
                }
            }
        }
        Ok(Some(only))
    }
}

/// The class name of a field: the field itself; if classes are numbers, "1" for "1.0".
pub fn class_name<'a>(field: &'a str, layout: &Layout) -> Cow<'a, str> {
    let number = layout.has_numeric_labels().then(|| layout.number(field));
    match number.flatten() {
        Some(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
            Cow::Owned(format!("{:.0}", number + 0.0)) // not -0
        }
        _ => Cow::Borrowed(field),
    }
}

/// Parses a label: 0 or 1.
pub fn label(field: &str) -> Option<f64> {
    match field.to_ascii_lowercase().as_str() {
        "0" | "0.0" | "false" | "no" => Some(0.0),
        "1" | "1.0" | "true" | "yes" => Some(1.0),
        _ => None,
    }
}

impl Rows {
    /// Indexes the rows of files; rows without a target are skipped, by name.
    ///
    /// # Errors
    /// A file without a column that is used; a ragged row; a target that is of no use.
    pub fn index(
        files: Vec<TableFile>,
        used: &[&str],
        targets: &Targets<'_>,
        skipped: &mut Vec<Skipped>,
    ) -> Result<Rows, FilesError> {
        let mut parts = Vec::new();
        for table in files {
            parts.push(Part {
                columns: bind(&table, used)?,
                targets: bind(&table, targets.names)?,
                table,
            });
        }
        let mut all = Rows {
            parts: Arc::new(Vec::new()),
            ends: Vec::new(),
            places: Vec::new(),
            classes: Vec::new(),
            numbers: Vec::new(),
            digests: Vec::new(),
        };
        for part in &parts {
            let path = part.table.path.shown();
            let before = all.len();
            let size = part.table.size();
            let each = part.table.for_each(|row| {
                if all.len() == before + GUESS_AFTER {
                    let guess = size as f64 / row.place.begin as f64 * GUESS_AFTER as f64;
                    all.reserve((1.01 * guess) as usize, targets);
                }
                match targets.read(row, part, &mut all.numbers)? {
                    None => skipped.push(Skipped {
                        name: format!("{path}, line {}", row.place.line),
                        reason: "has no target".into(),
                    }),
                    Some(class) => {
                        all.places.push(row.place);
                        all.classes.push(class);
                        all.digests.push(digest(row, part));
                    }
                }
                Ok(())
            });
            each.map_err(|error| error.of(&part.table.path))?;
            all.ends.push(all.len());
        }
        all.parts = Arc::new(parts);
        Ok(all)
    }

    fn reserve(&mut self, more: usize, targets: &Targets<'_>) {
        self.places.reserve_exact(more);
        self.classes.reserve_exact(more);
        self.digests.reserve_exact(more);
        if targets.task.classes().is_empty() {
            self.numbers.reserve_exact(more * targets.names.len());
        }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// The file of a row.
    fn part(&self, index: usize) -> &Part {
        &self.parts[self.ends.partition_point(|&end| end <= index)]
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Multi-label or regression targets per row.
    pub fn width(&self) -> usize {
        self.numbers.len() / self.len().max(1)
    }

    /// A row's name, as messages show it.
    pub fn name(&self, index: usize) -> String {
        let name = self.part(index).table.name();
        format!("{name}, line {}", self.places[index].line)
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
            ends: kept_ends(&self.ends, keep),
            places: kept().map(|index| self.places[index]).collect(),
            classes: kept().map(|index| self.classes[index]).collect(),
            numbers: kept()
                .flat_map(|index| self.numbers[index * width..][..width].iter().copied())
                .collect(),
            digests: match self.digests.is_empty() {
                true => Vec::new(),
                false => kept().map(|index| self.digests[index]).collect(),
            },
        }
    }

    /// Leaves the rows for which `keep` is true, without a copy of all.
    pub fn retain(mut self, keep: &[bool]) -> Rows {
        let width = self.width().max(1);
        self.ends = kept_ends(&self.ends, keep);
        retain(&mut self.places, keep, 1);
        retain(&mut self.classes, keep, 1);
        retain(&mut self.numbers, keep, width);
        retain(&mut self.digests, keep, 1);
        self
    }

    /// Rows of each class, or of each label those in which it is 1; none for regression and heads.
    pub fn counts(&self, task: &Task) -> Vec<usize> {
        let mut counts = vec![0; task.len()];
        match task {
            Task::Classes(_) => {
                for &class in &self.classes {
                    counts[class as usize] += 1;
                }
            }
            Task::MultiLabel(_) => {
                for row in self.numbers.chunks_exact(counts.len().max(1)) {
                    for (count, label) in counts.iter_mut().zip(row) {
                        *count += usize::from(*label > 0.5);
                    }
                }
            }
            Task::Regression(_) | Task::Heads(_) => counts.clear(),
        }
        counts
    }

    /// Calls `each` with every row of the split, reading each file once from its beginning.
    ///
    /// # Errors
    /// A file that cannot be read any more; what `each` finds.
    pub fn visit(
        &self,
        mut each: impl FnMut(usize, &Row<'_>, &Part) -> Result<(), RowError>,
    ) -> Result<(), FilesError> {
        let mut next = 0;
        for (number, part) in self.parts.iter().enumerate() {
            let walked = part.table.for_each(|row| {
                if next < self.ends[number] && self.places[next] == row.place {
                    each(next, row, part)?;
                    next += 1;
                }
                Ok(())
            });
            walked.map_err(|error| error.of(&part.table.path))?;
        }
        if next < self.len() {
            let first = self.files().first().cloned().unwrap_or_default();
            return Err(TableError::Changed.of(&first));
        }
        Ok(())
    }

    /// Multi-label and regression targets as the net sees them, row by row.
    pub fn scaled_targets(&self, task: &Task) -> Vec<f32> {
        let scales = task.target_scales();
        let numbers = self.numbers.chunks_exact(scales.len().max(1));
        let scaled = numbers.flat_map(|row| {
            let pairs = row.iter().zip(&scales);
            pairs.map(|(number, scale)| match scale {
                Some(output) => ((number - output.mean) / output.std) as f32,
                None => *number as f32,
            })
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
    /// Why it cannot be used.
    pub fn with_row<T>(
        &self,
        index: usize,
        each: impl FnOnce(&Row<'_>, &Part) -> Result<T, RowError>,
    ) -> Result<T, TableError> {
        let part = self.part(index);
        let owned = part.table.read(self.places[index])?;
        Ok(each(&owned.row(), part)?)
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

fn kept_ends(ends: &[usize], keep: &[bool]) -> Vec<usize> {
    let (mut begin, mut count) = (0, 0);
    let ends = ends.iter().map(|&end| {
        count += keep[begin..end].iter().filter(|keep| **keep).count();
        begin = end;
        count
    });
    ends.collect()
}

/// Keeps those items, `width` of a row, whose row is to be kept; an empty list stays empty.
pub fn retain<T: Copy>(items: &mut Vec<T>, keep: &[bool], width: usize) {
    if items.is_empty() {
        return;
    }
    let mut to = 0;
    for (from, _) in keep.iter().enumerate().filter(|(_, keep)| **keep) {
        items.copy_within(from * width..(from + 1) * width, to * width);
        to += 1;
    }
    items.truncate(to * width);
}

fn digest(row: &Row<'_>, part: &Part) -> u64 {
    let mut hash = Xxh3::new();
    for &column in part.columns.iter().chain(&part.targets) {
        hash.update(row.bytes(column));
        hash.update(&[0]);
    }
    hash.digest()
}
