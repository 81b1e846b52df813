//! Rows for a trained net: of files, of a table on standard input, of a table in memory.

use std::io::{Read, copy, stdin};
use std::path::Path;
use std::sync::Arc;

use super::preprocess::TablePreprocess;
use super::reader::TableFile;
use super::row::Row;
use super::scan::bind;
use super::source::labelled_rows;
use super::treatments::{Tally, notices};
use crate::console::{path_text, shown};
use crate::data::core::left_out::LeftOut;
use crate::data::core::reader::{
    BATCH, Ended, Item, Labelled, LabelledPath, Origin, Reader, Sample, Sink, Stopped, Subject,
};
use crate::storage::{Temporary, random_name};

/// Reads rows as a model's preprocessing says.
pub struct TableReader {
    /// The fitted preprocessing.
    pub preprocess: TablePreprocess,
}

impl Reader for TableReader {
    fn labelled(&self, wanted: &LabelledPath<'_>) -> Result<Labelled, String> {
        let files = [wanted.path.to_path_buf()];
        let encoded = labelled_rows(&files, &self.preprocess, wanted.task)
            .map_err(|message| format!("does not fit the model: {message}"))?;
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
                    .map_err(|message| format!("{name}: {message}"))?;
                let columns = bind(&table, &names)?;
                send_rows(&table, name, sink, |row| {
                    let mut values = vec![0.0; encoder.num_inputs()];
                    let field = |column: usize| row.field(columns[column]);
                    let written = encoder.write(field, &mut values, |column, treated| {
                        tally.count(column, treated);
                    });
                    Sample {
                        subject: Subject::Row(name.to_string(), row.place.line),
                        input: written.map(|()| values),
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
    /// What is wrong with it, in words that begin with its name.
    Table(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure::Table(message)
    }
}

impl From<Stopped> for Failure {
    fn from(_: Stopped) -> Failure {
        Failure::Stopped
    }
}

/// Gives the path of a table and its name for people to `read`, and hands its failure on. What is no file is kept in a
/// temporary one, as a table is read more than once.
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
        Err(Failure::Table(text)) => sink(Item::Failed {
            text,
            left_out: LeftOut::default(),
        }),
    }
}

/// Keeps a stream in a temporary file while it is read; messages name the stream in the file's place.
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
    let guard =
        spool().map_err(|error| format!("cannot keep {name} in {}: {error}", shown(&path)))?;
    let done = read(&path);
    guard.remove();
    done.map_err(|failure| match failure {
        Failure::Table(text) => Failure::Table(text.replace(&*path_text(&path), name)),
        Failure::Stopped => Failure::Stopped,
    })
}

/// Hands on what `prepare` makes of each row, batch after batch.
pub fn send_rows(
    table: &TableFile,
    name: &str,
    sink: &mut Sink<'_>,
    mut prepare: impl FnMut(&Row<'_>) -> Sample,
) -> Result<(), Failure> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut stopped = false;
    let read = table.for_each(|row| {
        batch.push(prepare(row));
        if batch.len() < BATCH {
            return Ok(());
        }
        stopped = sink(Item::Samples(std::mem::take(&mut batch))).is_err();
        match stopped {
            true => Err(String::new()), // ends the walk; what is said of it is `stopped`
            false => Ok(()),
        }
    });
    if stopped {
        return Err(Failure::Stopped);
    }
    if !batch.is_empty() {
        sink(Item::Samples(batch))?;
    }
    Ok(read.map_err(|message| format!("{name}: {message}"))?)
}
