//! `kiln predict`: samples are prepared on one thread while the net answers on others.

use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};

use anyhow::{Context, bail};
use burn::tensor::Device;
use serde_json::{Map, Value, json};

use super::memory::fitting_batch;
use super::shared::take_device;
use crate::cli::PredictArgs;
use crate::console::{self, field, json_path, path_text, shown, text_path, visible};
use crate::data::{
    Ended, Head, Item, LeftOut, Origin, Preprocessor, READER_BATCH, Sample, Shape, Stopped,
    Subject, Task, input_to_device,
};
use crate::model::ModelFile;
use crate::report::{FILES, left_out, left_out_json};

/// Batches that are prepared while one is computed.
const AHEAD: usize = 1;

/// The warning for outputs that are not finite.
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
    let most = fitting_batch(&args.model, &model, READER_BATCH, &device)?;
    let (sender, receiver) = sync_channel(AHEAD);
    let (files, texts) = (args.files.clone(), args.texts.clone());
    let shape = preprocess.shape();
    // Not joined: it may be blocked on standard input after the reader of our output has gone.
    let thread = std::thread::Builder::new().name("prepare".into());
    thread
        .spawn(move || prepare(&preprocess, &files, &texts, &sender))
        .context("cannot start a thread")?;
    let mut failures = 0;
    let mut passed_over = LeftOut::default();
    for item in receiver {
        match item? {
            Item::Samples(samples) => {
                for samples in samples.chunks(most) {
                    failures += answer_batch(samples, shape, &model, &device.device, &args)?;
                }
            }
            Item::Failed {
                text,
                left_out: files,
            } => {
                let why = left_out(&files, FILES).map_or(String::new(), |text| format!("; {text}"));
                crate::say!("{text}{why}");
                failures += 1;
            }
            Item::Notice(text) => crate::say!("note: {text}"),
            Item::LeftOut(more) => passed_over.merge(more),
        }
    }
    tell_left_out(&passed_over, args.json)?;
    Ok(u8::from(failures > 0))
}

/// Reads the samples, texts of the command line first, until the receiver hangs up.
fn prepare(
    preprocess: &Preprocessor,
    files: &[PathBuf],
    texts: &[String],
    sender: &SyncSender<anyhow::Result<Item>>,
) {
    let texts = texts.iter().map(|text| Origin::Memory {
        name: "--text",
        bytes: text.as_bytes(),
    });
    let files = files.iter().map(|file| match file.as_os_str() == "-" {
        true => Origin::StandardInput,
        false => Origin::Path(file),
    });
    let origins: Vec<Origin<'_>> = texts.chain(files).collect();
    let mut sink = |item| sender.send(Ok(item)).map_err(|_| Stopped);
    let read = preprocess.reader().read(&origins, &mut sink);
    if let Err(Ended::StandardInput(error)) = read {
        let error = anyhow::Error::new(error).context("cannot read standard input");
        let _ = sender.send(Err(error)); // nobody may listen any more
    }
}

/// Says what was skipped: for programs in a line of its own, after the last sample.
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
    samples: &[Sample],
    shape: Shape,
    model: &ModelFile,
    device: &Device,
    args: &PredictArgs,
) -> anyhow::Result<usize> {
    let inputs: Vec<&Vec<f32>> = samples
        .iter()
        .filter_map(|sample| sample.input.as_ref().ok())
        .collect();
    let rows = match inputs.len() {
        0 => Vec::new(),
        count => {
            let input = inputs.into_iter().flatten().copied().collect();
            model.predictions(input_to_device(input, count, shape, device))
        }
    };
    let mut rows = rows.chunks_exact(model.info.task.len());
    let mut failures = 0;
    for Sample { subject, input } in samples {
        match input {
            Err(reason) => {
                crate::say!("{}: {reason}", visible(&name_of(subject)));
                failures += 1;
            }
            Ok(_) => {
                let row = rows.next().context("a row a sample")?;
                if row.iter().all(|value| value.is_finite()) {
                    write_row(subject, row, &model.info.task, args)?;
                } else {
                    crate::say!("{}: {NOT_FINITE}", visible(&name_of(subject)));
                    failures += 1;
                }
            }
        }
    }
    Ok(failures)
}

/// The subject's name as it is; see [`field`] and [`visible`] for what may be in it.
fn name_of(subject: &Subject) -> String {
    match subject {
        Subject::File(path) => path_text(path).into_owned(),
        Subject::Image(path, number) => format!("{} #{number}", path_text(path)),
        Subject::Member(path, name) => format!("{}:{name}", path_text(path)),
        Subject::Row(file, line) => format!("{file}:{line}"),
        Subject::Text(text) => text.replace(['\t', '\n', '\r'], " "),
    }
}

fn as_json(subject: &Subject) -> Map<String, Value> {
    let entries = match subject {
        Subject::File(path) => vec![("file", json!(json_path(path)))],
        Subject::Image(path, number) => {
            vec![("file", json!(json_path(path))), ("number", json!(number))]
        }
        Subject::Member(path, name) => {
            vec![("file", json!(json_path(path))), ("member", json!(name))]
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

fn write_row(
    subject: &Subject,
    row: &[f32],
    task: &Task,
    args: &PredictArgs,
) -> anyhow::Result<()> {
    let mut out = console::out();
    if args.json {
        let mut object = as_json(subject);
        object.extend(answer(row, task, args.top as usize));
        writeln!(out, "{}", Value::Object(object))?;
    } else {
        let fields = fields(row, task, args.top as usize);
        let fields: Vec<_> = fields.iter().map(|text| field(text)).collect();
        writeln!(out, "{}\t{}", field(&name_of(subject)), fields.join("\t"))?;
    }
    Ok(())
}

/// The indices of the classes to print: the `top` most probable ones, or all.
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
        Task::MultiLabel(_) => vec![("probabilities", each())],
        Task::Regression(_) => vec![("predicted", each())],
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
                Task::Regression(_) => None, // the name of the number
                _ => Some(head.name.clone()),
            };
            name.into_iter().chain(fields(own, &head.task, top))
        });
        return heads.collect();
    }
    let names = task.names();
    let shown = order(row, task, top).into_iter();
    shown
        .flat_map(|index| {
            let value = match task {
                Task::Regression(_) => row[index].to_string(),
                _ => format!("{:.4}", row[index]),
            };
            [names[index].to_string(), value]
        })
        .collect()
}
