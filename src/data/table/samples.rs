//! Rows for a trained net: of files, of a table on standard input, of a table in memory.

use std::io::{Read, copy, stdin};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::error::{FilesError, TableError};
use super::preprocess::TablePreprocess;
use super::reader::TableFile;
use super::row::Row;
use super::scan::bind;
use super::source::labelled_rows;
use super::treatments::{Tally, notices};
use crate::console::{Show as _, path_text};
use crate::data::core::left_out::LeftOut;
use crate::data::core::reader::{
    BATCH, Ended, Item, Labelled, LabelledError, LabelledPath, Origin, Reader, Sample, Sink,
    Stopped, Subject,
};
use crate::storage::{Temporary, random_name};

/// Reads rows as a model's preprocessing says.
pub struct TableReader {
    /// The fitted preprocessing.
    pub preprocess: TablePreprocess,
}

impl Reader for TableReader {
    fn labelled(&self, wanted: &LabelledPath<'_>) -> Result<Labelled, LabelledError> {
        let files = [wanted.path.to_path_buf()];
        let encoded = labelled_rows(&files, &self.preprocess, wanted.task).map_err(RowsMismatch)?;
        Ok(Labelled {
            dataset: Arc::new(encoded.dataset),
            skipped: encoded.skipped,
            left_out: LeftOut::default(),
            warnings: Vec::new(),
            notices: notices("the rows", &encoded.treatments)
                .into_iter()
                .collect(),
        })
    }

    fn read(&self, origins: &[Origin<'_>], sink: &mut Sink<'_>) -> Result<(), Ended> {
        let preprocess = &self.preprocess;
        let encoder = preprocess.encoder();
        let names = preprocess.names();
        let tally = Tally::new(encoder.num_columns());
        for origin in origins {
            each_table(*origin, sink, |path, name, sink| {
                let table = TableFile::open_without(path, &preprocess.layout, &preprocess.targets)
                    .map_err(|error| TableFailure::table(name, error))?;
                let columns = bind(&table, &names).map_err(TableFailure::Columns)?;
                send_rows(&table, name, sink, |row| {
                    let mut values = vec![0.0; encoder.num_inputs()];
                    let field = |column: usize| row.field(columns[column]);
                    let written = encoder.write(field, &mut values, |column, treated| {
                        tally.count(column, treated);
                    });
                    Sample {
                        subject: Subject::Row(name.to_string(), row.place.line),
                        input: match written {
                            Ok(()) => Ok(values),
                            Err(error) => Err(error.into()),
                        },
                    }
                })
            })?;
        }
        if let Some(notice) = notices("the rows", &tally.treatments(preprocess)) {
            sink(Item::Notice(notice))?;
        }
        Ok(())
    }
}

/// Why a table is not read to its end.
pub enum Failure {
    /// Nobody takes any more samples.
    Stopped,
    /// What is wrong with it.
    Table(TableFailure),
}

/// Why a table without labels cannot be used, in words that begin with its name.
#[derive(Debug, Error)]
pub enum TableFailure {
    /// It cannot be read.
    #[error("{name}: {error}")]
    Table {
        /// Its name in messages.
        name: String,
        /// The reason.
        error: TableError,
    },
    /// It lacks a column.
    #[error(transparent)]
    Columns(FilesError),
    /// A stream that cannot be kept while it is read.
    #[error("cannot keep {name} in {}: {error}", .path.shown())]
    Unkept {
        /// The stream.
        name: String,
        /// The temporary file.
        path: PathBuf,
        /// The reason.
        error: std::io::Error,
    },
}

impl TableFailure {
    /// A table that cannot be read.
    pub fn table(name: &str, error: TableError) -> TableFailure {
        TableFailure::Table {
            name: name.to_string(),
            error,
        }
    }

    /// Names a stream in place of the temporary file that it is kept in.
    fn of_stream(self, stream: &str) -> TableFailure {
        match self {
            TableFailure::Columns(FilesError::NoColumn { name, there, .. }) => {
                let path = PathBuf::from(stream);
                TableFailure::Columns(FilesError::NoColumn { path, name, there })
            }
            other => other,
        }
    }
}

/// Rows with labels that do not fit the model, in words that follow the path.
#[derive(Debug, Error)]
#[error("does not fit the model: {0}")]
struct RowsMismatch(FilesError);

impl From<TableFailure> for Failure {
    fn from(failure: TableFailure) -> Failure {
        Failure::Table(failure)
    }
}

impl From<Stopped> for Failure {
    fn from(_: Stopped) -> Failure {
        Failure::Stopped
    }
}

/// Calls `read` with the path of a table and its name for messages, and passes a failure to the sink. Streams are copied
/// to a temporary file, because a table is read more than once.
pub fn each_table(
    origin: Origin<'_>,
    sink: &mut Sink<'_>,
    read: impl FnOnce(&Path, &str, &mut Sink<'_>) -> Result<(), Failure>,
) -> Result<(), Stopped> {
    let done = match origin {
        Origin::Path(path) => read(path, &path_text(path), sink),
        Origin::StandardInput => from_stream(&mut stdin().lock(), "standard input", |path| {
            read(path, "-", sink)
        }),
        Origin::Memory { name, mut bytes } => {
            from_stream(&mut bytes, name, |path| read(path, name, sink))
        }
    };
    match done {
        Ok(()) => Ok(()),
        Err(Failure::Stopped) => Err(Stopped),
        Err(Failure::Table(failure)) => sink(Item::Failed {
            text: failure.to_string(),
            left_out: LeftOut::default(),
        }),
    }
}

/// Copies a stream to a temporary file while it is read; messages name the stream, not the file.
fn from_stream(
    stream: &mut dyn Read,
    name: &str,
    read: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let path = std::env::temp_dir().join(random_name("kiln-"));
    let mut spool = || -> std::io::Result<Temporary> {
        let (mut spooled, guard) = Temporary::file(&path, || {
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600); // nobody else's data
            options.open(&path)
        })?;
        match copy(stream, &mut spooled) {
            Ok(_) => Ok(guard),
            Err(error) => {
                guard.remove();
                Err(error)
            }
        }
    };
    let guard = spool().map_err(|error| TableFailure::Unkept {
        name: name.to_string(),
        path: path.clone(),
        error,
    })?;
    let done = read(&path);
    guard.remove();
    done.map_err(|failure| match failure {
        Failure::Table(failure) => Failure::Table(failure.of_stream(name)),
        Failure::Stopped => Failure::Stopped,
    })
}

/// Passes the samples that `prepare` makes of each row to the sink, in batches.
pub fn send_rows(
    table: &TableFile,
    name: &str,
    sink: &mut Sink<'_>,
    mut prepare: impl FnMut(&Row<'_>) -> Sample,
) -> Result<(), Failure> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut stopped = false;
    let read = table.walk(|row| {
        batch.push(prepare(row));
        if batch.len() < BATCH {
            return Ok(ControlFlow::Continue(()));
        }
        stopped = sink(Item::Samples(std::mem::take(&mut batch))).is_err();
        Ok(match stopped {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    });
    if stopped {
        return Err(Failure::Stopped);
    }
    if !batch.is_empty() {
        sink(Item::Samples(batch))?;
    }
    Ok(read.map_err(|error| TableFailure::table(name, error))?)
}
