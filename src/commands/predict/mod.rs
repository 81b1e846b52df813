//! `kiln predict`

mod pictures;
mod rows;
mod texts;

use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};

use anyhow::{Context, bail};
use burn::tensor::Device;
use serde_json::{Map, Value, json};

use super::memory::fitting_batch;
use super::take_device;
use crate::cli::PredictArgs;
use crate::console::{self, field, json_path, path_text, shown, text_path, visible};
use crate::data::{Head, HostBatch, LeftOut, Preprocessor, Shape, Task};
use crate::model::ModelFile;
use crate::report::{FILES, left_out, left_out_json};

/// Samples of one forward pass.
const BATCH: usize = 32;
/// Batches that are prepared while one is computed.
const AHEAD: usize = 1;

/// What is said where a net's numbers run out of range.
pub const NOT_FINITE: &str = "the net's answer is not a finite number: the input is far from what it was trained on, or \
    its weights are too large";

pub fn run(args: PredictArgs) -> anyhow::Result<u8> {
    let device = take_device(args.device, true)?;
    let model = ModelFile::open(&args.model, &device.device)?;
    let preprocess = model.info.preprocess.clone();
    if !args.texts.is_empty() && !matches!(preprocess, Preprocessor::Text(_)) {
        bail!(
            "--text is for models of texts; {} is none",
            shown(&args.model)
        );
    }
    let most = fitting_batch(&args.model, &model, BATCH, &device)?;
    let (sender, receiver) = sync_channel(AHEAD);
    let (files, texts) = (args.files.clone(), args.texts.clone());
    let shape = preprocess.shape();
    // Not joined: it may be waiting for standard input when nobody reads the answers any more.
    let thread = std::thread::Builder::new().name("prepare".into());
    thread
        .spawn(move || match preprocess {
            Preprocessor::Image(image) => pictures::prepare(&files, &image, &sender),
            Preprocessor::Table(table) => rows::prepare(&files, &table, &sender),
            Preprocessor::Text(text) => texts::prepare(&files, &texts, &text, &sender),
        })
        .context("cannot start a thread")?;
    let mut failures = 0;
    let mut left_out = LeftOut::default();
    for work in receiver {
        let prepared = match work? {
            Work::Prepared(prepared) => prepared,
            Work::Failed(text) => {
                crate::say!("{text}");
                failures += 1;
                continue;
            }
            Work::Noticed(text) => {
                crate::say!("note: {text}");
                continue;
            }
            Work::LeftOut(more) => {
                left_out.merge(more);
                continue;
            }
        };
        for prepared in prepared.chunks(most) {
            failures += answer_batch(prepared, shape, &model, &device.device, &args)?;
        }
    }
    tell_left_out(&left_out, args.json)?;
    Ok(u8::from(failures > 0))
}

/// Says what was passed over: for programs in a line of its own, after the last sample.
fn tell_left_out(passed_over: &LeftOut, as_json: bool) -> anyhow::Result<()> {
    let Some(text) = left_out(passed_over, FILES) else {
        return Ok(());
    };
    if as_json {
        let object = json!({"left_out": left_out_json(passed_over)});
        writeln!(console::out(), "{object}")?;
    }
    crate::say!("note: {text}");
    Ok(())
}

/// Runs the net on samples and writes their answers; how many samples have none.
fn answer_batch(
    prepared: &[Sample],
    shape: Shape,
    model: &ModelFile,
    device: &Device,
    args: &PredictArgs,
) -> anyhow::Result<usize> {
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
        let batch = batch.to_device(shape, device);
        let input = batch
            .inputs
            .into_iter()
            .next()
            .context("a batch has an input")?;
        model.predictions(input)
    };
    let mut rows = rows.chunks_exact(model.info.task.len());
    let mut failures = 0;
    for (subject, values) in prepared {
        match values {
            Err(reason) => {
                crate::say!("{}: {reason}", visible(&subject.name()));
                failures += 1;
            }
            Ok(_) => {
                let row = rows.next().context("a row a sample")?;
                if row.iter().all(|value| value.is_finite()) {
                    write_row(subject, row, &model.info.task, args)?;
                } else {
                    crate::say!("{}: {NOT_FINITE}", visible(&subject.name()));
                    failures += 1;
                }
            }
        }
    }
    Ok(failures)
}

/// What an answer is about.
#[derive(Clone, Debug)]
enum Subject {
    /// A file.
    File(PathBuf),
    /// A picture of a file of many, by its number.
    Picture(PathBuf, usize),
    /// A row of a table, by the file and the line it begins in.
    Row(String, u32),
    /// A text.
    Text(String),
}

impl Subject {
    /// As it is; see [`field`] and [`visible`] for what may be in it.
    fn name(&self) -> String {
        match self {
            Subject::File(path) => path_text(path).into_owned(),
            Subject::Picture(path, number) => format!("{} #{number}", path_text(path)),
            Subject::Row(file, line) => format!("{file}:{line}"),
            Subject::Text(text) => text.replace(['\t', '\n', '\r'], " "),
        }
    }

    fn as_json(&self) -> Map<String, Value> {
        let entries = match self {
            Subject::File(path) => vec![("file", json!(json_path(path)))],
            Subject::Picture(path, number) => {
                vec![("file", json!(json_path(path))), ("number", json!(number))]
            }
            Subject::Row(file, line) => vec![
                ("file", json!(json_path(&text_path(file)))),
                ("line", json!(line)),
            ],
            Subject::Text(text) => vec![("text", json!(text))],
        };
        let entries = entries.into_iter();
        entries
            .map(|(key, value)| (key.to_string(), value))
            .collect()
    }
}

/// A sample with the net's input, or why it has none.
type Sample = (Subject, Result<Vec<f32>, String>);

/// What is passed from preparing to computing.
enum Work {
    /// Samples with the net's inputs.
    Prepared(Vec<Sample>),
    /// An argument without samples, and why.
    Failed(String),
    /// Files of a folder that are no samples.
    LeftOut(LeftOut),
    /// What the user should know of all samples, after the last one.
    Noticed(String),
}

type Sender = SyncSender<anyhow::Result<Work>>;

fn write_row(
    subject: &Subject,
    row: &[f32],
    task: &Task,
    args: &PredictArgs,
) -> anyhow::Result<()> {
    let mut out = console::out();
    if args.json {
        let mut object = subject.as_json();
        object.extend(answer(row, task, args.top as usize));
        writeln!(out, "{}", Value::Object(object))?;
    } else {
        let fields = fields(row, task, args.top as usize);
        let fields: Vec<_> = fields.iter().map(|text| field(text)).collect();
        writeln!(out, "{}\t{}", field(&subject.name()), fields.join("\t"))?;
    }
    Ok(())
}

/// The indices of the names that are told of: the `top` most probable classes, or all.
fn order(row: &[f32], task: &Task, top: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..row.len()).collect();
    if let Task::Classes(_) = task {
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        order.truncate(top);
    }
    order
}

/// Each head with its part of a row.
fn parts<'a>(task: &'a Task, mut row: &'a [f32]) -> impl Iterator<Item = (&'a Head, &'a [f32])> {
    task.heads().iter().map(move |head| {
        let (own, rest) = row.split_at(head.task.len());
        row = rest;
        (head, own)
    })
}

fn answer(row: &[f32], task: &Task, top: usize) -> Map<String, Value> {
    let names = task.names();
    let each = || -> Value {
        let each = names.iter().zip(row);
        Value::Object(
            each.map(|(name, value)| (name.to_string(), json!(value)))
                .collect(),
        )
    };
    let entries = match task {
        Task::Classes(_) => {
            let order = order(row, task, top);
            let top: Vec<_> = order
                .iter()
                .map(|&class| json!({"class": names[class], "probability": row[class]}))
                .collect();
            vec![
                ("class", json!(names[order[0]])),
                ("probability", json!(row[order[0]])),
                ("top", json!(top)),
            ]
        }
        Task::Labels(_) => vec![("probabilities", each())],
        Task::Numbers(_) => vec![("predicted", each())],
        Task::Heads(_) => {
            let heads = parts(task, row)
                .map(|(head, own)| (head.name.clone(), answer(own, &head.task, top).into()));
            vec![("heads", Value::Object(heads.collect()))]
        }
    };
    let entries = entries.into_iter();
    entries
        .map(|(key, value)| (key.to_string(), value))
        .collect()
}

fn fields(row: &[f32], task: &Task, top: usize) -> Vec<String> {
    if let Task::Heads(_) = task {
        let heads = parts(task, row).flat_map(|(head, own)| {
            let name = match head.task {
                Task::Numbers(_) => None, // the name of the number
                _ => Some(head.name.clone()),
            };
            name.into_iter().chain(fields(own, &head.task, top))
        });
        return heads.collect();
    }
    let names = task.names();
    let told = order(row, task, top).into_iter();
    told.flat_map(|index| {
        let value = match task {
            Task::Numbers(_) => row[index].to_string(),
            _ => format!("{:.4}", row[index]),
        };
        [names[index].to_string(), value]
    })
    .collect()
}
