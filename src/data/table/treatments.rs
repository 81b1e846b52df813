//! Counts of missing and unseen values, collected while rows are encoded and reported afterwards.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::encoder::Treated;
use super::preprocess::TablePreprocess;

/// The counts of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Treatment {
    /// The column.
    pub column: String,
    /// Fields that were missing.
    pub missing: usize,
    /// Categories that training did not have.
    pub unseen: usize,
}

/// Counts of a table's columns, from any thread.
pub struct Tally(Vec<[AtomicUsize; 2]>);

impl Tally {
    /// No field yet of so many columns.
    pub fn new(columns: usize) -> Tally {
        Tally((0..columns).map(|_| Default::default()).collect())
    }

    /// One more field of a column.
    pub fn count(&self, column: usize, treated: Treated) {
        let kind = usize::from(treated == Treated::Unseen);
        self.0[column][kind].fetch_add(1, Ordering::Relaxed);
    }

    /// The columns with such fields.
    pub fn treatments(&self, preprocess: &TablePreprocess) -> Vec<Treatment> {
        let columns = preprocess.columns.iter().zip(&self.0);
        let treatments = columns.map(|(column, [missing, unseen])| Treatment {
            column: column.name.clone(),
            missing: missing.load(Ordering::Relaxed),
            unseen: unseen.load(Ordering::Relaxed),
        });
        treatments.filter(|t| t.missing + t.unseen > 0).collect()
    }
}

/// The counts of `what`, in a sentence.
pub fn notices(what: &str, treatments: &[Treatment]) -> Option<String> {
    let say = |t: &Treatment| {
        let parts = [(t.missing, "missing"), (t.unseen, "not seen in training")];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        format!("{} {}", t.column, parts.join(", "))
    };
    let shown: Vec<String> = treatments.iter().take(10).map(say).collect();
    let more = treatments.len().saturating_sub(shown.len());
    let rest = match more {
        0 => String::new(),
        more => format!(" and {more} more columns"),
    };
    (!shown.is_empty()).then(|| format!("fields of {what} filled in: {}{rest}", shown.join("; ")))
}
