//! Images for a trained net: files, folders, archives, patterns, arrays of images, lists on standard input, encoded
//! images in memory.

use std::fmt::Display;
use std::io::{BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use thiserror::Error;

use super::decode::pixels::Pixels;
use super::decode::raw::RawBlock;
use super::labelled::{labelled_as_trained, labelled_images};
use super::preprocess::ImagePreprocess;
use super::sources::block_error::BlockError;
use super::sources::cifar::cifar_images;
use super::sources::idx::idx_images;
use super::sources::idx_error::IdxError;
use super::sources::labels::TrainedClasses;
use super::sources::numpy::error::NumpyError;
use super::sources::numpy::numpy_images;
use super::sources::webdataset::members::image_members;
use crate::console::shown;
use crate::data::core::left_out::LeftOut;
use crate::data::core::reader::{
    BATCH, Ended, Item, Labelled, LabelledError, LabelledPath, Origin, Reader, Sample, Sink,
    Stopped, Subject,
};
use crate::data::files::listing::list_images;
use crate::data::files::pattern::is_pattern;

/// Values of a batch: 64 MiB of 32-bit floats.
const MOST_VALUES: usize = 1 << 24;

/// Reads images as a model's preprocessing says.
pub struct ImageReader {
    /// The fitted preprocessing.
    pub preprocess: ImagePreprocess,
}

impl Reader for ImageReader {
    fn labelled(&self, wanted: &LabelledPath<'_>) -> Result<Labelled, LabelledError> {
        if let Some(found) = labelled_as_trained(wanted, &self.preprocess) {
            return Ok(found?);
        }
        let trained = TrainedClasses::new(wanted.task.classes(), wanted.data);
        let found = labelled_images(wanted.path, &trained, &self.preprocess)?;
        Ok(Labelled {
            dataset: Arc::new(found.dataset),
            skipped: Vec::new(),
            left_out: found.left_out,
            notices: Vec::new(),
            warnings: found.warnings,
        })
    }

    fn read(&self, origins: &[Origin<'_>], sink: &mut Sink<'_>) -> Result<(), Ended> {
        let mut reading = Reading {
            reader: self,
            files: Vec::new(),
            sink,
        };
        for origin in origins {
            match origin {
                Origin::StandardInput => reading.list()?,
                Origin::Path(path) => reading.path(path)?,
                Origin::Memory { name, bytes } => {
                    reading.flush()?;
                    let sample = self.sample(Subject::File(PathBuf::from(name)), bytes);
                    (reading.sink)(Item::Samples(vec![sample]))?;
                }
            }
        }
        Ok(reading.flush()?)
    }
}

impl ImageReader {
    /// The size of a batch: smaller for large images, to bound the memory. Predictions do not depend on it.
    fn batch_size(&self) -> usize {
        (MOST_VALUES / self.preprocess.shape().num_elements().max(1)).clamp(1, BATCH)
    }

    fn sample(&self, subject: Subject, bytes: &[u8]) -> Sample {
        let image = self.preprocess.decode(bytes);
        Sample {
            subject,
            input: match image {
                Ok(image) => Ok(self.input(&image)),
                Err(error) => Err(error.into()),
            },
        }
    }

    fn input(&self, image: &Pixels) -> Vec<f32> {
        let mut values = vec![0.0; image.bytes.len()];
        self.preprocess.write(image, &mut values);
        values
    }
}

/// Files that wait to be decoded together, and the sink of the samples.
struct Reading<'a, 'b> {
    reader: &'a ImageReader,
    files: Vec<PathBuf>,
    sink: &'a mut Sink<'b>,
}

impl Reading<'_, '_> {
    /// Decodes the files that wait.
    fn flush(&mut self) -> Result<(), Stopped> {
        let reader = self.reader;
        let decode = |file: PathBuf| {
            let image = reader.preprocess.load(&file);
            Sample {
                subject: Subject::File(file),
                input: match image {
                    Ok(image) => Ok(reader.input(&image)),
                    Err(error) => Err(error.into()),
                },
            }
        };
        let files = std::mem::take(&mut self.files);
        let decoded: Vec<_> = files.into_par_iter().map(decode).collect();
        match decoded.is_empty() {
            true => Ok(()),
            false => (self.sink)(Item::Samples(decoded)),
        }
    }

    fn add(&mut self, file: PathBuf) -> Result<(), Stopped> {
        self.files.push(file);
        match self.files.len() >= self.reader.batch_size() {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn fail(&mut self, text: String, left_out: LeftOut) -> Result<(), Stopped> {
        self.flush()?;
        (self.sink)(Item::Failed { text, left_out })
    }

    /// The files listed on standard input, one per line; predictions are not held back until the next line arrives.
    fn list(&mut self) -> Result<(), Ended> {
        let mut input = BufReader::new(stdin());
        loop {
            let mut line = Vec::new();
            let read = input.read_until(b'\n', &mut line);
            if read.map_err(Ended::StandardInput)? == 0 {
                return Ok(());
            }
            while line.last().is_some_and(|byte| b"\r\n".contains(byte)) {
                line.pop();
            }
            let line = match line.strip_prefix("\u{feff}".as_bytes()) {
                Some(line) => line.to_vec(), // a list that Windows wrote
                None => line,
            };
            if !line.is_empty() {
                self.add(path_of(line))?;
            }
            if !input.buffer().contains(&b'\n') {
                self.flush()?;
            }
        }
    }

    fn path(&mut self, path: &Path) -> Result<(), Stopped> {
        if let Some(block) = arrays(path) {
            return match block {
                Ok(block) => self.block(&block),
                Err(error) => self.fail(format!("{} {error}", shown(path)), LeftOut::default()),
            };
        }
        if is_archive(path) {
            return self.archive(path);
        }
        match expand(path) {
            Err((text, left_out)) => match self.arrays_below(path)? {
                true => Ok(()),
                false => self.fail(text, left_out),
            },
            Ok((files, left_out)) => {
                if !left_out.is_empty() {
                    (self.sink)(Item::LeftOut(left_out))?;
                }
                files.into_iter().try_for_each(|file| self.add(file))
            }
        }
    }

    /// The images of a file of arrays.
    fn block(&mut self, block: &RawBlock) -> Result<(), Stopped> {
        self.flush()?;
        let numbers: Vec<usize> = (0..block.len()).collect();
        for numbers in numbers.chunks(self.reader.batch_size()) {
            let decode = |&number: &usize| {
                let subject = Subject::Image(block.path.clone(), number);
                self.reader.sample(subject, &block.image(number))
            };
            let decoded = numbers.par_iter().map(decode).collect();
            (self.sink)(Item::Samples(decoded))?;
        }
        Ok(())
    }

    /// The images of the files of arrays in a folder, by name; false where there are none. An array of something else
    /// is skipped.
    fn arrays_below(&mut self, folder: &Path) -> Result<bool, Stopped> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.sort();
        let (mut found, mut left_out) = (false, LeftOut::default());
        for file in files {
            match arrays(&file) {
                Some(Ok(block)) => {
                    found = true;
                    self.block(&block)?;
                }
                Some(Err(error)) => {
                    left_out.add(&error.to_string(), || shown(&file).to_string());
                }
                None => {}
            }
        }
        if found && !left_out.is_empty() {
            (self.sink)(Item::LeftOut(left_out))?;
        }
        Ok(found)
    }

    /// The images of an archive.
    fn archive(&mut self, path: &Path) -> Result<(), Stopped> {
        self.flush()?;
        let members = match image_members(path) {
            Ok(members) => members,
            Err(reason) => {
                return self.fail(format!("{}: {reason}", shown(path)), LeftOut::default());
            }
        };
        if !members.left_out.is_empty() && !members.images.is_empty() {
            (self.sink)(Item::LeftOut(members.left_out.clone()))?;
        }
        if members.images.is_empty() {
            let text = format!("{}: holds no images", shown(path));
            return self.fail(text, members.left_out);
        }
        let most = self.reader.preprocess.max_bytes();
        for images in members.images.chunks(self.reader.batch_size()) {
            let decode = |image: &_| {
                let (name, bytes) = members.read(image, most);
                let subject = Subject::Member(path.to_path_buf(), name);
                match bytes {
                    Ok(bytes) => self.reader.sample(subject, &bytes),
                    Err(error) => Sample {
                        subject,
                        input: Err(error.into()),
                    },
                }
            };
            let decoded = images.par_iter().map(decode).collect();
            (self.sink)(Item::Samples(decoded))?;
        }
        Ok(())
    }
}

/// The images of a file of arrays: IDX, NumPy, CIFAR's binaries; `None` if it is none by its name.
fn arrays(path: &Path) -> Option<Result<RawBlock, ArraysError>> {
    idx_images(path)
        .map(|read| read.map_err(ArraysError::Idx))
        .or_else(|| Some(numpy_images(path)?.map_err(ArraysError::Numpy)))
        .or_else(|| Some(cifar_images(path)?.map_err(ArraysError::Cifar)))
}

/// Why a file of arrays of images cannot be read, in words that follow its name.
#[derive(Debug, Error)]
enum ArraysError {
    #[error(transparent)]
    Idx(IdxError),
    #[error(transparent)]
    Numpy(NumpyError),
    #[error(transparent)]
    Cifar(BlockError),
}

fn is_archive(path: &Path) -> bool {
    path.is_file()
        && path
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("tar"))
}

/// A path from raw bytes; it need not be UTF-8.
fn path_of(bytes: Vec<u8>) -> PathBuf {
    #[cfg(unix)]
    return PathBuf::from(<std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes));
    #[cfg(not(unix))]
    PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
}

type Files = (Vec<PathBuf>, LeftOut);

/// Folders become their images, patterns the files that match.
///
/// # Errors
/// One without an image, with its name, and its files that are none.
fn expand(path: &Path) -> Result<Files, (String, LeftOut)> {
    let fail = |why: &dyn Display| (format!("{}: {why}", shown(path)), LeftOut::default());
    let (found, what) = if path.is_dir() {
        let found = list_images(path).map_err(|error| fail(&error))?;
        (found, "holds no images")
    } else if !path.exists() && path.to_str().is_some_and(is_pattern) {
        let found = matches(path).map_err(|error| fail(&format!("is no pattern: {error}")))?;
        (found, "matches no file")
    } else {
        return Ok((vec![path.to_path_buf()], LeftOut::default()));
    };
    match found {
        (files, left_out) if files.is_empty() => Err((fail(&what).0, left_out)),
        found => Ok(found),
    }
}

fn matches(pattern: &Path) -> Result<Files, glob::PatternError> {
    let text = pattern.to_str().unwrap_or_default();
    let found = glob::glob(text)?;
    let (mut files, mut left_out) = (Vec::new(), LeftOut::default());
    for found in found {
        match found {
            Ok(path) if !path.is_dir() => files.push(path), // a pipe is named when it is read
            Ok(path) => left_out.add("a folder", || shown(&path).to_string()),
            Err(error) => left_out.add("cannot be read", || shown(error.path()).to_string()),
        }
    }
    Ok((files, left_out))
}
