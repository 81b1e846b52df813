//! Pictures: files, folders, patterns, or a list on standard input.

use std::io::{BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{BATCH, Sender, Subject, Work};
use crate::console::shown;
use crate::data::{
    ImagePreprocess, LeftOut, Pixels, RawBlock, idx_pictures, list_pictures, numpy_pictures,
};
use crate::report::{FILES, left_out};

/// Decodes the pictures that the arguments name, batch after batch; ends where nobody listens.
pub(super) fn prepare(arguments: &[PathBuf], preprocess: &ImagePreprocess, sender: &Sender) {
    let most = batch_size(preprocess);
    let mut files = Vec::with_capacity(most);
    let flush = |files: &mut Vec<PathBuf>| {
        let batch = std::mem::take(files);
        let decode = |file: PathBuf| {
            let values = load(&file, preprocess);
            (Subject::File(file), values)
        };
        let decoded: Vec<_> = batch.into_par_iter().map(decode).collect();
        decoded.is_empty() || sender.send(Ok(Work::Prepared(decoded))).is_ok()
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
                while line.last().is_some_and(|byte| b"\r\n".contains(byte)) {
                    line.pop();
                }
                let line = match line.strip_prefix("\u{feff}".as_bytes()) {
                    Some(line) => line.to_vec(), // a list that Windows wrote
                    None => line,
                };
                if !line.is_empty() {
                    files.push(path_of(line));
                }
                // An answer does not wait for a line that has not come yet.
                let more = input.buffer().contains(&b'\n');
                if (files.len() >= most || !more) && !flush(&mut files) {
                    return;
                }
            }
            continue;
        }
        if let Some(block) = idx_pictures(argument).or_else(|| numpy_pictures(argument)) {
            let sent = match block {
                Ok(block) => flush(&mut files) && send_block(&block, preprocess, sender),
                Err(reason) => {
                    let text = format!("{} {reason}", shown(argument));
                    flush(&mut files) && sender.send(Ok(Work::Failed(text))).is_ok()
                }
            };
            if !sent {
                return;
            }
            continue;
        }
        match expand(argument) {
            Err(text) => {
                if !flush(&mut files) || sender.send(Ok(Work::Failed(text))).is_err() {
                    return;
                }
            }
            Ok((found, left_out)) => {
                if !left_out.is_empty() && sender.send(Ok(Work::LeftOut(left_out))).is_err() {
                    return;
                }
                for file in found {
                    files.push(file);
                    if files.len() >= most && !flush(&mut files) {
                        return;
                    }
                }
            }
        }
    }
    flush(&mut files);
}

/// A path as the system has it; it need not be UTF-8.
fn path_of(bytes: Vec<u8>) -> PathBuf {
    #[cfg(unix)]
    return PathBuf::from(<std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes));
    #[cfg(not(unix))]
    PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
}

/// Samples of one forward pass: fewer where each is large, so that a batch does not take the memory. The answers
/// do not depend on it.
fn batch_size(preprocess: &ImagePreprocess) -> usize {
    (MOST_VALUES / preprocess.shape().num_elements().max(1)).clamp(1, BATCH)
}

/// Values of a batch: 64 MiB of 32-bit floats.
const MOST_VALUES: usize = 1 << 24;

/// Whether somebody listens to the end.
fn send_block(block: &RawBlock, preprocess: &ImagePreprocess, sender: &Sender) -> bool {
    let numbers: Vec<usize> = (0..block.len()).collect();
    numbers.chunks(batch_size(preprocess)).all(|numbers| {
        let decode = |&number: &usize| {
            let picture = preprocess.decode(&block.picture(number));
            let values = picture.map(|picture| scaled(&picture, preprocess));
            (Subject::Picture(block.path.clone(), number), values)
        };
        let decoded = numbers.par_iter().map(decode).collect();
        sender.send(Ok(Work::Prepared(decoded))).is_ok()
    })
}

fn load(file: &Path, preprocess: &ImagePreprocess) -> Result<Vec<f32>, String> {
    Ok(scaled(&preprocess.load(file)?, preprocess))
}

fn scaled(picture: &Pixels, preprocess: &ImagePreprocess) -> Vec<f32> {
    let mut values = vec![0.0; picture.bytes.len()];
    preprocess.write(picture, &mut values);
    values
}

/// Folders become their pictures, patterns what they match.
///
/// # Errors
/// One without a picture, with its name.
fn expand(argument: &Path) -> Result<(Vec<PathBuf>, LeftOut), String> {
    let (found, what) = if argument.is_dir() {
        (list_pictures(argument), "holds no pictures")
    } else if !argument.exists() && is_pattern(argument) {
        (matches(argument), "matches no file")
    } else {
        return Ok((vec![argument.to_path_buf()], LeftOut::default()));
    };
    match found {
        Ok((files, passed_over)) if files.is_empty() => {
            let why =
                left_out(&passed_over, FILES).map_or(String::new(), |text| format!("; {text}"));
            Err(format!("{}: {what}{why}", shown(argument)))
        }
        Ok(found) => Ok(found),
        Err(reason) => Err(format!("{}: {reason}", shown(argument))),
    }
}

fn is_pattern(path: &Path) -> bool {
    path.to_str()
        .is_some_and(|text| text.contains(['*', '?', '[']))
}

fn matches(pattern: &Path) -> Result<(Vec<PathBuf>, LeftOut), String> {
    let text = pattern.to_str().unwrap_or_default();
    let found = glob::glob(text).map_err(|error| format!("is no pattern: {error}"))?;
    let (mut files, mut passed_over) = (Vec::new(), LeftOut::default());
    for found in found {
        match found {
            Ok(path) if !path.is_dir() => files.push(path), // a pipe is named when it is read
            Ok(path) => passed_over.add("a folder", || shown(&path).to_string()),
            Err(error) => passed_over.add("cannot be read", || shown(error.path()).to_string()),
        }
    }
    Ok((files, passed_over))
}
