//! Texts: given on the command line, lines of standard input, text files, columns of tables.

use std::io::{BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};

use super::rows::{each_table, send_rows};
use super::{BATCH, Sender, Subject, Work};
use crate::data::TextPreprocess;
use crate::data::table::{TableFile, bind};
use crate::data::text::{TextEncoder, TextFigures, read_text, text_notices, without_bom};

/// Makes texts into tokens: those given, then those of the files; ends where nobody listens.
pub(super) fn prepare(
    files: &[PathBuf],
    texts: &[String],
    preprocess: &TextPreprocess,
    sender: &Sender,
) {
    let mut reader = Reader {
        preprocess,
        encoder: preprocess.encoder(),
        figures: TextFigures::default(),
    };
    for texts in texts.chunks(BATCH) {
        let texts = texts.iter().map(|text| {
            let subject = Subject::Text(text.clone());
            (subject, Ok(reader.tokens(text)))
        });
        if sender.send(Ok(Work::Prepared(texts.collect()))).is_err() {
            return;
        }
    }
    for file in files {
        let sent = if file.as_os_str() == "-" {
            lines(&mut reader, sender)
        } else if is_table(file, preprocess) {
            each_table(file, |path, name| {
                let table = TableFile::open_without(path, &preprocess.layout, &preprocess.targets)
                    .map_err(|message| format!("{name}: {message}"))?;
                let columns = bind(&table, &[&preprocess.text])?;
                send_rows(&table, name, sender, |row| {
                    let values = reader.tokens(&row.field(columns[0]));
                    (Subject::Row(name.to_string(), row.place.line), Ok(values))
                })
            })
        } else {
            let values = read_text(file).map(|text| reader.tokens(&text));
            let work = Work::Prepared(vec![(Subject::File(file.clone()), values)]);
            sender.send(Ok(work)).map_err(|_| String::new())
        };
        if let Err(message) = sent
            && sender.send(Ok(Work::Failed(message))).is_err()
        {
            return;
        }
    }
    for notice in text_notices("texts", &reader.figures) {
        let _ = sender.send(Ok(Work::Noticed(notice))); // nobody may listen any more
    }
}

/// Makes texts into tokens, and counts what was seen of them.
struct Reader<'a> {
    preprocess: &'a TextPreprocess,
    encoder: TextEncoder,
    figures: TextFigures,
}

impl Reader<'_> {
    /// One without a word is nothing but padding, as in training and evaluation; it is counted, and told of.
    fn tokens(&mut self, text: &str) -> Vec<f32> {
        let mut tokens = vec![0; self.preprocess.length];
        let seen = self.encoder.write(text, &mut tokens);
        self.figures.add(seen);
        tokens.into_iter().map(|token| token as f32).collect()
    }
}

/// Whether a file is to be read as the tables that the model was trained on: its name says so, or it has their
/// columns.
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

/// A text a line; each is answered before the next one comes.
fn lines(reader: &mut Reader<'_>, sender: &Sender) -> Result<(), String> {
    let mut input = BufReader::new(stdin());
    let mut batch = Vec::new();
    let (mut first, mut blank) = (true, 0);
    loop {
        let mut line = Vec::new();
        let read = input.read_until(b'\n', &mut line);
        if read.map_err(|error| format!("cannot read standard input: {error}"))? == 0 {
            if blank > 0 {
                let text = format!("{blank} empty lines of standard input have no answer");
                let _ = sender.send(Ok(Work::Noticed(text))); // nobody may listen any more
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
            let subject = Subject::Text(text.to_string());
            batch.push((subject, Ok(reader.tokens(text))));
        }
        let more = input.buffer().contains(&b'\n');
        if (batch.len() >= BATCH || !more) && !batch.is_empty() {
            let work = Work::Prepared(std::mem::take(&mut batch));
            if sender.send(Ok(work)).is_err() {
                return Ok(());
            }
        }
    }
}
