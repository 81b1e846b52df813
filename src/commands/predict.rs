//! `kiln predict`

use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};

use anyhow::Context;
use rayon::prelude::*;
use serde_json::json;

use super::take_device;
use crate::cli::PredictArgs;
use crate::data::{HostBatch, ImagePreprocess, Preprocessor, list_pictures};
use crate::model::ModelFile;

/// Pictures of one forward pass.
const BATCH: usize = 32;
/// Batches that are decoded while one is computed.
const AHEAD: usize = 1;

pub fn run(args: PredictArgs) -> anyhow::Result<u8> {
    let device = take_device(args.device, true)?;
    let model = ModelFile::open(&args.model, &device.device)?;
    let Preprocessor::Image(preprocess) = &model.info.preprocess;
    let (sender, receiver) = sync_channel(AHEAD);
    let (arguments, owned) = (args.files.clone(), preprocess.clone());
    // Not joined: it may be waiting for standard input when nobody reads the answers any more.
    std::thread::spawn(move || decode_ahead(&arguments, &owned, &sender));
    let mut failures = 0;
    for work in receiver {
        let decoded = match work? {
            Work::Decoded(decoded) => decoded,
            Work::Failed(text) => {
                eprintln!("{text}");
                failures += 1;
                continue;
            }
        };
        let mut batch = HostBatch::default();
        for (index, (_, picture)) in decoded.iter().enumerate() {
            if let Ok(values) = picture {
                batch.input.extend_from_slice(values);
                batch.classes.push(0);
                batch.ids.push(index as u32);
            }
        }
        let rows = if batch.ids.is_empty() {
            Vec::new()
        } else {
            let batch = batch.to_device(preprocess.shape(), &device.device);
            let input = batch
                .inputs
                .into_iter()
                .next()
                .context("a batch has an input")?;
            model.predictions(input)
        };
        let mut rows = rows.chunks_exact(model.info.task.len());
        for (file, picture) in &decoded {
            match picture {
                Err(reason) => {
                    eprintln!("{}: {reason}", file.display());
                    failures += 1;
                }
                Ok(_) => {
                    let row = rows.next().context("a row a picture")?;
                    write_row(file, row, model.info.task.classes(), &args)?;
                }
            }
        }
    }
    Ok(u8::from(failures > 0))
}

/// What is passed from decoding to computing.
enum Work {
    /// Files with their values.
    Decoded(Vec<(PathBuf, Result<Vec<f32>, String>)>),
    /// An argument without pictures, and why.
    Failed(String),
}

type Sender = SyncSender<anyhow::Result<Work>>;

/// Decodes the pictures that the arguments name, batch after batch; ends where nobody listens.
fn decode_ahead(arguments: &[PathBuf], preprocess: &ImagePreprocess, sender: &Sender) {
    let mut files = Vec::with_capacity(BATCH);
    let flush = |files: &mut Vec<PathBuf>| {
        let batch = std::mem::take(files);
        let decode = |file: PathBuf| {
            let values = load(&file, preprocess);
            (file, values)
        };
        let decoded: Vec<_> = batch.into_par_iter().map(decode).collect();
        decoded.is_empty() || sender.send(Ok(Work::Decoded(decoded))).is_ok()
    };
    for argument in arguments {
        if argument.as_os_str() == "-" {
            let mut input = BufReader::new(stdin());
            loop {
                let mut line = Vec::new();
                match input.read_until(b'\n', &mut line) {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) => {
                        let error = anyhow::Error::new(error).context("cannot read standard input");
                        let _ = sender.send(Err(error));
                        return;
                    }
                }
                let name = String::from_utf8_lossy(&line);
                let name = name.trim_end_matches(['\n', '\r']);
                if !name.is_empty() {
                    files.push(PathBuf::from(name));
                }
                // An answer does not wait for a line that has not come yet.
                let more = input.buffer().contains(&b'\n');
                if (files.len() >= BATCH || !more) && !flush(&mut files) {
                    return;
                }
            }
            continue;
        }
        match expand(argument) {
            Err(text) => {
                if !flush(&mut files) || sender.send(Ok(Work::Failed(text))).is_err() {
                    return;
                }
            }
            Ok(found) => {
                for file in found {
                    files.push(file);
                    if files.len() >= BATCH && !flush(&mut files) {
                        return;
                    }
                }
            }
        }
    }
    flush(&mut files);
}

fn load(file: &Path, preprocess: &ImagePreprocess) -> Result<Vec<f32>, String> {
    let picture = preprocess.load(file)?;
    let mut values = vec![0.0; picture.bytes.len()];
    preprocess.write(&picture, &mut values);
    Ok(values)
}

/// Folders become their pictures, patterns what they match.
///
/// # Errors
/// One without a picture, with its name.
fn expand(argument: &Path) -> Result<Vec<PathBuf>, String> {
    let (found, what) = if argument.is_dir() {
        (list_pictures(argument), "holds no pictures")
    } else if !argument.exists() && is_pattern(argument) {
        (matches(argument), "matches no file")
    } else {
        return Ok(vec![argument.to_path_buf()]);
    };
    match found {
        Ok(files) if files.is_empty() => Err(format!("{}: {what}", argument.display())),
        Ok(files) => Ok(files),
        Err(reason) => Err(format!("{}: {reason}", argument.display())),
    }
}

fn is_pattern(path: &Path) -> bool {
    path.to_str()
        .is_some_and(|text| text.contains(['*', '?', '[']))
}

fn matches(pattern: &Path) -> Result<Vec<PathBuf>, String> {
    let text = pattern.to_str().unwrap_or_default();
    let found = glob::glob(text).map_err(|error| format!("is no pattern: {error}"))?;
    Ok(found
        .filter_map(Result::ok)
        .filter(|path| path.is_file())
        .collect())
}

fn write_row(
    file: &Path,
    row: &[f32],
    classes: &[String],
    args: &PredictArgs,
) -> anyhow::Result<()> {
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
    order.truncate(args.top as usize);
    let mut out = stdout().lock();
    if args.json {
        let top: Vec<_> = order
            .iter()
            .map(|&class| json!({"class": classes[class], "probability": row[class]}))
            .collect();
        let object = json!({
            "file": file.display().to_string(),
            "class": classes[order[0]],
            "probability": row[order[0]],
            "top": top,
        });
        writeln!(out, "{object}")?;
    } else {
        write!(out, "{}", file.display())?;
        for &class in &order {
            write!(out, "\t{}\t{:.4}", classes[class], row[class])?;
        }
        writeln!(out)?;
    }
    Ok(())
}
