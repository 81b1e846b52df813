//! `kind = "npz"` and `kind = "npy"`: images and labels as NumPy's arrays.

pub mod array_file;
pub mod error;
pub mod npy;
pub use std::path::{Path as FilePath, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::block_error::BlockError;
use super::blocks::{
    BlockOptions, Blocks, LabelledBlocks, check_resize, check_valid_labels, fault, numbered, survey,
};
use super::numpy::array_file::{ArrayFile, Labels, images, labels};
use super::numpy::error::NumpyError;
use crate::config::{ByteSize, Fault};
use crate::console::Show as _;
use crate::data::core::batch::Shape;
use crate::data::core::class_names::index_of;
use crate::data::core::faults::key;
use crate::data::core::left_out::short_name;
use crate::data::files::size::Packed;
use crate::data::image::decode::raw::RawBlock;
use crate::data::image::resize::Filter;
use crate::data::loading::split_keys::{SplitKeys, TestKey, describe_keys};
use crate::data::source::{Source, Survey};

/// Images in NumPy's arrays: `digits.npz` with `x_train` and `y_train` (or `train_images` and `train_labels`, as
/// MedMNIST has them), or `images.npy` with the labels in another file.
///
/// The images are `[N, height, width]`, `[N, height, width, channels]` or `[N, channels, height, width]`, of whole
/// numbers, or of floats from 0 to 1 or from 0 to 255; a label is a whole number or a text.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
#[schemars(transform = describe_keys(&[
    ("train", "The file of the training images, `.npz` or `.npy`."),
    ("valid", "The file of the validation images; may be that of training, where it has arrays for both."),
]))]
pub struct Npz {
    #[serde(flatten)]
    splits: SplitKeys,
    #[serde(flatten)]
    test: TestKey,
    /// The labels of the training images, `.npy`, where they are not in the same `.npz`.
    #[schemars(extend("x-path" = true))]
    #[serde(default, deserialize_with = "crate::console::read_optional_path")]
    train_labels: Option<PathBuf>,
    /// The labels of the validation images.
    #[schemars(extend("x-path" = true))]
    #[serde(default, deserialize_with = "crate::console::read_optional_path")]
    valid_labels: Option<PathBuf>,
    /// The names of the arrays of training, images and labels; default: `x_train` and `y_train`, `train_images` and
    /// `train_labels`, and the like.
    train_arrays: Option<[String; 2]>,
    /// The names of the arrays of validation; default: `x_val`, `val_images` and the like, then those of a test.
    valid_arrays: Option<[String; 2]>,
    /// The names of the classes by number; default: the numbers.
    classes: Option<Vec<String>>,
    /// Height and width to which images are resized; default: their own.
    #[schemars(inner(range(min = 1, max = 16384)))]
    size: Option<[usize; 2]>,
    /// How images are resized.
    #[serde(default)]
    resize: Filter,
    /// Resized images are cached in that much memory; default: a quarter of the free memory.
    cache_memory: Option<ByteSize>,
    /// The most bytes that an array in a compressed file may unpack to; default: 64 times its size or 256 MB,
    /// whichever is more.
    max_unpacked: Option<ByteSize>,
}

/// Which arrays of a file are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Those of training.
    Train,
    /// Those of validation, else of a test.
    Valid,
    /// Those of a test, else of validation.
    Test,
}

/// Words in the names of arrays, by split.
const TRAIN_WORDS: &[&str] = &["train", "training"];
const VALID_WORDS: &[&str] = &["val", "valid", "validation", "dev"];
const TEST_WORDS: &[&str] = &["test", "testing"];
const IMAGES: &[&str] = &["images", "x", "data", "imgs", "image", "features"];
const LABELS: &[&str] = &["labels", "y", "label", "target", "targets", "classes"];

impl Part {
    /// Names of image and label arrays, the likeliest first; without a word for the part last.
    fn names(self, kinds: &[&str]) -> Vec<String> {
        let words: Vec<&[&str]> = match self {
            Part::Train => vec![TRAIN_WORDS],
            Part::Valid => vec![VALID_WORDS, TEST_WORDS],
            Part::Test => vec![TEST_WORDS, VALID_WORDS],
        };
        let mut names = Vec::new();
        for word in words.concat() {
            for kind in kinds {
                names.extend([format!("{word}_{kind}"), format!("{kind}_{word}")]);
            }
        }
        names.extend(kinds.iter().map(|kind| (*kind).to_string()));
        names
    }
}

impl Source for Npz {
    fn declared_shape(&self) -> Option<Shape> {
        None
    }

    fn survey(self: Box<Self>, seed: u64) -> Result<Box<dyn Survey>, Vec<Fault>> {
        self.splits.resolve(seed)?;
        check_resize(self.size, self.resize)?;
        check_valid_labels(self.valid_labels.is_some(), self.splits.valid.is_some())?;
        self.test.check()?;
        let packed = Packed::new(self.max_unpacked);
        let train = Wanted {
            part: Part::Train,
            arrays: self.train_arrays.as_ref(),
            labels: self.train_labels.as_deref(),
        };
        let valid = Wanted {
            part: Part::Valid,
            arrays: self.valid_arrays.as_ref(),
            labels: self.valid_labels.as_deref(),
        };
        let (block, labels) = read_labelled(&self.splits.train, &train, packed)
            .map_err(|message| fault("train", message))?;
        let mut splits = vec![(block, labels)];
        if let Some(path) = &self.splits.valid {
            splits.push(
                read_labelled(path, &valid, packed).map_err(|message| fault("valid", message))?,
            );
        }
        let (classes, mut splits) = number(splits, self.classes.as_deref())?;
        let valid = (splits.len() > 1).then(|| splits.pop()).flatten();
        let train = splits.pop().unwrap_or_default();
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

/// Maps the labels of training and validation to class indices.
fn number(
    splits: Vec<(RawBlock, Labels)>,
    classes: Option<&[String]>,
) -> Result<(Vec<String>, Vec<Blocks>), Vec<Fault>> {
    let mut names: Vec<String> = match (classes, splits.first()) {
        (Some(classes), _) => classes.to_vec(),
        (None, Some((_, Labels::Names(names)))) => names.clone(),
        _ => Vec::new(),
    };
    if classes.is_none() {
        names.sort();
        names.dedup();
    }
    let index = index_of(&names);
    let mut numbered_splits = Vec::new();
    for (split, (block, labels)) in ["train", "valid"].into_iter().zip(splits) {
        let numbers = match labels {
            Labels::Numbers(_) if classes.is_none() && !names.is_empty() => {
                return Err(fault(
                    split,
                    format!(
                        "{}, whose labels are numbers, expected names",
                        block.path.shown()
                    ),
                ));
            }
            Labels::Numbers(numbers) => numbers,
            Labels::Names(labels) => {
                let unknown = labels
                    .iter()
                    .find(|label| !index.contains_key(label.as_str()));
                if let Some(label) = unknown {
                    let what = format!(
                        "has no class {:?}, which {} has",
                        short_name(label),
                        block.path.shown()
                    );
                    let place = if classes.is_some() {
                        key("classes")
                    } else {
                        key("train")
                    };
                    return Err(vec![Fault::new(place, what)]);
                }
                labels
                    .iter()
                    .map(|label| index[label.as_str()] as u32)
                    .collect()
            }
        };
        numbered_splits.push(vec![(block, numbers)]);
    }
    let classes = match (names.is_empty(), numbered_splits.first()) {
        (true, Some(train)) => numbered(train),
        _ => names,
    };
    Ok((classes, numbered_splits))
}

/// Which images and labels of a file are wanted.
struct Wanted<'a> {
    part: Part,
    arrays: Option<&'a [String; 2]>,
    labels: Option<&'a FilePath>,
}

/// Whether a file has an extension of NumPy's.
pub fn is_numpy(path: &FilePath) -> bool {
    let extension = path.extension().unwrap_or_default();
    ["npz", "npy"]
        .iter()
        .any(|ext| extension.eq_ignore_ascii_case(ext))
}

/// Images with the names of their classes, where the labels are texts.
pub type NamedBlocks = (Blocks, Option<Vec<String>>);

/// Labelled images for evaluating a model: blocks whose labels are numbers, and the names of these, where they are
/// names.
///
/// # Errors
/// Why the file cannot be used.
pub fn labelled_numpy(path: &FilePath) -> Option<Result<NamedBlocks, BlockError>> {
    (path.is_file() && is_numpy(path)).then(|| {
        let wanted = Wanted {
            part: Part::Test,
            arrays: None,
            labels: None,
        };
        let packed = Packed::default();
        let read = read_labelled(path, &wanted, packed).or_else(|error| {
            // A file with the training split alone can be evaluated, too.
            let train = Wanted {
                part: Part::Train,
                ..wanted
            };
            read_labelled(path, &train, packed).map_err(|_| error)
        });
        let (block, labels) = read?;
        Ok(match labels {
            Labels::Numbers(numbers) => (vec![(block, numbers)], None),
            Labels::Names(labels) => {
                let mut names = labels.clone();
                names.sort();
                names.dedup();
                let index = index_of(&names);
                let numbers = labels
                    .iter()
                    .map(|label| index[label.as_str()] as u32)
                    .collect();
                (vec![(block, numbers)], Some(names))
            }
        })
    })
}

/// The names of the arrays in a file.
///
/// # Errors
/// Why it cannot be read.
pub fn array_names(path: &FilePath) -> Result<Vec<String>, NumpyError> {
    Ok(ArrayFile::open(path)?.names())
}

/// The images of a file, without labels; `None` if `path` does not have an extension of NumPy's.
///
/// # Errors
/// Why they cannot be used.
pub fn numpy_images(path: &FilePath) -> Option<Result<RawBlock, NumpyError>> {
    (path.is_file() && is_numpy(path)).then(|| {
        let packed = Packed::default();
        let names = [Part::Test, Part::Train]
            .map(|part| part.names(IMAGES))
            .concat();
        let array = ArrayFile::open(path)?.read(&names, packed)?;
        images(array, path)
    })
}

/// # Errors
/// Why the file cannot be used.
fn read_labelled(
    path: &FilePath,
    wanted: &Wanted,
    packed: Packed,
) -> Result<(RawBlock, Labels), BlockError> {
    let in_file = |path: &FilePath| {
        let path = path.to_path_buf();
        move |error: NumpyError| BlockError::Numpy { path, error }
    };
    let [image_names, label_names] = match wanted.arrays {
        Some([images, labels]) => [vec![images.clone()], vec![labels.clone()]],
        None => [IMAGES, LABELS].map(|kinds| wanted.part.names(kinds)),
    };
    let mut file = ArrayFile::open(path).map_err(in_file(path))?;
    // Of a part that has both: MedMNIST names `val_labels` as it names `val_images`.
    let pairs: Vec<usize> = (0..image_names.len().min(label_names.len()))
        .filter(|&index| file.has(&image_names[index]) && file.has(&label_names[index]))
        .collect();
    let image_names = match pairs.first() {
        Some(&index) if wanted.arrays.is_none() => vec![image_names[index].clone()],
        _ => image_names,
    };
    let label_names = match pairs.first() {
        Some(&index) if wanted.arrays.is_none() => vec![label_names[index].clone()],
        _ => label_names,
    };
    let array = file.read(&image_names, packed).map_err(in_file(path))?;
    let block = images(array, path).map_err(in_file(path))?;
    let (labels_path, array) = match wanted.labels {
        Some(labels) => {
            let read = ArrayFile::open(labels).and_then(|mut file| file.read(&label_names, packed));
            (labels, read.map_err(in_file(labels))?)
        }
        None if file.is_single() => {
            let path = path.to_path_buf();
            return Err(BlockError::ImagesAlone { path });
        }
        None => (
            path,
            file.read(&label_names, packed).map_err(in_file(path))?,
        ),
    };
    let labels = labels(array).map_err(in_file(labels_path))?;
    let count = match &labels {
        Labels::Numbers(numbers) => numbers.len(),
        Labels::Names(names) => names.len(),
    };
    if count != block.len() {
        return Err(BlockError::Counts {
            images: path.to_path_buf(),
            num_images: block.len(),
            what: "images",
            labels: labels_path.to_path_buf(),
            num_labels: count,
        });
    }
    Ok((block, labels))
}
