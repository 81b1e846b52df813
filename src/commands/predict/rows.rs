//! Rows of tables: files, or a table on standard input.

use std::io::{copy, stdin};
use std::path::{Path, PathBuf};

use super::{BATCH, Sender, Subject, Work};
use crate::data::TablePreprocess;
use crate::data::table::{Row, TableFile, Tally, bind, notices};

/// Why the rest of a file is not read: nobody listens any more.
const GIVEN_UP: &str = "given up";

/// Reads the rows of each file; ends where nobody listens.
pub(super) fn prepare(files: &[PathBuf], preprocess: &TablePreprocess, sender: &Sender) {
    let encoder = preprocess.encoder();
    let names = preprocess.names();
    let tally = Tally::new(encoder.num_columns());
    for file in files {
        let sent = each_table(file, |path, name| {
            let table = TableFile::open_without(path, &preprocess.layout, &preprocess.targets)
                .map_err(|message| format!("{name}: {message}"))?;
            let columns = bind(&table, &names)?;
            send_rows(&table, name, sender, |row| {
                let mut values = vec![0.0; encoder.num_inputs()];
                let field = |column: usize| row.field(columns[column]);
                let written = encoder.write(field, &mut values, |column, treated| {
                    tally.count(column, treated);
                });
                let subject = Subject::Row(name.to_string(), row.place.line);
                (subject, written.map(|()| values))
            })
        });
        if let Err(message) = sent
            && (message == GIVEN_UP || sender.send(Ok(Work::Failed(message))).is_err())
        {
            return;
        }
    }
    if let Some(notice) = notices("the rows", &tally.treatments(preprocess)) {
        let _ = sender.send(Ok(Work::Noticed(notice))); // nobody may listen any more
    }
}

/// Gives a file's path and its name for people to `read`; a table on standard input is kept in a
/// temporary file, as it is read more than once.
pub(super) fn each_table(
    file: &Path,
    read: impl FnOnce(&Path, &str) -> Result<(), String>,
) -> Result<(), String> {
    if file.as_os_str() != "-" {
        return read(file, &file.display().to_string());
    }
    // No name that a run killed before may have left behind.
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    let name = format!("kiln-{}-{}.csv", std::process::id(), now.as_nanos());
    let path = std::env::temp_dir().join(name);
    let spool = || -> std::io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600); // nobody else's data
        copy(&mut stdin().lock(), &mut options.open(&path)?)?;
        Ok(())
    };
    let done = spool()
        .map_err(|error| format!("cannot keep standard input in {}: {error}", path.display()))
        .and_then(|()| read(&path, "-"));
    let _ = std::fs::remove_file(&path);
    done.map_err(|message| message.replace(&path.display().to_string(), "standard input"))
}

/// Sends what `prepare` makes of each row, batch after batch.
pub(super) fn send_rows(
    table: &TableFile,
    name: &str,
    sender: &Sender,
    mut prepare: impl FnMut(&Row<'_>) -> (Subject, Result<Vec<f32>, String>),
) -> Result<(), String> {
    let mut batch = Vec::with_capacity(BATCH);
    let send = |batch: &mut Vec<_>| {
        let work = Work::Prepared(std::mem::take(batch));
        sender.send(Ok(work)).map_err(|_| GIVEN_UP.to_string())
    };
    let read = table.for_each(|row| {
        batch.push(prepare(row));
        if batch.len() < BATCH {
            return Ok(());
        }
        send(&mut batch)
    });
    let read = read.map_err(|message| match message.ends_with(GIVEN_UP) {
        true => GIVEN_UP.to_string(),
        false => format!("{name}: {message}"),
    });
    if !batch.is_empty() {
        send(&mut batch)?;
    }
    read
}
