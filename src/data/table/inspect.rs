//! Inspects a table without an experiment: its layout, columns, and task.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use thiserror::Error;
use xxhash_rust::xxh3::Xxh3;

use super::column_scan::ColumnScan;
use super::error::FilesError;
use super::formats::Format;
use super::guess::{Guess, guess};
use super::hints::{Hint, copies, identifiers};
use super::inspected::{InspectedColumn, UnclearColumn};
use super::layout::Layout;
use super::options::{Role, TaskKind};
use super::plan_task::plan_task;
use super::reader::TableFile;
use super::scan::{infer_formats, listed, scan};
use crate::config::{Fault, Path as Key, with_nearest};
use crate::console::Show as _;
use crate::data::audit::{Audit, TableAudit};
use crate::data::core::task::Task;

/// Why a column cannot be predicted, in words that begin with the file's name.
#[derive(Debug, Error)]
pub enum TargetError {
    /// It is not there.
    #[error(
        "{} has no column {target:?}; it has {there}{}",
        .path.shown(), .hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"))
    )]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        target: String,
        /// The columns that there are.
        there: String,
        /// The one that may be meant.
        hint: Option<String>,
    },
    /// It holds dates.
    #[error(
        "{}: the target {target:?} holds dates, which are not predicted; choose another with --target, or \
         write what is to be said of them (a number, a class) into a column",
        .path.shown()
    )]
    Dates {
        /// The file.
        path: PathBuf,
        /// The column.
        target: String,
    },
    /// Its values fit no task.
    #[error("{}: the target {}", .path.shown(), messages(.faults))]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        faults: Vec<Fault>,
    },
}

fn messages(faults: &[Fault]) -> String {
    let messages: Vec<&str> = faults.iter().map(|fault| &*fault.message).collect();
    messages.join("; ")
}

/// Files that were scanned once.
pub struct InspectedTable {
    tables: Vec<TableFile>,
    scans: Vec<ColumnScan>,
    notes: Vec<String>,
}

impl InspectedTable {
    /// Scans a file.
    ///
    /// # Errors
    /// Why it is no table that can be read.
    pub fn new(path: &Path) -> Result<InspectedTable, FilesError> {
        InspectedTable::with(&[path.to_path_buf()], &Layout::default(), &BTreeSet::new())
    }

    /// Scans files of one table. Keys of the layout that are not in `given` are inferred from the first file.
    ///
    /// # Errors
    /// As [`InspectedTable::new`].
    pub fn with(
        paths: &[PathBuf],
        layout: &Layout,
        given: &BTreeSet<String>,
    ) -> Result<InspectedTable, FilesError> {
        let first = &paths[0];
        let Guess { layout, notes } =
            guess(first, &layout.settled(), given).map_err(|error| error.of(first))?;
        let open = |path: &PathBuf| TableFile::open(path, &layout).map_err(|error| error.of(path));
        let tables: Result<Vec<TableFile>, FilesError> = paths.iter().map(open).collect();
        let mut tables = tables?;
        let mut scans = scan(&tables)?;
        let formats = infer_formats(&tables[0], &scans, |_| Some(true));
        let missing = match given.contains("missing") || given.contains("missing_in") {
            true => BTreeMap::new(),
            false => missing_words(&tables[0], &scans, &formats),
        };
        if !formats.is_empty() || !missing.is_empty() {
            for table in &mut tables {
                table.layout.formats.extend(formats.clone());
                table.layout.missing_in.extend(missing.clone());
            }
            scans = scan(&tables)?;
        }
        let notes = notes
            .iter()
            .map(|note| format!("{} {note}", first.shown()))
            .collect();
        let mut looked = InspectedTable {
            tables,
            scans,
            notes,
        };
        looked.note_columns();
        Ok(looked)
    }

    /// Adds a note for each column with a special format.
    fn note_columns(&mut self) {
        let layout = self.layout().clone();
        for (name, scan) in self.table().columns.clone().iter().zip(&self.scans.clone()) {
            if let Some(format) = layout.formats.get(name) {
                let unread = match scan.unread {
                    0 => String::new(),
                    count => format!("; {count} fields are not, and count as missing"),
                };
                let open = match scan.is_date && scan.tally.is_open() {
                    true => {
                        "; no day is beyond 12, so day and month may be the other way round: \
                         --set data.formats says it"
                    }
                    false => "",
                };
                let what = if scan.is_date { "dates" } else { "numbers" };
                let text = String::from(format.clone());
                self.notes
                    .push(format!("{name}: {what}, written {text}{unread}{open}"));
            }
            if let Some(words) = layout.missing_in.get(name) {
                let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
                self.notes.push(format!(
                    "{name}: {} stands for a missing value",
                    words.join(" or ")
                ));
            }
        }
    }

    fn table(&self) -> &TableFile {
        &self.tables[0]
    }

    /// How the files are laid out.
    pub fn layout(&self) -> &Layout {
        &self.table().layout
    }

    /// The notes about what is special.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether the kind of file marks a column as one of classes.
    pub fn is_nominal(&self, column: &str) -> bool {
        self.table().nominal.iter().any(|name| name == column)
    }

    /// Rows of each value of a column; empty if there are too many distinct values.
    pub fn counts(&self, column: &str) -> Vec<usize> {
        let columns = self.table().columns.iter().zip(&self.scans);
        let scan = columns
            .filter(|(name, _)| *name == column)
            .map(|(_, scan)| scan)
            .next();
        let values = scan.and_then(|scan| scan.values.as_ref());
        values.map_or(Vec::new(), |values| values.values().copied().collect())
    }

    /// The number of rows.
    pub fn num_rows(&self) -> usize {
        self.scans.first().map_or(0, |scan| scan.rows)
    }

    /// The column that a user means: a name, a number from 1 on, or "last"; of a table without a header, also a value
    /// that one column alone holds.
    pub fn column(&self, said: &str) -> Option<&String> {
        let columns = &self.table().columns;
        let named = columns.iter().find(|name| *name == said);
        let numbered = || {
            said.parse::<usize>()
                .ok()?
                .checked_sub(1)
                .and_then(|index| columns.get(index))
        };
        let last = || columns.last().filter(|_| said == "last");
        let holding = || {
            let holds = |scan: &ColumnScan| {
                scan.values
                    .as_ref()
                    .is_some_and(|values| values.contains_key(said))
            };
            let scans = columns
                .iter()
                .zip(&self.scans)
                .filter(|_| !self.table().has_header());
            let mut holding = scans.filter(|(_, scan)| holds(scan));
            match (holding.next(), holding.next()) {
                (Some((name, _)), None) => Some(name),
                _ => None,
            }
        };
        named.or_else(numbered).or_else(last).or_else(holding)
    }

    /// Hints at columns to leave out when predicting `target`.
    ///
    /// # Errors
    /// A file that cannot be read any more.
    pub fn hints(&self, target: &str, task: &Task) -> Result<Vec<Hint>, FilesError> {
        let columns = self.columns().into_iter().map(|column| {
            let role = column.role.map_or(Role::Ignore, |(role, _)| role);
            (column.name, role)
        });
        let columns: Vec<(String, Role)> = columns.collect();
        let mut hints = identifiers(&columns, &self.scans, target);
        let copied = copies(self.table(), &columns, &self.scans, target, task)
            .map_err(|error| error.of(&self.table().path))?;
        let known =
            |hint: &Hint| hint.leave_out && hints.iter().any(|other| other.columns == hint.columns);
        let more: Vec<Hint> = copied.into_iter().filter(|hint| !known(hint)).collect();
        hints.extend(more);
        Ok(hints)
    }

    /// The columns, in the file's order.
    pub fn columns(&self) -> Vec<InspectedColumn> {
        let columns = self.table().columns.iter().zip(&self.scans);
        let look = |(name, scan): (&String, &ColumnScan)| {
            let infinite = scan.first_infinite.as_ref();
            let infinite = infinite.filter(|_| scan.is_numeric());
            let nominal =
                self.is_nominal(name) && scan.present() > 0 && scan.num_values() != Some(1);
            InspectedColumn {
                name: name.clone(),
                role: match infinite {
                    Some((place, field)) => Err(UnclearColumn::NotFinite {
                        name: name.clone(),
                        field: field.clone(),
                        place: place.clone(),
                    }),
                    None if nominal => Ok((Role::Category, String::new())),
                    None => scan.role(name).map(|(role, why)| (role, why.to_string())),
                },
                values: scan.num_values(),
                missing: scan.missing,
                format: self
                    .layout()
                    .formats
                    .get(name)
                    .map(|format| String::from(format.clone())),
                spaceless: scan.is_spaceless(),
                may_be_text: !scan.is_numeric()
                    && scan.words_per_text() >= 2.0
                    && (scan.all_different()
                        || scan
                            .num_values()
                            .is_none_or(|count| 2 * count > scan.present())),
            }
        };
        columns.map(look).collect()
    }

    /// Hints for predicting the column `target`.
    ///
    /// # Errors
    /// A column that is not there or cannot be predicted.
    pub fn task(&self, target: &str) -> Result<Task, TargetError> {
        let (columns, path) = (&self.table().columns, self.table().path.clone());
        let Some(place) = columns.iter().position(|column| column == target) else {
            let names: Vec<&str> = columns.iter().map(String::as_str).collect();
            let fault = Fault::new(Key::parse("target"), String::new());
            return Err(TargetError::NoColumn {
                path,
                target: target.to_string(),
                there: listed(columns),
                hint: with_nearest(fault, target, &names).hint,
            });
        };
        let names = [target.to_string()];
        if self.scans[place].is_date {
            let target = target.to_string();
            return Err(TargetError::Dates { path, target });
        }
        let kind = self.is_nominal(target).then_some(TaskKind::Classification);
        let task = plan_task(kind, &names, &[&self.scans[place]], self.layout());
        task.map_err(|faults| TargetError::Unfit { path, faults })
    }

    /// The audit of the file alone, with a pass over all rows to find duplicates.
    ///
    /// # Errors
    /// A file that cannot be read any more.
    pub fn audit(&self) -> Result<Audit, FilesError> {
        let mut digests = Vec::with_capacity(self.num_rows());
        for table in &self.tables {
            let read = table.for_each(|row| {
                let mut hash = Xxh3::new();
                for column in 0..self.scans.len() {
                    hash.update(row.bytes(column));
                    hash.update(&[0]);
                }
                digests.push(hash.digest());
                Ok(())
            });
            read.map_err(|error| error.of(&table.path))?;
        }
        digests.sort_unstable();
        let repeated = digests.windows(2).filter(|pair| pair[0] == pair[1]).count();
        let mut audit = TableAudit {
            rows: [self.num_rows(), 0],
            num_repeated: repeated,
            columns: self.columns(),
            ..TableAudit::default()
        };
        for column in &audit.columns {
            let name = || column.name.clone();
            if column.missing > 0 {
                let share = column.missing as f64 / self.num_rows().max(1) as f64;
                audit.missing.push((name(), share));
            }
            match &column.role {
                Ok((Role::Ignore, why)) => audit.ignored.push((name(), why.clone())),
                Ok(_) => {}
                Err(unclear) => audit.unclear.push(unclear.to_string()),
            }
        }
        Ok(Audit {
            table: Some(audit),
            ..Audit::default()
        })
    }
}

/// Words that stand for missing values in columns of which all else is numbers or dates.
fn missing_words(
    table: &TableFile,
    scans: &[ColumnScan],
    formats: &BTreeMap<String, Format>,
) -> BTreeMap<String, Vec<String>> {
    let columns = table.columns.iter().zip(scans);
    let words = columns.map(|(name, scan)| {
        let missing = scan.tally.missing(scan.numbers, formats.contains_key(name));
        (name.clone(), missing)
    });
    words.filter(|(_, words)| !words.is_empty()).collect()
}
