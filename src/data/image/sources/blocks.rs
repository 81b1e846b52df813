//! Labelled blocks of raw images in memory: the common part of IDX, CIFAR's binaries and NumPy's arrays.

use std::fmt::Display;
use std::path::{Path as FilePath, PathBuf};

use super::block_error::BlockError;
use crate::config::{ByteSize, Fault};
use crate::console::Show as _;
use crate::data::core::faults::key;
use crate::data::core::left_out::LeftOut;
use crate::data::image::decode::raw::RawBlock;
use crate::data::image::divide::divide;
use crate::data::image::options::ImageOptions;
use crate::data::image::resize::Filter;
use crate::data::image::samples::Split;
use crate::data::image::survey::{ImageSurvey, Listed};
use crate::data::loading::divided::Divided;
use crate::data::loading::split_keys::{SplitKeys, ValidFrom, check_classes};
use crate::data::source::Survey;

/// Images with the indices of their classes.
pub type Blocks = Vec<(RawBlock, Vec<u32>)>;

/// A fault of a key whose value names a file.
pub fn fault(name: &str, message: impl Display) -> Vec<Fault> {
    let hint = "paths are relative to the experiment file";
    vec![Fault::new(key(name), format!("is {message}")).hint(hint)]
}

/// # Errors
/// A filter where nothing is resized.
pub fn check_resize(size: Option<[usize; 2]>, resize: Filter) -> Result<(), Vec<Fault>> {
    if size.is_some() || resize == Filter::default() {
        return Ok(());
    }
    let message = "is for images that are resized; without data.size they keep their own";
    let fault = Fault::new(key("resize"), message).at_key();
    Err(vec![fault.hint("give data.size, or remove the key")])
}

/// # Errors
/// Labels of a validation split that is not given.
pub fn check_valid_labels(labels: bool, valid: bool) -> Result<(), Vec<Fault>> {
    if valid || !labels {
        return Ok(());
    }
    let message = "is for the images of data.valid, which is not given";
    Err(vec![Fault::new(key("valid_labels"), message).at_key()])
}

/// How the images become samples.
pub struct BlockOptions {
    /// Height and width; default: the images' own.
    pub size: Option<[usize; 2]>,
    /// How they are resized.
    pub resize: Filter,
    /// The size of the cache.
    pub memory: Option<ByteSize>,
}

/// Images of two splits.
pub struct LabelledBlocks {
    /// Class names by number.
    pub classes: Vec<String>,
    /// Where the splits come from.
    pub splits: SplitKeys,
    /// The training split.
    pub train: Blocks,
    /// The validation split.
    pub valid: Option<Blocks>,
}

/// Lists images of two splits.
///
/// # Errors
/// A label beyond the classes, one class only, a class with one image of which one is to be split off.
pub fn survey(
    blocks: LabelledBlocks,
    options: BlockOptions,
    seed: u64,
) -> Result<Box<dyn Survey>, Vec<Fault>> {
    let LabelledBlocks {
        classes,
        splits,
        train,
        valid,
    } = blocks;
    let valid_from = splits.resolve(seed)?;
    let size = train.first().map_or([0; 3], |(block, _)| block.size);
    for (name, blocks) in [("train", Some(&train)), ("valid", valid.as_ref())] {
        check_labels(blocks.into_iter().flatten(), &classes)
            .map_err(|message| fault(name, message))?;
    }
    let (classes, train, valid) = occurring(classes, train, valid);
    check_classes(&classes).map_err(|_| {
        let message = format!("{}, which has one class only", splits.train.shown());
        fault("train", message)
    })?;
    let train = Split::of_blocks(splits.train.to_path_buf(), train);
    let divided = match valid_from {
        ValidFrom::Given(root) => {
            let valid = Split::of_blocks(root.to_path_buf(), valid.unwrap_or_default());
            Divided::given(train, valid, root.shown().to_string())
        }
        ValidFrom::SplitOff(split_off) => divide(train, &classes, split_off)?,
    };
    let images = ImageOptions {
        channels: Some(size[2]),
        resize: options.resize,
        cache_memory: options.memory,
        ..ImageOptions::of_size(options.size.unwrap_or([size[0], size[1]]))
    };
    let listed = Listed {
        classes,
        test: None,
        left_out: LeftOut::default(),
        sets: None,
        splits: divided,
    };
    Ok(Box::new(ImageSurvey::new(images, listed)))
}

/// Drops the classes without an image in either split: the labels of EMNIST's letters begin at 1.
fn occurring(
    classes: Vec<String>,
    mut train: Blocks,
    mut valid: Option<Blocks>,
) -> (Vec<String>, Blocks, Option<Blocks>) {
    let mut occurs = vec![false; classes.len()];
    let all = || train.iter().chain(valid.iter().flatten());
    for label in all().flat_map(|(_, labels)| labels) {
        occurs[*label as usize] = true;
    }
    let mut places = Vec::with_capacity(classes.len());
    let mut kept = Vec::new();
    for (class, occurs) in classes.into_iter().zip(occurs) {
        places.push(kept.len() as u32);
        if occurs {
            kept.push(class);
        }
    }
    for (_, labels) in train.iter_mut().chain(valid.iter_mut().flatten()) {
        labels
            .iter_mut()
            .for_each(|label| *label = places[*label as usize]);
    }
    (kept, train, valid)
}

/// Checks that every label is that of a class.
///
/// # Errors
/// A label beyond the classes.
pub fn check_labels<'a>(
    blocks: impl Iterator<Item = &'a (RawBlock, Vec<u32>)>,
    classes: &[String],
) -> Result<(), BlockError> {
    for (block, labels) in blocks {
        let beyond = labels
            .iter()
            .position(|&label| label as usize >= classes.len());
        if let Some(index) = beyond {
            return Err(BlockError::Label {
                path: block.path.clone(),
                label: labels[index],
                index,
                num_classes: classes.len(),
            });
        }
    }
    Ok(())
}

/// "0", "1", ... up to the largest label.
pub fn numbered(blocks: &Blocks) -> Vec<String> {
    let labels = blocks.iter().flat_map(|(_, labels)| labels);
    let most = labels.max().copied().unwrap_or(0);
    (0..=most).map(|label| label.to_string()).collect()
}

/// Words in the names of training files.
pub const TRAIN: &[&str] = &["train", "data_batch"];
/// Words in the names of other files.
pub const VALID: &[&str] = &["t10k", "test", "valid", "val"];

/// The files of a folder, sorted.
///
/// # Errors
/// A folder that cannot be read.
pub fn files(folder: &FilePath) -> Result<Vec<PathBuf>, BlockError> {
    let fail = |error: std::io::Error| BlockError::Folder {
        path: folder.to_path_buf(),
        error,
    };
    let entries = std::fs::read_dir(folder).map_err(fail)?;
    let paths: std::io::Result<Vec<PathBuf>> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect();
    let mut paths = paths.map_err(fail)?;
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}

/// A file's name in lower case.
pub fn name_of(path: &FilePath) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().to_lowercase()
}
