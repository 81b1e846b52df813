//! `kind = "idx"`: the format of MNIST, images and labels in binary files.

use std::path::{Path as FilePath, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::block_error::BlockError;
use super::blocks::{
    BlockOptions, Blocks, LabelledBlocks, TRAIN, VALID, check_resize, check_valid_labels, fault,
    files, name_of, numbered, survey,
};
use super::idx_error::IdxError;
use super::idx_file::IdxFile;
use crate::config::{ByteSize, Fault};
use crate::data::core::batch::Shape;
use crate::data::files::size::Packed;
use crate::data::image::decode::raw::RawBlock;
use crate::data::image::resize::Filter;
use crate::data::loading::split_keys::{SplitKeys, TestKey, describe_keys};
use crate::data::source::{Source, Survey};

/// Images of IDX files (MNIST's format), gzip or not: `train-images-idx3-ubyte.gz` with
/// `train-labels-idx1-ubyte.gz` beside it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
#[schemars(transform = describe_keys(&[
    ("train", "The training images: a folder with files whose names begin with `train-`, or the file of the\nimages."),
    ("valid", "The validation images: a folder with files whose names begin with `t10k-` (or `test-`, `valid-`),\nor the file of the images."),
]))]
pub struct Idx {
    #[serde(flatten)]
    splits: SplitKeys,
    #[serde(flatten)]
    test: TestKey,
    /// The labels of the training images; default: the file named like that of the images, with
    /// labels and idx1 for images and idx3.
    #[schemars(extend("x-path" = true))]
    #[serde(default, deserialize_with = "crate::console::read_optional_path")]
    train_labels: Option<PathBuf>,
    /// The labels of the validation images.
    #[schemars(extend("x-path" = true))]
    #[serde(default, deserialize_with = "crate::console::read_optional_path")]
    valid_labels: Option<PathBuf>,
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
    /// The most bytes that a compressed file may unpack to; default: 64 times its size or 256 MB, whichever is
    /// more.
    max_unpacked: Option<ByteSize>,
}

impl Source for Idx {
    fn declared_shape(&self) -> Option<Shape> {
        None
    }

    fn survey(self: Box<Self>, seed: u64) -> Result<Box<dyn Survey>, Vec<Fault>> {
        self.splits.resolve(seed)?;
        check_resize(self.size, self.resize)?;
        check_valid_labels(self.valid_labels.is_some(), self.splits.valid.is_some())?;
        self.test.check()?;
        let packed = Packed::new(self.max_unpacked);
        let train = read_idx(
            &self.splits.train,
            self.train_labels.as_deref(),
            TRAIN,
            packed,
        )
        .map_err(|message| fault("train", message))?;
        let valid = match &self.splits.valid {
            Some(path) => Some(
                read_idx(path, self.valid_labels.as_deref(), VALID, packed)
                    .map_err(|message| fault("valid", message))?,
            ),
            None => None,
        };
        let classes = match &self.classes {
            Some(names) => names.clone(),
            None => numbered(&train),
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

/// Whether a file has a name of IDX images.
pub fn is_images(path: &FilePath) -> bool {
    let name = name_of(path);
    name.contains("images") && (name.contains("idx") || name.contains("ubyte"))
}

/// The file of images in a folder: that with one of the words in its name, or the only one.
fn find_images(folder: &FilePath, words: &[&str]) -> Result<PathBuf, BlockError> {
    let mut images: Vec<PathBuf> = files(folder)?
        .into_iter()
        .filter(|path| is_images(path))
        .collect();
    let wanted = |path: &PathBuf| words.iter().any(|word| name_of(path).contains(word));
    if images.len() > 1 {
        images.retain(wanted);
    }
    // A file and its unpacked twin.
    images.dedup_by(|next, first| next.with_extension("") == *first);
    match &images[..] {
        [image] => Ok(image.clone()),
        [] => Err(BlockError::NoFile {
            path: folder.to_path_buf(),
            example: format!("{}-images-idx3-ubyte.gz", words[0]),
        }),
        several => {
            let names: Vec<String> = several.iter().map(|path| name_of(path)).collect();
            Err(BlockError::SeveralFiles {
                path: folder.to_path_buf(),
                names: names.join(", "),
            })
        }
    }
}

/// The file of the labels, by the name of the file of images.
fn find_labels(images: &FilePath) -> Result<PathBuf, BlockError> {
    let name = images.file_name().unwrap_or_default().to_string_lossy();
    let labels = name.replace("images", "labels").replace("idx3", "idx1");
    let plain = labels.trim_end_matches(".gz").to_string();
    let names = [labels.clone(), plain.clone(), format!("{plain}.gz")];
    let paths = names.iter().map(|name| images.with_file_name(name));
    let found = paths
        .into_iter()
        .find(|path| path.is_file() && path != images);
    found.ok_or_else(|| BlockError::NoLabels {
        images: images.to_path_buf(),
        labels,
    })
}

fn read_idx(
    path: &FilePath,
    labels: Option<&FilePath>,
    words: &[&str],
    packed: Packed,
) -> Result<Blocks, BlockError> {
    let images = if path.is_dir() {
        find_images(path, words)?
    } else {
        path.to_path_buf()
    };
    let labels = match labels {
        Some(labels) => labels.to_path_buf(),
        None => find_labels(&images)?,
    };
    let in_file = |path: &FilePath| {
        let path = path.to_path_buf();
        move |error: IdxError| BlockError::Idx { path, error }
    };
    let read = IdxFile::read(&images, packed).and_then(|file| file.into_images(&images));
    let block = read.map_err(in_file(&images))?;
    let read = IdxFile::read(&labels, packed).and_then(IdxFile::into_labels);
    let numbers = read.map_err(in_file(&labels))?;
    if block.len() != numbers.len() {
        return Err(BlockError::Counts {
            images,
            num_images: block.len(),
            what: "images",
            labels,
            num_labels: numbers.len(),
        });
    }
    Ok(vec![(block, numbers)])
}

/// Labelled images for evaluating a model, where `path` is a file of images or a folder of them; the labels are
/// numbers.
///
/// # Errors
/// Files that are damaged or do not belong together.
pub fn labelled_idx(path: &FilePath) -> Option<Result<Blocks, BlockError>> {
    let is_idx = match path.is_dir() {
        true => files(path)
            .unwrap_or_default()
            .iter()
            .any(|path| is_images(path)),
        false => is_images(path),
    };
    is_idx.then(|| {
        let packed = Packed::default();
        read_idx(path, None, VALID, packed).or_else(|error| match path.is_dir() {
            true => read_idx(path, None, TRAIN, packed),
            false => Err(error),
        })
    })
}

/// The images of an IDX file without their labels; `None` if `path` does not have such a name.
pub fn idx_images(path: &FilePath) -> Option<Result<RawBlock, IdxError>> {
    (path.is_file() && is_images(path))
        .then(|| IdxFile::read(path, Packed::default())?.into_images(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::parse_idx;

    fn idx(kind: u8, sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![0, 0, kind, sizes.len() as u8];
        sizes.iter().for_each(|size| out.extend(size.to_be_bytes()));
        out.extend(bytes);
        out
    }

    #[test]
    fn reads_images_and_labels_of_any_whole_type() {
        assert_eq!(parse_idx(&idx(8, &[2, 1, 2], &[1, 2, 3, 4])).ok(), Some(2));
        let labels = |kind, bytes: &[u8]| {
            let count = [bytes.len() as u32 / if kind == 0x0C { 4 } else { 1 }];
            IdxFile::parse(&idx(kind, &count, bytes)[..], |_| Ok(())).and_then(IdxFile::into_labels)
        };
        assert_eq!(labels(8, &[3, 200]).ok(), Some(vec![3, 200]));
        assert_eq!(labels(0x0C, &[0, 0, 1, 2]).ok(), Some(vec![258]));
        assert!(labels(9, &[0xFF]).is_err());
    }

    #[test]
    fn a_damaged_file_is_reported() {
        let message = |bytes: &[u8]| parse_idx(bytes).expect_err("damaged").to_string();
        assert!(message(b"PK\x03\x04....").contains("begins with [50, 4b, 03, 04]"));
        assert!(message(&idx(8, &[2, 1, 2], &[1, 2, 3])).contains("holds 3 of the 4 bytes"));
        assert!(message(&idx(8, &[1, 1, 2], &[1, 2, 3])).contains("holds more bytes than the 2"));
        assert!(message(&idx(0x0D, &[1, 1, 1], &[0; 4])).contains("type 0d"));
        let huge = idx(8, &[u32::MAX, u32::MAX, u32::MAX], &[]);
        assert!(message(&huge).contains("which no file holds"));
        assert!(message(&idx(8, &[0, 28, 28], &[])).contains("holds no image"));
        assert!(message(&[0, 0]).contains("head is not whole"));
    }

    #[test]
    fn a_compressed_file_does_not_unpack_without_bound() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let head = idx(8, &[6000, 1000, 1000], &[]);
        std::io::Write::write_all(&mut encoder, &head).expect("written");
        std::io::Write::write_all(&mut encoder, &vec![0; 1 << 20]).expect("written");
        let bytes = encoder.finish().expect("packed");
        let message = parse_idx(&bytes)
            .expect_err("too much is claimed")
            .to_string();
        assert!(
            message.contains("cannot hold the 6000000000 bytes"),
            "{message}"
        );
        let message = Packed::default()
            .check(6_000_000, 6_000_000_000)
            .expect_err("too much")
            .to_string();
        assert!(message.contains("data.max_unpacked"), "{message}");
        let asked = Packed::new(Some(ByteSize(7_000_000_000)));
        assert_eq!(asked.check(6_000_000, 6_000_000_000), Ok(()));
    }
}
