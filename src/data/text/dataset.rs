//! The texts of a split: rows of tables, or files.

use std::path::PathBuf;

use thiserror::Error;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::preprocess::{Seen, TextPreprocess};
use crate::console::path_text;
use crate::data::core::batch::{SampleId, Shape};
use crate::data::core::dataset::{Dataset, SampleError, Skipped};
use crate::data::core::task::Task;
use crate::data::files::error::FileError;
use crate::data::files::read::{read_named, without_bom};
use crate::data::table::{FilesError, Rows};

/// The most bytes of a text file.
const MAX_FILE: u64 = 64 << 20;

/// The texts of a split.
#[derive(Clone, Debug)]
pub enum Texts {
    /// Rows of tables, of which the text is the first column that is used.
    Rows(Rows),
    /// Files, with the index of their class.
    Files(Vec<(PathBuf, u32)>),
}

impl Texts {
    /// The number of texts.
    pub fn len(&self) -> usize {
        match self {
            Texts::Rows(rows) => rows.len(),
            Texts::Files(files) => files.len(),
        }
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A text's name in messages.
    pub fn name(&self, index: usize) -> String {
        match self {
            Texts::Rows(rows) => rows.name(index),
            Texts::Files(files) => path_text(&files[index].0).into_owned(),
        }
    }

    /// The class of a text.
    pub fn class(&self, index: usize) -> u32 {
        match self {
            Texts::Rows(rows) => rows.classes[index],
            Texts::Files(files) => files[index].1,
        }
    }

    /// Texts of each class or label; none for regression.
    pub fn counts(&self, task: &Task) -> Vec<usize> {
        match self {
            Texts::Rows(rows) => rows.counts(task),
            Texts::Files(files) => {
                let mut counts = vec![0; task.len()];
                files
                    .iter()
                    .for_each(|(_, class)| counts[*class as usize] += 1);
                counts
            }
        }
    }

    /// The texts for which `keep` is true.
    pub fn filter(&self, keep: &[bool]) -> Texts {
        match self {
            Texts::Rows(rows) => Texts::Rows(rows.filter(keep)),
            Texts::Files(files) => {
                let kept = files.iter().zip(keep).filter(|(_, keep)| **keep);
                Texts::Files(kept.map(|(file, _)| file.clone()).collect())
            }
        }
    }

    /// Calls `each` with every text, in order, or with the error of one that cannot be read.
    ///
    /// # Errors
    /// A table that cannot be read any more.
    pub fn visit(
        &self,
        mut each: impl FnMut(usize, Result<&str, TextError>),
    ) -> Result<(), FilesError> {
        match self {
            Texts::Rows(rows) => rows.visit(|index, row, part| {
                let field = row.field(part.columns[0]);
                let missing = part.table.layout.is_missing(&field) && field.is_empty();
                each(index, if missing { Ok("") } else { Ok(&field) });
                Ok(())
            }),
            Texts::Files(files) => {
                for (index, (path, _)) in files.iter().enumerate() {
                    match read_text(path) {
                        Ok(text) => each(index, Ok(&text)),
                        Err(reason) => each(index, Err(reason)),
                    }
                }
                Ok(())
            }
        }
    }

    /// A digest of all texts and their targets.
    ///
    /// # Errors
    /// A table that cannot be read any more.
    pub fn fingerprint(&self) -> Result<String, FilesError> {
        if let Texts::Rows(rows) = self {
            return Ok(rows.fingerprint());
        }
        let mut hash = Xxh3::new();
        self.visit(|index, text| {
            hash.update(&xxh3_64(text.unwrap_or_default().as_bytes()).to_le_bytes());
            hash.update(&self.class(index).to_le_bytes());
        })?;
        Ok(format!("{:016x}", hash.digest()))
    }
}

/// Why a text file cannot be used, in words that follow its name.
#[derive(Debug, Error)]
pub enum TextError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// UTF-16.
    #[error("is UTF-16, which is not read; save it as UTF-8")]
    Utf16,
    /// Another encoding.
    #[error("is not written in UTF-8")]
    NotUtf8,
}

/// Reads a text file, without a byte-order mark.
///
/// # Errors
/// A file that cannot be read, or is too large or not in UTF-8.
pub fn read_text(path: &std::path::Path) -> Result<String, TextError> {
    let bytes = read_named(path, MAX_FILE)?;
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(TextError::Utf16);
    }
    let text = String::from_utf8(bytes).map_err(|_| TextError::NotUtf8)?;
    Ok(without_bom(&text).to_string())
}

/// The texts of a split as tokens.
pub struct TextDataset {
    texts: Texts,
    /// `[texts, length]`
    tokens: Vec<u32>,
    shape: Shape,
    length: usize,
    /// Multi-label or regression targets as the net sees them, row by row.
    targets: Vec<f32>,
    labels: bool,
}

/// Counts over the texts of a split, for notices.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextFigures {
    /// Texts.
    pub texts: usize,
    /// Texts without a word.
    pub empty: usize,
    /// Texts that are cut.
    pub cut: usize,
    /// Words.
    pub words: usize,
    /// Of them, unknown ones.
    pub unknown: usize,
}

impl TextFigures {
    /// One more text.
    pub fn add(&mut self, seen: Seen) {
        self.texts += 1;
        self.empty += usize::from(seen.words == 0);
        self.cut += usize::from(seen.cut);
        self.words += seen.words;
        self.unknown += seen.unknown;
    }
}

/// Tokenizes every text; those that cannot be read are skipped.
///
/// # Errors
/// A table that cannot be read any more.
pub fn encode(
    texts: Texts,
    preprocess: &TextPreprocess,
    task: &Task,
    tick: &dyn Fn(),
) -> Result<(TextDataset, TextFigures, Vec<Skipped>), FilesError> {
    let encoder = preprocess.encoder();
    let length = preprocess.length;
    let mut tokens = Vec::with_capacity(texts.len() * length);
    let mut row = vec![0; length];
    let mut figures = TextFigures::default();
    let mut skipped = Vec::new();
    let mut keep = vec![true; texts.len()];
    texts.visit(|index, text| {
        match text {
            Ok(text) => {
                let seen = encoder.write(text, &mut row);
                figures.add(seen);
                tokens.extend_from_slice(&row);
            }
            Err(error) => {
                keep[index] = false;
                skipped.push(Skipped::new(texts.name(index), error));
            }
        }
        tick();
    })?;
    let texts = if skipped.is_empty() {
        texts
    } else {
        texts.filter(&keep)
    };
    let dataset = TextDataset {
        shape: preprocess.shape(),
        length,
        targets: match &texts {
            Texts::Rows(rows) => rows.scaled_targets(task),
            Texts::Files(_) => Vec::new(),
        },
        labels: matches!(task, Task::MultiLabel(_)),
        texts,
        tokens,
    };
    Ok((dataset, figures, skipped))
}

impl Dataset for TextDataset {
    fn len(&self) -> usize {
        self.texts.len()
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn class(&self, index: usize) -> usize {
        self.texts.class(index) as usize
    }

    fn add_row(&self, index: usize, out: &mut Vec<f32>) {
        let width = self.targets.len() / self.len().max(1);
        out.extend(&self.targets[index * width..][..width]);
    }

    fn has_labels(&self) -> bool {
        self.labels
    }

    fn id(&self, index: usize) -> SampleId {
        index as SampleId
    }

    fn name(&self, index: usize) -> String {
        self.texts.name(index)
    }

    fn load(&self, index: usize, _: Option<u64>, out: &mut [f32]) -> Result<(), SampleError> {
        let tokens = &self.tokens[index * self.length..][..self.length];
        for (out, &token) in out.iter_mut().zip(tokens) {
            *out = token as f32;
        }
        Ok(())
    }
}
