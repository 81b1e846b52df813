//! Notices about texts: repeated ones, and tokens that were cut or are unknown.

use xxhash_rust::xxh3::xxh3_64;

use super::dataset::{TextFigures, Texts};
use crate::data::table::{FilesError, TableAudit};

/// Files with the same text.
///
/// # Errors
/// A table that cannot be read any more.
pub fn audit_files(train: &Texts, valid: &Texts) -> Result<TableAudit, FilesError> {
    let digests = |texts: &Texts| -> Result<Vec<u64>, FilesError> {
        let mut digests = vec![0; texts.len()];
        texts.visit(|index, text| {
            digests[index] = xxh3_64(text.unwrap_or_default().trim().as_bytes());
        })?;
        Ok(digests)
    };
    let mut audit = TableAudit {
        rows: [train.len(), valid.len()],
        ..TableAudit::default()
    };
    let mut seen = std::collections::HashMap::new();
    for (index, digest) in digests(train)?.into_iter().enumerate() {
        audit.num_repeated += usize::from(*seen.entry(digest).or_insert(index) != index);
    }
    for (index, digest) in digests(valid)?.into_iter().enumerate() {
        if let Some(&twin) = seen.get(&digest) {
            audit.num_shared += 1;
            audit.shared.push((train.name(twin), valid.name(index)));
        }
    }
    Ok(audit)
}

/// The notices about the texts of a split.
pub fn text_notices(what: &str, figures: &TextFigures) -> Vec<String> {
    let texts = figures.texts;
    let mut notices = Vec::new();
    if figures.empty > 0 {
        notices.push(format!(
            "{} of {texts} {what} have no word: they are nothing but padding",
            figures.empty
        ));
    }
    if figures.cut > 0 {
        notices.push(format!(
            "{} of {texts} {what} are cut to data.length",
            figures.cut
        ));
    }
    if figures.unknown > 0 {
        notices.push(format!(
            "{} of {} words in {what} are not known ({:.1}%)",
            figures.unknown,
            figures.words,
            100.0 * figures.unknown as f64 / figures.words.max(1) as f64
        ));
    }
    notices
}
