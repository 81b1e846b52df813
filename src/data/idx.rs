//! `kind = "idx"` (the format of MNIST) and `kind = "cifar-binary"`: pictures and labels in binary files.

use std::fs::File;
use std::io::Read;
use std::path::{Path as FilePath, PathBuf};

use flate2::read::GzDecoder;
use schemars::JsonSchema;
use serde::Deserialize;

use super::batch::Shape;
use super::dataset::{Source, Survey};
use super::files::Split;
use super::image_folder::{check_splits, divide};
use super::image_options::ImageOptions;
use super::image_survey::{ImageSurvey, Listed};
use super::raw::RawBlock;
use super::resize::Filter;
use super::text::without_bom;
use crate::config::{ByteSize, Fault, Path};

/// Pictures of IDX files (MNIST's format), gzip or not: `train-images-idx3-ubyte.gz` with
/// `train-labels-idx1-ubyte.gz` beside it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Idx {
    /// The training pictures: a folder with files whose names begin with `train-`, or the file of the
    /// pictures.
    #[schemars(extend("x-path" = true))]
    train: PathBuf,
    /// The validation pictures: a folder with files whose names begin with `t10k-` (or `test-`, `valid-`),
    /// or the file of the pictures.
    #[schemars(extend("x-path" = true))]
    valid: Option<PathBuf>,
    /// Instead of `valid`: the share of each class that is split off the training pictures.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    valid_fraction: Option<f64>,
    /// The labels of the training pictures; default: the file called as that of the pictures, with
    /// labels and idx1 for images and idx3.
    #[schemars(extend("x-path" = true))]
    train_labels: Option<PathBuf>,
    /// The labels of the validation pictures.
    #[schemars(extend("x-path" = true))]
    valid_labels: Option<PathBuf>,
    /// The names of the classes by number; default: the numbers.
    classes: Option<Vec<String>>,
    /// Height and width to which pictures are resized; default: their own.
    #[schemars(inner(range(min = 1, max = 16384)))]
    size: Option<[usize; 2]>,
    /// How pictures are resized.
    #[serde(default)]
    resize: Filter,
    /// Pictures are kept in that much memory once they are resized; default: a quarter of what is free.
    cache_memory: Option<ByteSize>,
}

/// CIFAR-10's and CIFAR-100's binary files: `data_batch_1.bin`, `test_batch.bin`; `train.bin`, `test.bin`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CifarBinary {
    /// The training pictures: the folder of the files, or one file.
    #[schemars(extend("x-path" = true))]
    train: PathBuf,
    /// The validation pictures: the folder, of which the test file is taken, or one file.
    #[schemars(extend("x-path" = true))]
    valid: Option<PathBuf>,
    /// Instead of `valid`: the share of each class that is split off the training pictures.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    valid_fraction: Option<f64>,
    /// Which labels of CIFAR-100 are taken.
    #[serde(default)]
    labels: Labels,
    /// Height and width to which pictures are resized; default: their own, 32 x 32.
    #[schemars(inner(range(min = 1, max = 16384)))]
    size: Option<[usize; 2]>,
    /// How pictures are resized.
    #[serde(default)]
    resize: Filter,
    /// Pictures are kept in that much memory once they are resized; default: a quarter of what is free.
    cache_memory: Option<ByteSize>,
}

/// Which labels of CIFAR-100 are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Labels {
    /// The 100 classes.
    #[default]
    Fine,
    /// The 20 groups of classes.
    Coarse,
}

fn key(name: &str) -> Path {
    Path::parse("data").key(name)
}

fn fault(name: &str, message: String) -> Vec<Fault> {
    let hint = "paths are relative to the experiment file";
    vec![Fault::new(key(name), format!("is {message}")).hint(hint)]
}

/// # Errors
/// A filter where nothing is resized.
fn check_resize(size: Option<[usize; 2]>, resize: Filter) -> Result<(), Vec<Fault>> {
    if size.is_some() || resize == Filter::default() {
        return Ok(());
    }
    let message = "is for pictures that are resized; without data.size they keep their own";
    let fault = Fault::new(key("resize"), message).at_key();
    Err(vec![fault.hint("give data.size, or remove the key")])
}

type Blocks = Vec<(RawBlock, Vec<u32>)>;

impl Source for Idx {
    fn declared_shape(&self) -> Option<Shape> {
        None
    }

    fn survey(self: Box<Self>, seed: u64) -> Result<Box<dyn Survey>, Vec<Fault>> {
        check_splits(self.valid.is_some(), self.valid_fraction)?;
        check_resize(self.size, self.resize)?;
        if self.valid_labels.is_some() && self.valid.is_none() {
            let message = "is for the pictures of data.valid, which is not given";
            return Err(vec![Fault::new(key("valid_labels"), message).at_key()]);
        }
        let train = read_idx(&self.train, self.train_labels.as_deref(), TRAIN)
            .map_err(|message| fault("train", message))?;
        let valid = match &self.valid {
            Some(path) => Some(
                read_idx(path, self.valid_labels.as_deref(), VALID)
                    .map_err(|message| fault("valid", message))?,
            ),
            None => None,
        };
        let classes = match &self.classes {
            Some(names) => names.clone(),
            None => numbered(&train),
        };
        let options = Options {
            size: self.size,
            resize: self.resize,
            memory: self.cache_memory,
        };
        let roots = [self.train, self.valid.unwrap_or_default()];
        let splits = (train, valid, self.valid_fraction);
        survey(classes, roots, splits, options, seed)
    }
}

impl Source for CifarBinary {
    fn declared_shape(&self) -> Option<Shape> {
        None
    }

    fn survey(self: Box<Self>, seed: u64) -> Result<Box<dyn Survey>, Vec<Fault>> {
        check_splits(self.valid.is_some(), self.valid_fraction)?;
        check_resize(self.size, self.resize)?;
        let read = |path: &FilePath, name: &str, wanted| {
            read_cifar(path, self.labels, wanted).map_err(|message| fault(name, message))
        };
        let (train, classes) = read(&self.train, "train", TRAIN)?;
        let valid = match &self.valid {
            Some(path) => Some(read(path, "valid", VALID)?.0),
            None => None,
        };
        let options = Options {
            size: self.size,
            resize: self.resize,
            memory: self.cache_memory,
        };
        let roots = [self.train, self.valid.unwrap_or_default()];
        let splits = (train, valid, self.valid_fraction);
        survey(classes, roots, splits, options, seed)
    }
}

struct Options {
    size: Option<[usize; 2]>,
    resize: Filter,
    memory: Option<ByteSize>,
}

fn survey(
    classes: Vec<String>,
    roots: [PathBuf; 2],
    (train, valid, fraction): (Blocks, Option<Blocks>, Option<f64>),
    options: Options,
    seed: u64,
) -> Result<Box<dyn Survey>, Vec<Fault>> {
    let size = train.first().map_or([0; 3], |(block, _)| block.size);
    for (name, blocks) in [("train", Some(&train)), ("valid", valid.as_ref())] {
        check_labels(blocks.into_iter().flatten(), &classes)
            .map_err(|message| fault(name, message))?;
    }
    let (classes, train, valid) = occurring(classes, train, valid);
    if classes.len() < 2 {
        let message = format!("{}, which has one class only", roots[0].display());
        return Err(fault("train", message));
    }
    let [root, valid_root] = roots;
    let train = Split::of_blocks(root, train);
    let (train, valid, valid_from) = match valid {
        Some(blocks) => {
            let from = valid_root.display().to_string();
            (train, Split::of_blocks(valid_root, blocks), from)
        }
        None => divide(train, &classes, fraction.unwrap_or_default(), seed)?,
    };
    let images = ImageOptions {
        channels: Some(size[2]),
        resize: options.resize,
        cache_memory: options.memory,
        ..ImageOptions::of_size(options.size.unwrap_or([size[0], size[1]]))
    };
    let listed = Listed {
        classes,
        train,
        valid,
        valid_from,
        left_out: Vec::new(),
    };
    Ok(Box::new(ImageSurvey::new(images, listed)))
}

/// Leaves out the classes of which neither split has a picture: EMNIST's letters are numbered from 1.
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

/// # Errors
/// A label beyond the classes, in words that begin with the file's name.
fn check_labels<'a>(
    blocks: impl Iterator<Item = &'a (RawBlock, Vec<u32>)>,
    classes: &[String],
) -> Result<(), String> {
    for (block, labels) in blocks {
        let beyond = labels
            .iter()
            .position(|&label| label as usize >= classes.len());
        if let Some(index) = beyond {
            return Err(format!(
                "{}, whose label {} of picture {index} is none of the {} classes 0 to {}",
                block.path.display(),
                labels[index],
                classes.len(),
                classes.len().saturating_sub(1)
            ));
        }
    }
    Ok(())
}

/// "0", "1", ... up to the largest label.
fn numbered(blocks: &Blocks) -> Vec<String> {
    let labels = blocks.iter().flat_map(|(_, labels)| labels);
    let most = labels.max().copied().unwrap_or(0);
    (0..=most).map(|label| label.to_string()).collect()
}

/// Words in the names of training files.
const TRAIN: &[&str] = &["train", "data_batch"];
/// Words in the names of other files.
const VALID: &[&str] = &["t10k", "test", "valid", "val"];

/// The files of a folder, sorted.
fn files(folder: &FilePath) -> Result<Vec<PathBuf>, String> {
    let fail =
        |error: std::io::Error| format!("{}, which cannot be read: {error}", folder.display());
    let entries = std::fs::read_dir(folder).map_err(fail)?;
    let paths: std::io::Result<Vec<PathBuf>> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect();
    let mut paths = paths.map_err(fail)?;
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}

fn name_of(path: &FilePath) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().to_lowercase()
}

fn is_images(path: &FilePath) -> bool {
    let name = name_of(path);
    name.contains("images") && (name.contains("idx") || name.contains("ubyte"))
}

/// The file of a folder's pictures that has one of the words in its name, or the only one.
fn find_images(folder: &FilePath, words: &[&str]) -> Result<PathBuf, String> {
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
        [] => Err(format!(
            "{}, which holds no file such as {}-images-idx3-ubyte.gz",
            folder.display(),
            words[0]
        )),
        several => Err(format!(
            "{}, which holds several files of pictures ({}); name one",
            folder.display(),
            several
                .iter()
                .map(|path| name_of(path))
                .collect::<Vec<_>>()
                .join(", ")
        )),
    }
}

/// The file of the labels, by the name of that of the pictures.
fn find_labels(images: &FilePath) -> Result<PathBuf, String> {
    let name = images.file_name().unwrap_or_default().to_string_lossy();
    let labels = name.replace("images", "labels").replace("idx3", "idx1");
    let plain = labels.trim_end_matches(".gz").to_string();
    let names = [labels.clone(), plain.clone(), format!("{plain}.gz")];
    let paths = names.iter().map(|name| images.with_file_name(name));
    let found = paths
        .into_iter()
        .find(|path| path.is_file() && path != images);
    found.ok_or_else(|| {
        format!(
            "{}, beside which there is no {labels} with the labels",
            images.display()
        )
    })
}

fn read_idx(path: &FilePath, labels: Option<&FilePath>, words: &[&str]) -> Result<Blocks, String> {
    let images = if path.is_dir() {
        find_images(path, words)?
    } else {
        path.to_path_buf()
    };
    let labels = match labels {
        Some(labels) => labels.to_path_buf(),
        None => find_labels(&images)?,
    };
    let say = |path: &FilePath| {
        let path = path.display().to_string();
        move |message: String| format!("{path}, which {message}")
    };
    let pictures = IdxFile::read(&images).map_err(say(&images))?;
    let block = pictures.into_pictures(&images).map_err(say(&images))?;
    let numbers = IdxFile::read(&labels).map_err(say(&labels))?;
    let numbers = numbers.into_labels().map_err(say(&labels))?;
    if block.len() != numbers.len() {
        return Err(format!(
            "{} with {} pictures, but {} has {} labels",
            images.display(),
            block.len(),
            labels.display(),
            numbers.len()
        ));
    }
    Ok(vec![(block, numbers)])
}

/// What an IDX file holds.
struct IdxFile {
    /// 0x08 unsigned bytes, 0x09 signed, 0x0B 16 bits, 0x0C 32 bits, 0x0D and 0x0E floats.
    kind: u8,
    sizes: Vec<usize>,
    bytes: Vec<u8>,
}

impl IdxFile {
    /// # Errors
    /// Why it is no whole IDX file, in words that follow its name.
    fn read(path: &FilePath) -> Result<IdxFile, String> {
        let fail = |error: std::io::Error| format!("cannot be read: {error}");
        let mut file = File::open(path).map_err(fail)?;
        let mut begin = [0; 2];
        let count = file.read(&mut begin).map_err(fail)?;
        let file = File::open(path).map_err(fail)?;
        if count == 2 && begin == [0x1F, 0x8B] {
            Self::parse(GzDecoder::new(file))
        } else {
            Self::parse(file)
        }
    }

    fn parse(mut from: impl Read) -> Result<IdxFile, String> {
        let fail = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "is truncated: its head is not whole".to_string(),
            _ => format!("cannot be read: {error}"),
        };
        let mut magic = [0; 4];
        from.read_exact(&mut magic).map_err(fail)?;
        let [zero, null, kind, dimensions] = magic;
        let size = match kind {
            0x08 | 0x09 => 1,
            0x0B => 2,
            0x0C | 0x0D => 4,
            0x0E => 8,
            _ => 0,
        };
        if (zero, null) != (0, 0) || size == 0 || !(1..=4).contains(&dimensions) {
            return Err(format!(
                "is no IDX file: it begins with {magic:02x?}, expected 00 00, a type (08 to 0e) and the \
                 number of dimensions"
            ));
        }
        let mut sizes = Vec::new();
        for _ in 0..dimensions {
            let mut size = [0; 4];
            from.read_exact(&mut size).map_err(fail)?;
            sizes.push(u32::from_be_bytes(size) as usize);
        }
        let claimed = sizes
            .iter()
            .try_fold(size as u64, |all, &n| all.checked_mul(n as u64));
        let claimed = claimed
            .filter(|claimed| *claimed < 1 << 40)
            .ok_or_else(|| format!("claims {sizes:?} values, which no file holds"))?;
        // Memory grows with what comes, not with what is claimed.
        let mut bytes = Vec::new();
        from.take(claimed + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("cannot be read: {error}"))?;
        match bytes.len() as u64 {
            found if found < claimed => Err(format!(
                "is truncated: it holds {found} of the {claimed} bytes that its head claims ({sizes:?})"
            )),
            found if found > claimed => Err(format!(
                "holds more bytes than the {claimed} that its head claims ({sizes:?})"
            )),
            _ => Ok(IdxFile { kind, sizes, bytes }),
        }
    }

    /// # Errors
    /// What is no picture, in words that follow the file's name.
    fn into_pictures(self, path: &FilePath) -> Result<RawBlock, String> {
        let size = match self.sizes[..] {
            [_, height, width] => [height, width, 1],
            [_, height, width, channels @ (1 | 3)] => [height, width, channels],
            [_] => {
                return Err("holds labels (1 dimension), expected pictures (3 dimensions)".into());
            }
            _ => return Err(format!("has the sizes {:?}, expected pictures", self.sizes)),
        };
        if self.kind != 0x08 {
            return Err(format!(
                "holds values of type {:02x}, expected unsigned bytes (08)",
                self.kind
            ));
        }
        if self.bytes.is_empty() {
            return Err(format!("holds no picture ({:?})", self.sizes));
        }
        if size.iter().any(|&size| size > 16384) {
            return Err(format!(
                "claims pictures of {size:?}, more than 16384 a side"
            ));
        }
        Ok(RawBlock {
            path: path.to_path_buf(),
            size,
            planar: false,
            skip: 0,
            bytes: self.bytes,
        })
    }

    /// # Errors
    /// What is no label, in words that follow the file's name.
    fn into_labels(self) -> Result<Vec<u32>, String> {
        if self.sizes.len() != 1 {
            return Err(format!(
                "has {} dimensions, expected labels (1 dimension); is it the file of the pictures?",
                self.sizes.len()
            ));
        }
        let size = match self.kind {
            0x08 | 0x09 => 1,
            0x0B => 2,
            0x0C => 4,
            kind => {
                return Err(format!(
                    "holds values of type {kind:02x}, expected whole numbers"
                ));
            }
        };
        let signed = self.kind != 0x08;
        let number = |bytes: &[u8]| {
            let negative = signed && bytes[0] >= 0x80;
            let value = bytes
                .iter()
                .fold(0u32, |all, &byte| all << 8 | u32::from(byte));
            (!negative && value < 1 << 20).then_some(value)
        };
        let labels: Option<Vec<u32>> = self.bytes.chunks_exact(size).map(number).collect();
        labels.ok_or_else(|| "holds a label below 0 or above a million".into())
    }
}

/// Pixels of a picture of CIFAR.
const CIFAR: usize = 3 * 32 * 32;

fn read_cifar(
    path: &FilePath,
    labels: Labels,
    words: &[&str],
) -> Result<(Blocks, Vec<String>), String> {
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
        return Err(format!(
            "{}, which holds no file such as {}.bin",
            path.display(),
            if words == TRAIN {
                "data_batch_1"
            } else {
                "test_batch"
            }
        ));
    }
    let names = |file: &str| -> Option<Vec<String>> {
        let text = std::fs::read_to_string(folder.join(file)).ok()?;
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
    let classes = names(list)
        .filter(|names| names.len() == count)
        .unwrap_or_else(|| (0..count).map(|label| label.to_string()).collect());
    let mut blocks = Vec::new();
    for path in found {
        let bytes = std::fs::read(&path)
            .map_err(|error| format!("{}, which cannot be read: {error}", path.display()))?;
        if bytes.is_empty() || !bytes.len().is_multiple_of(skip + CIFAR) {
            return Err(format!(
                "{}, which has {} bytes, expected a multiple of {} ({skip} for the label and {CIFAR} for \
                 the picture)",
                path.display(),
                bytes.len(),
                skip + CIFAR
            ));
        }
        let block = RawBlock {
            path,
            size: [32, 32, 3],
            planar: true,
            skip,
            bytes,
        };
        let labels = (0..block.len()).map(|index| u32::from(block.head(index)[at]));
        let labels = labels.collect();
        blocks.push((block, labels));
    }
    check_labels(blocks.iter(), &classes)?;
    Ok((blocks, classes))
}

/// Pictures of binary files for judging a model, with the names of their classes; `None` where `path` is
/// neither such a file nor a folder of them.
pub fn labelled_binaries(path: &FilePath) -> Option<Result<(Blocks, Vec<String>), String>> {
    let is_cifar = |path: &FilePath| path.extension().is_some_and(|ext| ext == "bin");
    let inner = || files(path).unwrap_or_default();
    let (idx, cifar) = match path.is_dir() {
        true => (
            inner().iter().any(|path| is_images(path)),
            inner().iter().any(|path| is_cifar(path)),
        ),
        false => (is_images(path), is_cifar(path)),
    };
    let follows = |message: String| format!("does not fit the model: {message}");
    if idx {
        let read = read_idx(path, None, VALID).or_else(|error| match path.is_dir() {
            true => read_idx(path, None, TRAIN),
            false => Err(error),
        });
        return Some(read.map_err(follows).map(|blocks| {
            let classes = numbered(&blocks);
            (blocks, classes)
        }));
    }
    cifar.then(|| read_cifar(path, Labels::Fine, VALID).map_err(follows))
}

/// The pictures of an IDX file without their labels; `None` where `path` is not named as such files are.
pub fn idx_pictures(path: &FilePath) -> Option<Result<RawBlock, String>> {
    (path.is_file() && is_images(path)).then(|| IdxFile::read(path)?.into_pictures(path))
}

/// Gives labels the places that a model's classes have: by name, or by number where no name is the same.
///
/// # Errors
/// A label that is none of the model's classes.
pub fn match_labels(
    blocks: &mut Blocks,
    found: &[String],
    classes: &[String],
) -> Result<(), String> {
    let named = found.iter().any(|name| classes.contains(name));
    for label in blocks.iter_mut().flat_map(|(_, labels)| labels) {
        let name = &found[*label as usize];
        let place = match named {
            true => classes.iter().position(|class| class == name),
            false => Some(*label as usize).filter(|place| *place < classes.len()),
        };
        *label = place.ok_or_else(|| {
            let known = classes.join(", ");
            format!("holds pictures of class {name:?}, but the model knows {known}")
        })? as u32;
    }
    Ok(())
}

/// Reads bytes as an IDX file of pictures, for the fuzz test.
pub fn parse_idx(bytes: &[u8]) -> Result<usize, String> {
    let file = if bytes.starts_with(&[0x1F, 0x8B]) {
        IdxFile::parse(GzDecoder::new(bytes))?
    } else {
        IdxFile::parse(bytes)?
    };
    match file.sizes.len() {
        1 => file.into_labels().map(|labels| labels.len()),
        _ => file
            .into_pictures(FilePath::new("fuzz"))
            .map(|block| block.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idx(kind: u8, sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![0, 0, kind, sizes.len() as u8];
        sizes.iter().for_each(|size| out.extend(size.to_be_bytes()));
        out.extend(bytes);
        out
    }

    #[test]
    fn reads_pictures_and_labels_of_any_whole_type() {
        assert_eq!(parse_idx(&idx(8, &[2, 1, 2], &[1, 2, 3, 4])), Ok(2));
        let labels = |kind, bytes: &[u8]| {
            let count = [bytes.len() as u32 / if kind == 0x0C { 4 } else { 1 }];
            IdxFile::parse(&idx(kind, &count, bytes)[..]).and_then(IdxFile::into_labels)
        };
        assert_eq!(labels(8, &[3, 200]), Ok(vec![3, 200]));
        assert_eq!(labels(0x0C, &[0, 0, 1, 2]), Ok(vec![258]));
        assert!(labels(9, &[0xFF]).is_err());
    }

    #[test]
    fn a_damaged_file_is_told() {
        let told = |bytes: &[u8]| parse_idx(bytes).expect_err("damaged");
        assert!(told(b"PK\x03\x04....").contains("begins with [50, 4b, 03, 04]"));
        assert!(told(&idx(8, &[2, 1, 2], &[1, 2, 3])).contains("holds 3 of the 4 bytes"));
        assert!(told(&idx(8, &[1, 1, 2], &[1, 2, 3])).contains("holds more bytes than the 2"));
        assert!(told(&idx(0x0D, &[1, 1, 1], &[0; 4])).contains("type 0d"));
        let huge = idx(8, &[u32::MAX, u32::MAX, u32::MAX], &[]);
        assert!(told(&huge).contains("which no file holds"));
        assert!(told(&idx(8, &[0, 28, 28], &[])).contains("holds no picture"));
        assert!(told(&[0, 0]).contains("head is not whole"));
    }
}
