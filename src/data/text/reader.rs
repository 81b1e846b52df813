//! Texts for a trained net: text files, folders of them, columns of tables, lines of standard input, texts in memory.

use std::io::{BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::dataset::{TextFigures, Texts, encode, read_text};
use super::folder::list_texts;
use super::notices::text_notices;
use super::preprocess::{TextEncoder, TextPreprocess};
use crate::data::core::class_names::{ClassNames, LabelError, number};
use crate::data::core::dataset::Skipped;
use crate::data::core::left_out::LeftOut;
use crate::data::core::reader::{
    BATCH, Ended, Item, Labelled, LabelledError, LabelledPath, Origin, Reader, Sample, Sink,
    Stopped, Subject,
};
use crate::data::core::task::Task;
use crate::data::files::error::ListingError;
use crate::data::files::listing::Listing;
use crate::data::files::read::without_bom;
use crate::data::table::{
    FilesError, Rows, TableFailure, TableFile, Targets, bind, each_table, send_rows,
};

/// Reads texts as a model's preprocessing says.
pub struct TextReader {
    /// The fitted preprocessing.
    pub preprocess: TextPreprocess,
}

impl Reader for TextReader {
    fn labelled(&self, wanted: &LabelledPath<'_>) -> Result<Labelled, LabelledError> {
        let (path, task, preprocess) = (wanted.path, wanted.task, &self.preprocess);
        let mut skipped = Vec::new();
        let mut left_out = LeftOut::default();
        let texts = if path.is_dir() {
            let numeric = preprocess.layout.numeric_labels == Some(true);
            let files;
            (files, left_out) = labelled_files(path, task, numeric)?;
            Texts::Files(files)
        } else {
            let rows = self.labelled_rows(path, task, &mut skipped);
            Texts::Rows(rows.map_err(LabelledTextsError::Rows)?)
        };
        let (dataset, figures, more) =
            encode(texts, preprocess, task, &|| {}).map_err(LabelledTextsError::Rows)?;
        skipped.extend(more);
        Ok(Labelled {
            notices: text_notices("texts", &figures),
            dataset: Arc::new(dataset),
            skipped,
            left_out,
            warnings: Vec::new(),
        })
    }

    fn read(&self, origins: &[Origin<'_>], sink: &mut Sink<'_>) -> Result<(), Ended> {
        let mut reading = Reading {
            preprocess: &self.preprocess,
            encoder: self.preprocess.encoder(),
            figures: TextFigures::default(),
        };
        let mut batch = Vec::new();
        for origin in origins {
            if let Origin::Memory { bytes, .. } = origin {
                let text = String::from_utf8_lossy(bytes).into_owned();
                let input = Ok(reading.tokens(&text));
                batch.push(Sample {
                    subject: Subject::Text(text),
                    input,
                });
                if batch.len() >= BATCH {
                    sink(Item::Samples(std::mem::take(&mut batch)))?;
                }
                continue;
            }
            flush(&mut batch, sink)?;
            reading.origin(*origin, sink)?;
        }
        flush(&mut batch, sink)?;
        for notice in text_notices("texts", &reading.figures) {
            sink(Item::Notice(notice))?;
        }
        Ok(())
    }
}

impl TextReader {
    fn labelled_rows(
        &self,
        path: &Path,
        task: &Task,
        skipped: &mut Vec<Skipped>,
    ) -> Result<Rows, FilesError> {
        let preprocess = &self.preprocess;
        let table = TableFile::open(path, &preprocess.layout).map_err(|error| error.of(path))?;
        let targets = Targets::new(&preprocess.targets, task, &preprocess.layout);
        Rows::index(vec![table], &[&preprocess.text], &targets, skipped)
    }
}

/// Why labelled texts do not fit the model, in words that follow the path.
#[derive(Debug, Error)]
enum LabelledTextsError {
    /// A table.
    #[error("does not fit the model: {0}")]
    Rows(FilesError),
    /// A folder that cannot be listed.
    #[error(transparent)]
    Listing(#[from] ListingError),
    /// A folder that is no class of the model.
    #[error("holds a folder whose name {0}")]
    Class(LabelError),
}

/// Text files of the model's classes, which the folder need not all have, and files that are no texts.
fn labelled_files(
    folder: &Path,
    task: &Task,
    numeric: bool,
) -> Result<(Vec<(PathBuf, u32)>, LeftOut), LabelledTextsError> {
    let Listing {
        classes,
        files,
        left_out,
    } = list_texts(folder)?;
    let known = ClassNames::new(task.classes(), numeric);
    let place = |name: &String| {
        let place = known.place(name, number(name));
        place.map_err(LabelledTextsError::Class)
    };
    let places: Result<Vec<u32>, LabelledTextsError> = classes.iter().map(place).collect();
    let places = places?;
    let files = files
        .into_iter()
        .map(|(path, class)| (folder.join(path), places[class as usize]));
    Ok((files.collect(), left_out))
}

fn flush(batch: &mut Vec<Sample>, sink: &mut Sink<'_>) -> Result<(), Stopped> {
    match batch.is_empty() {
        true => Ok(()),
        false => sink(Item::Samples(std::mem::take(batch))),
    }
}

/// Encodes texts, with counts for notices.
struct Reading<'a> {
    preprocess: &'a TextPreprocess,
    encoder: TextEncoder,
    figures: TextFigures,
}

impl Reading<'_> {
    /// A text without a word is all padding, as in training and evaluation; such texts are counted for a notice.
    fn tokens(&mut self, text: &str) -> Vec<f32> {
        let mut tokens = vec![0; self.preprocess.length];
        let seen = self.encoder.write(text, &mut tokens);
        self.figures.add(seen);
        tokens.into_iter().map(|token| token as f32).collect()
    }

    fn origin(&mut self, origin: Origin<'_>, sink: &mut Sink<'_>) -> Result<(), Stopped> {
        let Origin::Path(path) = origin else {
            return match self.lines(sink) {
                Ok(()) => Ok(()),
                Err(Ended::Stopped) => Err(Stopped),
                Err(Ended::StandardInput(error)) => sink(Item::Failed {
                    text: format!("cannot read standard input: {error}"),
                    left_out: LeftOut::default(),
                }),
            };
        };
        if !is_table(path, self.preprocess) {
            let input = match read_text(path) {
                Ok(text) => Ok(self.tokens(&text)),
                Err(error) => Err(error.into()),
            };
            let subject = Subject::File(path.to_path_buf());
            return sink(Item::Samples(vec![Sample { subject, input }]));
        }
        let preprocess = self.preprocess;
        each_table(origin, sink, |path, name, sink| {
            let table = TableFile::open_without(path, &preprocess.layout, &preprocess.targets)
                .map_err(|error| TableFailure::table(name, error))?;
            let columns = bind(&table, &[&preprocess.text]).map_err(TableFailure::Columns)?;
            send_rows(&table, name, sink, |row| Sample {
                input: Ok(self.tokens(&row.field(columns[0]))),
                subject: Subject::Row(name.to_string(), row.place.line),
            })
        })
    }

    /// One text per line of standard input; each is predicted before the next one arrives.
    fn lines(&mut self, sink: &mut Sink<'_>) -> Result<(), Ended> {
        let mut input = BufReader::new(stdin());
        let mut batch = Vec::new();
        let (mut first, mut blank) = (true, 0);
        loop {
            let mut line = Vec::new();
            let read = input.read_until(b'\n', &mut line);
            if read.map_err(Ended::StandardInput)? == 0 {
                if blank > 0 {
                    let text = format!("{blank} empty lines of standard input have no answer");
                    sink(Item::Notice(text))?;
                }
                return Ok(());
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end_matches(['\n', '\r']);
            let text = match std::mem::take(&mut first) {
                true => without_bom(text),
                false => text,
            };
            if text.is_empty() {
                blank += 1;
            } else {
                batch.push(Sample {
                    subject: Subject::Text(text.to_string()),
                    input: Ok(self.tokens(text)),
                });
            }
            let more = input.buffer().contains(&b'\n');
            if batch.len() >= BATCH || !more {
                flush(&mut batch, sink)?;
            }
        }
    }
}

/// Whether a file is read as a table like those of training: by its extension, or because it has their columns.
fn is_table(path: &Path, preprocess: &TextPreprocess) -> bool {
    let by_name = path.extension().is_some_and(|ext| {
        let tables = [
            "csv", "tsv", "tab", "data", "arff", "xlsx", "xlsb", "xls", "ods", "gz",
        ];
        tables.iter().any(|table| ext.eq_ignore_ascii_case(table))
    });
    let by_columns = || {
        let table = TableFile::open_without(path, &preprocess.layout, &preprocess.targets);
        table.is_ok_and(|table| table.columns.len() > 1 && table.columns.contains(&preprocess.text))
    };
    by_name || (path.is_file() && !preprocess.text.is_empty() && by_columns())
}
