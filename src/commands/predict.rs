//! `kiln predict`

use std::io::{BufRead, Write, stdin, stdout};
use std::path::{Path, PathBuf};

use anyhow::Context;
use rayon::prelude::*;
use serde_json::json;

use super::take_device;
use crate::cli::PredictArgs;
use crate::data::{HostBatch, ImagePreprocess, Preprocessor, list_pictures};
use crate::model::ModelFile;

/// Pictures of one forward pass.
const BATCH: usize = 32;

pub fn run(args: PredictArgs) -> anyhow::Result<u8> {
    let device = take_device(args.device, true)?;
    let model = ModelFile::open(&args.model, &device.device)?;
    let Preprocessor::Image(preprocess) = &model.info.preprocess;
    let (files, mut failures) = expand(&args.files)?;
    for chunk in files.chunks(BATCH) {
        let loaded: Vec<Result<Vec<f32>, String>> = chunk
            .par_iter()
            .map(|file| load(file, preprocess))
            .collect();
        let mut batch = HostBatch::default();
        for (index, picture) in loaded.iter().enumerate() {
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
            model.probabilities(input)
        };
        let mut rows = rows.chunks_exact(model.info.classes.len());
        for (file, picture) in chunk.iter().zip(&loaded) {
            match picture {
                Err(reason) => {
                    eprintln!("{}: {reason}", file.display());
                    failures += 1;
                }
                Ok(_) => {
                    let row = rows.next().context("a row a picture")?;
                    write_row(file, row, &model.info.classes, &args)?;
                }
            }
        }
    }
    Ok(u8::from(failures > 0))
}

fn load(file: &Path, preprocess: &ImagePreprocess) -> Result<Vec<f32>, String> {
    let picture = preprocess.load(file)?;
    let mut values = vec![0.0; picture.bytes.len()];
    preprocess.write(&picture, &mut values);
    Ok(values)
}

/// Folders become their pictures, patterns what they match, `-` the lines of standard input. The
/// number counts patterns and folders without a picture; they are named on standard error.
fn expand(arguments: &[PathBuf]) -> anyhow::Result<(Vec<PathBuf>, usize)> {
    let mut files = Vec::new();
    let mut failures = 0;
    let mut fail = |text: String| {
        eprintln!("{text}");
        failures += 1;
    };
    for argument in arguments {
        if argument.as_os_str() == "-" {
            for line in stdin().lock().lines() {
                let line = line.context("cannot read standard input")?;
                let name = line.trim_end_matches('\r');
                if !name.is_empty() {
                    files.push(PathBuf::from(name));
                }
            }
        } else if argument.is_dir() {
            match list_pictures(argument) {
                Ok(found) if found.is_empty() => {
                    fail(format!("{}: holds no pictures", argument.display()));
                }
                Ok(found) => files.extend(found),
                Err(reason) => fail(format!("{}: {reason}", argument.display())),
            }
        } else if !argument.exists() && is_pattern(argument) {
            match matches(argument) {
                Ok(found) if found.is_empty() => {
                    fail(format!("{}: matches no file", argument.display()));
                }
                Ok(found) => files.extend(found),
                Err(reason) => fail(format!("{}: {reason}", argument.display())),
            }
        } else {
            files.push(argument.clone());
        }
    }
    Ok((files, failures))
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
