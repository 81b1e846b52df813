//! `kiln predict`

mod pictures;
mod rows;
mod texts;

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};

use super::take_device;
use crate::cli::PredictArgs;
use crate::data::{HostBatch, Preprocessor, Task};
use crate::model::ModelFile;

/// Samples of one forward pass.
const BATCH: usize = 32;
/// Batches that are prepared while one is computed.
const AHEAD: usize = 1;

pub fn run(args: PredictArgs) -> anyhow::Result<u8> {
    let device = take_device(args.device, true)?;
    let model = ModelFile::open(&args.model, &device.device)?;
    let preprocess = model.info.preprocess.clone();
    if !args.texts.is_empty() && !matches!(preprocess, Preprocessor::Text(_)) {
        bail!(
            "--text is for models of texts; {} is none",
            args.model.display()
        );
    }
    let (sender, receiver) = sync_channel(AHEAD);
    let (files, texts) = (args.files.clone(), args.texts.clone());
    let shape = preprocess.shape();
    // Not joined: it may be waiting for standard input when nobody reads the answers any more.
    std::thread::spawn(move || match preprocess {
        Preprocessor::Image(image) => pictures::prepare(&files, &image, &sender),
        Preprocessor::Table(table) => rows::prepare(&files, &table, &sender),
        Preprocessor::Text(text) => texts::prepare(&files, &texts, &text, &sender),
    });
    let mut failures = 0;
    for work in receiver {
        let prepared = match work? {
            Work::Prepared(prepared) => prepared,
            Work::Failed(text) => {
                eprintln!("{text}");
                failures += 1;
                continue;
            }
        };
        let mut batch = HostBatch::default();
        for (index, (_, values)) in prepared.iter().enumerate() {
            if let Ok(values) = values {
                batch.input.extend_from_slice(values);
                batch.classes.push(0);
                batch.ids.push(index as u32);
            }
        }
        let rows = if batch.ids.is_empty() {
            Vec::new()
        } else {
            let batch = batch.to_device(shape, &device.device);
            let input = batch
                .inputs
                .into_iter()
                .next()
                .context("a batch has an input")?;
            model.predictions(input)
        };
        let mut rows = rows.chunks_exact(model.info.task.len());
        for (subject, values) in &prepared {
            match values {
                Err(reason) => {
                    eprintln!("{}: {reason}", subject.name());
                    failures += 1;
                }
                Ok(_) => {
                    let row = rows.next().context("a row a sample")?;
                    write_row(subject, row, &model.info.task, &args)?;
                }
            }
        }
    }
    Ok(u8::from(failures > 0))
}

/// What an answer is about.
#[derive(Clone, Debug)]
enum Subject {
    /// A file.
    File(PathBuf),
    /// A row of a table, by the file and the line it begins in.
    Row(String, u32),
    /// A text.
    Text(String),
}

impl Subject {
    fn name(&self) -> String {
        match self {
            Subject::File(path) => path.display().to_string(),
            Subject::Row(file, line) => format!("{file}:{line}"),
            Subject::Text(text) => text.replace(['\t', '\n', '\r'], " "),
        }
    }

    fn as_json(&self) -> Map<String, Value> {
        let entries = match self {
            Subject::File(path) => vec![("file", json!(path.display().to_string()))],
            Subject::Row(file, line) => vec![("file", json!(file)), ("line", json!(line))],
            Subject::Text(text) => vec![("text", json!(text))],
        };
        let entries = entries.into_iter();
        entries
            .map(|(key, value)| (key.to_string(), value))
            .collect()
    }
}

/// What is passed from preparing to computing.
enum Work {
    /// Samples with the net's inputs.
    Prepared(Vec<(Subject, Result<Vec<f32>, String>)>),
    /// An argument without samples, and why.
    Failed(String),
}

type Sender = SyncSender<anyhow::Result<Work>>;

fn write_row(
    subject: &Subject,
    row: &[f32],
    task: &Task,
    args: &PredictArgs,
) -> anyhow::Result<()> {
    let mut order: Vec<usize> = (0..row.len()).collect();
    if let Task::Classes(_) = task {
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        order.truncate(args.top as usize);
    }
    let names = task.names();
    let mut out = stdout().lock();
    if args.json {
        let mut object = subject.as_json();
        match task {
            Task::Classes(_) => {
                let top: Vec<_> = order
                    .iter()
                    .map(|&class| json!({"class": names[class], "probability": row[class]}))
                    .collect();
                object.insert("class".into(), json!(names[order[0]]));
                object.insert("probability".into(), json!(row[order[0]]));
                object.insert("top".into(), json!(top));
            }
            Task::Labels(_) | Task::Numbers(_) => {
                let key = match task {
                    Task::Labels(_) => "probabilities",
                    _ => "predicted",
                };
                let each = names.iter().zip(row);
                let each = each.map(|(name, value)| (name.to_string(), json!(value)));
                object.insert(key.into(), Value::Object(each.collect()));
            }
        }
        writeln!(out, "{}", Value::Object(object))?;
    } else {
        write!(out, "{}", subject.name())?;
        for &index in &order {
            match task {
                Task::Numbers(_) => write!(out, "\t{}\t{}", names[index], row[index])?,
                _ => write!(out, "\t{}\t{:.4}", names[index], row[index])?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}
