//! What a table holds, where no experiment says anything of it.

use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use super::audit::TableAudit;
use super::options::Role;
use super::reading::{Layout, TableFile};
use super::scan::{ColumnScan, listed, scan};
use super::source::plan_task;
use crate::config::{Path as Key, with_nearest};
use crate::console::Show as _;
use crate::data::audit::Audit;
use crate::data::task::Task;

/// A file that was looked through once.
pub struct Looked {
    table: TableFile,
    scans: Vec<ColumnScan>,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub struct LookedColumn {
    /// Its name.
    pub name: String,
    /// What it is taken for, and why, where that is not plain; or what speaks against anything.
    pub role: Result<(Role, &'static str), String>,
    /// Different values, where there are not too many to tell.
    pub values: Option<usize>,
    /// Rows in which it is missing.
    pub missing: usize,
}

impl Looked {
    /// Looks through a file.
    ///
    /// # Errors
    /// Why it is no table that can be read, in words that begin with its name.
    pub fn new(path: &Path) -> Result<Looked, String> {
        let table = TableFile::open(path, &Layout::default())
            .map_err(|message| format!("{} {message}", path.shown()))?;
        let scans = scan(std::slice::from_ref(&table))?;
        Ok(Looked { table, scans })
    }

    /// The file.
    pub fn path(&self) -> &PathBuf {
        &self.table.path
    }

    /// The number of rows.
    pub fn num_rows(&self) -> usize {
        self.scans.first().map_or(0, |scan| scan.rows)
    }

    /// The columns, in the file's order.
    pub fn columns(&self) -> Vec<LookedColumn> {
        let columns = self.table.columns.iter().zip(&self.scans);
        let look = |(name, scan): (&String, &ColumnScan)| {
            let infinite = scan.first_infinite.as_ref();
            let infinite = infinite.filter(|_| scan.is_numeric());
            LookedColumn {
                name: name.clone(),
                role: match infinite {
                    Some((place, field)) => Err(format!(
                        "column {name:?} is {field:?} in {place}, expected a finite number"
                    )),
                    None => scan.role(name),
                },
                values: scan.num_values(),
                missing: scan.missing,
            }
        };
        columns.map(look).collect()
    }

    /// What is to be said where the column `target` is to be predicted.
    ///
    /// # Errors
    /// A column that is not there or cannot be predicted, in words that begin with the file's name.
    pub fn task(&self, target: &str) -> Result<Task, String> {
        let (columns, path) = (&self.table.columns, self.table.path.shown());
        let Some(place) = columns.iter().position(|column| column == target) else {
            let names: Vec<&str> = columns.iter().map(String::as_str).collect();
            let message = format!(
                "{path} has no column {target:?}; it has {}",
                listed(columns)
            );
            let fault = crate::config::Fault::new(Key::parse("target"), message);
            let fault = with_nearest(fault, target, &names);
            let hint = fault.hint.map_or(String::new(), |hint| format!("; {hint}"));
            return Err(fault.message + &hint);
        };
        let names = [target.to_string()];
        let task = plan_task(None, &names, &[&self.scans[place]], &self.table.layout);
        task.map_err(|faults| {
            let messages = faults.iter().map(|fault| fault.message.clone());
            format!(
                "{path}: the target {}",
                messages.collect::<Vec<_>>().join("; ")
            )
        })
    }

    /// The audit of the file by itself, every row read once more to find those that are there twice.
    ///
    /// # Errors
    /// A file that cannot be read any more.
    pub fn audit(&self) -> Result<Audit, String> {
        let mut digests = Vec::with_capacity(self.num_rows());
        let read = self.table.for_each(|row| {
            let mut hash = Xxh3::new();
            for column in 0..self.scans.len() {
                hash.update(row.bytes(column));
                hash.update(&[0]);
            }
            digests.push(hash.digest());
            Ok(())
        });
        read.map_err(|message| format!("{} {message}", self.table.path.shown()))?;
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
                Ok((Role::Ignore, why)) => audit.ignored.push((name(), (*why).to_string())),
                Ok(_) => {}
                Err(message) => audit.unclear.push(message.clone()),
            }
        }
        Ok(Audit {
            table: Some(audit),
            ..Audit::default()
        })
    }
}
