//! `kind = "cifar-binary"`: CIFAR-10's and CIFAR-100's binary files.

use std::path::{Path as FilePath, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::block_error::{BlockError, CifarError};
use super::blocks::{
    BlockOptions, Blocks, LabelledBlocks, TRAIN, VALID, check_labels, check_resize, fault, files,
    name_of, survey,
};
use crate::config::{ByteSize, Fault};
use crate::data::core::batch::Shape;
use crate::data::files::size::{read_small, read_within_memory};
use crate::data::image::decode::raw::RawBlock;
use crate::data::image::resize::Filter;
use crate::data::loading::split_keys::{SplitKeys, TestKey, describe_keys};
use crate::data::source::{Source, Survey};
use crate::data::text::without_bom;

/// CIFAR-10's and CIFAR-100's binary files: `data_batch_1.bin`, `test_batch.bin`; `train.bin`, `test.bin`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
#[schemars(transform = describe_keys(&[
    ("train", "The training images: the folder of the files, or one file."),
    ("valid", "The validation images: the folder, of which the test file is taken, or one file."),
]))]
pub struct CifarBinary {
    #[serde(flatten)]
    splits: SplitKeys,
    #[serde(flatten)]
    test: TestKey,
    /// Which labels of CIFAR-100 are used.
    #[serde(default)]
    labels: Labels,
    /// Height and width to which images are resized; default: their own, 32 x 32.
    #[schemars(inner(range(min = 1, max = 16384)))]
    size: Option<[usize; 2]>,
    /// How images are resized.
    #[serde(default)]
    resize: Filter,
    /// Resized images are cached in that much memory; default: a quarter of the free memory.
    cache_memory: Option<ByteSize>,
}

/// Which labels of CIFAR-100 are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Labels {
    /// The 100 classes.
    #[default]
    Fine,
    /// The 20 groups of classes.
    Coarse,
}

impl Source for CifarBinary {
    fn declared_shape(&self) -> Option<Shape> {
        None
    }

    fn survey(self: Box<Self>, seed: u64) -> Result<Box<dyn Survey>, Vec<Fault>> {
        self.splits.resolve(seed)?;
        check_resize(self.size, self.resize)?;
        self.test.check()?;
        let read = |path: &FilePath, name: &str, wanted| {
            read_cifar(path, self.labels, wanted).map_err(|message| fault(name, message))
        };
        let Cifar {
            blocks: train,
            classes,
            ..
        } = read(&self.splits.train, "train", TRAIN)?;
        let valid = match &self.splits.valid {
            Some(path) => Some(read(path, "valid", VALID)?.blocks),
            None => None,
        };
        let options = BlockOptions {
            size: self.size,
            resize: self.resize,
            memory: self.cache_memory,
        };
        let blocks = LabelledBlocks {
            classes,
            splits: self.splits,
            train,
            valid,
        };
        survey(blocks, options, seed)
    }
}

/// Pixels of an image of CIFAR.
const CIFAR: usize = 3 * 32 * 32;

/// The content of CIFAR's files.
pub struct Cifar {
    /// The images.
    pub blocks: Blocks,
    /// Class names by number.
    pub classes: Vec<String>,
    /// The file of the class names, if it is missing and the classes are named by numbers.
    pub missing_names: Option<&'static str>,
}

fn read_cifar(path: &FilePath, labels: Labels, words: &[&str]) -> Result<Cifar, BlockError> {
    let is_binary = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "bin");
    let (folder, found) = if path.is_dir() {
        let mut found: Vec<PathBuf> = files(path)?.into_iter().filter(is_binary).collect();
        found.retain(|path| words.iter().any(|word| name_of(path).contains(word)));
        (path.to_path_buf(), found)
    } else {
        let folder = path.parent().unwrap_or(FilePath::new(""));
        (folder.to_path_buf(), vec![path.to_path_buf()])
    };
    if found.is_empty() {
        let example = match words == TRAIN {
            true => "data_batch_1.bin",
            false => "test_batch.bin",
        };
        return Err(BlockError::NoFile {
            path: path.to_path_buf(),
            example: example.to_string(),
        });
    }
    let names = |file: &str| -> Option<Vec<String>> {
        let text = String::from_utf8(read_small(&folder.join(file)).ok()?).ok()?;
        let lines = without_bom(&text)
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty());
        Some(lines.map(str::to_string).collect())
    };
    let hundred = folder.join("fine_label_names.txt").is_file()
        || found
            .iter()
            .any(|path| ["train.bin", "test.bin"].contains(&&*name_of(path)));
    let (skip, at, list, count) = match (hundred, labels) {
        (false, _) => (1, 0, "batches.meta.txt", 10),
        (true, Labels::Fine) => (2, 1, "fine_label_names.txt", 100),
        (true, Labels::Coarse) => (2, 0, "coarse_label_names.txt", 20),
    };
    let found_names = names(list).filter(|names| names.len() == count);
    let missing_names = found_names.is_none().then_some(list);
    let numbers = || (0..count).map(|label| label.to_string()).collect();
    let classes: Vec<String> = found_names.unwrap_or_else(numbers);
    let mut blocks = Vec::new();
    for path in found {
        let record = skip + CIFAR;
        let whole = |len: u64| match len > 0 && len.is_multiple_of(record as u64) {
            true => Ok(()),
            false => Err(CifarError::Size {
                len,
                record,
                head: skip,
            }),
        };
        let bytes = match read_within_memory(&path, whole) {
            Ok(bytes) => bytes,
            Err(error) => return Err(BlockError::Cifar { path, error }),
        };
        let block = RawBlock {
            path,
            size: [32, 32, 3],
            planar: true,
            skip,
            depth: 1,
            bytes,
        };
        let labels = (0..block.len()).map(|index| u32::from(block.head(index)[at]));
        let labels = labels.collect();
        blocks.push((block, labels));
    }
    check_labels(blocks.iter(), &classes)?;
    Ok(Cifar {
        blocks,
        classes,
        missing_names,
    })
}

/// Labelled images for evaluating a model, if `path` is such a file or a folder of them. Without `labels`, the kind of
/// labels whose names are `classes` is used.
///
/// # Errors
/// Files that are damaged.
pub fn labelled_cifar(
    path: &FilePath,
    labels: Option<Labels>,
    classes: &[String],
) -> Option<Result<Cifar, BlockError>> {
    let is_cifar = |path: &FilePath| path.extension().is_some_and(|ext| ext == "bin");
    let found = match path.is_dir() {
        true => files(path)
            .unwrap_or_default()
            .iter()
            .any(|path| is_cifar(path)),
        false => is_cifar(path),
    };
    found.then(|| {
        if let Some(labels) = labels {
            return read_cifar(path, labels, VALID);
        }
        let knows_all = |cifar: &Cifar| classes.iter().all(|class| cifar.classes.contains(class));
        let fine = read_cifar(path, Labels::Fine, VALID)?;
        match knows_all(&fine) {
            true => Ok(fine),
            false => {
                read_cifar(path, Labels::Coarse, VALID).map(|coarse| match knows_all(&coarse) {
                    true => coarse,
                    false => fine,
                })
            }
        }
    })
}

/// The images of a CIFAR binary without their labels; `None` if `path` does not have such a name.
///
/// # Errors
/// A file that is damaged.
pub fn cifar_images(path: &FilePath) -> Option<Result<RawBlock, BlockError>> {
    let is_cifar = path.is_file() && path.extension().is_some_and(|ext| ext == "bin");
    is_cifar.then(|| {
        let cifar = read_cifar(path, Labels::Fine, VALID)?;
        let mut blocks = cifar.blocks.into_iter();
        let (block, _) = blocks.next().ok_or(BlockError::NoImage)?;
        Ok(block)
    })
}
