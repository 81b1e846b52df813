//! `kind = "image-folder"`: one folder a class.

use std::collections::BTreeSet;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::augment::Augmentation;
use super::batch::Shape;
use super::cache::default_budget;
use super::dataset::{Dataset, Datasets, Progress, Silent, Skipped, Source, Summary, Survey};
use super::decode::read_header;
use super::images::{Decoded, ImageFile, Split, decode_all, relative};
use super::listing::{Listing, list_classes};
use super::preprocess::{ImagePreprocess, Preprocessor, check, needs_fit, statistics};
use super::resize::Filter;
use super::split::split_off;
use crate::config::{Fault, Path, Preprocess};

/// Pictures in folders, one folder a class: `train/cats/1.jpg`, `train/dogs/1.jpg`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageFolder {
    /// The folder of training pictures, with one folder a class.
    train: PathBuf,
    /// The folder of validation pictures, with the same classes.
    valid: Option<PathBuf>,
    /// Instead of `valid`: the share of each class that is split off the training pictures.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    valid_fraction: Option<f64>,
    /// Height and width to which pictures are resized.
    #[schemars(inner(range(min = 1, max = 16384)))]
    size: [usize; 2],
    /// 1 (grey) or 3 (red, green, blue); default: what the pictures are.
    #[serde(default)]
    #[schemars(schema_with = "channels_schema")]
    channels: Option<usize>,
    /// How pictures are resized.
    #[serde(default)]
    resize: Filter,
    /// Pictures with more pixels are refused; protects the memory.
    #[serde(default = "default_max_pixels")]
    #[schemars(range(min = 1))]
    max_pixels: u64,
}

/// The default of `data.max_pixels`.
pub fn default_max_pixels() -> u64 {
    100_000_000
}

fn channels_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"enum": [1, 3, null]})
}

/// Headers read to learn whether the pictures are grey.
const HEADERS_READ: usize = 256;

impl Source for ImageFolder {
    fn declared_shape(&self) -> Option<Shape> {
        self.channels.map(|channels| self.shape(channels))
    }

    fn survey(self: Box<Self>, seed: u64) -> Result<Box<dyn Survey>, Vec<Fault>> {
        self.check_splits()?;
        let listing = list(&self.train, "train")?;
        let root = self.train.clone();
        let mut left_out = names(&listing.left_out, &root);
        require_pictures(&listing, &self.train, "train")?;
        if listing.classes.len() < 2 {
            return Err(vec![one_class(&listing, &self.train)]);
        }
        let classes = listing.classes.clone();
        let (train, valid, valid_from) = match (&self.valid, self.valid_fraction) {
            (Some(folder), _) => {
                let valid = list(folder, "valid")?;
                same_classes(&classes, &valid.classes, "data.train", "data.valid")
                    .map_err(|message| vec![Fault::new(key("valid"), message)])?;
                require_pictures(&valid, folder, "valid")?;
                left_out.extend(names(&valid.left_out, folder));
                let from = folder.display().to_string();
                (
                    Split::new(root, listing.files),
                    Split::new(folder.clone(), valid.files),
                    from,
                )
            }
            (None, fraction) => {
                let fraction = fraction.unwrap_or_default();
                let (train, valid) = divide(&root, listing, fraction, seed)?;
                let from = format!("{fraction} of each class, split off with seed {seed}");
                (train, valid, from)
            }
        };
        let channels = self
            .channels
            .unwrap_or_else(|| infer_channels(&train.files));
        let summary = Summary {
            train_counts: train.counts(classes.len()),
            valid_counts: valid.counts(classes.len()),
            classes,
            valid_from,
            left_out,
        };
        Ok(Box::new(FolderSurvey {
            shape: self.shape(channels),
            channels,
            config: *self,
            train,
            valid,
            summary,
        }))
    }
}

impl ImageFolder {
    fn shape(&self, channels: usize) -> Shape {
        Shape::Image {
            height: self.size[0],
            width: self.size[1],
            channels,
        }
    }

    fn check_splits(&self) -> Result<(), Vec<Fault>> {
        let fault = match (&self.valid, self.valid_fraction) {
            (None, None) => Fault::new(
                Path::parse("data"),
                "has neither `valid` nor `valid_fraction`, expected one of them",
            )
            .hint("add valid_fraction = 0.2 to hold back a fifth of each class"),
            (Some(_), Some(_)) => Fault::new(
                key("valid_fraction"),
                "is given beside `valid`, expected one of them",
            ),
            _ => return Ok(()),
        };
        Err(vec![fault])
    }
}

fn key(name: &str) -> Path {
    Path::parse("data").key(name)
}

fn list(folder: &FilePath, name: &str) -> Result<Listing, Vec<Fault>> {
    list_classes(folder).map_err(|message| {
        let fault = Fault::new(
            key(name),
            format!("is {}, which {message}", folder.display()),
        );
        let hint = "paths are relative to the experiment file; a folder looks like \
                    train/cats/1.jpg, train/dogs/1.jpg";
        vec![fault.hint(hint)]
    })
}

fn names(paths: &[PathBuf], root: &FilePath) -> Vec<String> {
    paths.iter().map(|path| relative(path, root)).collect()
}

fn require_pictures(listing: &Listing, folder: &FilePath, name: &str) -> Result<(), Vec<Fault>> {
    let filled: BTreeSet<usize> = listing.files.iter().map(|(_, class)| *class).collect();
    let faults: Vec<Fault> = (0..listing.classes.len())
        .filter(|class| !filled.contains(class))
        .map(|class| {
            let class = folder.join(&listing.classes[class]);
            let message = format!(
                "holds the class folder {} without pictures",
                class.display()
            );
            Fault::new(key(name), message).hint("put pictures into it, or remove the folder")
        })
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

fn one_class(listing: &Listing, folder: &FilePath) -> Fault {
    let only = &listing.classes[0];
    let inner = list_classes(&folder.join(only)).map_or(0, |inner| inner.classes.len());
    let message = format!("holds one class only ({only}), expected at least two");
    let fault = Fault::new(key("train"), message);
    if inner >= 2 {
        let nested = folder.join(only);
        return fault.hint(format!("did you mean {}?", nested.display()));
    }
    fault
}

/// Checks that two lists of class names are the same.
///
/// # Errors
/// A table of the names, marked where one side lacks them.
pub fn same_classes(
    expected: &[String],
    found: &[String],
    expected_in: &str,
    found_in: &str,
) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    let all: BTreeSet<&String> = expected.iter().chain(found).collect();
    let width = all
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0)
        .max(5);
    let mut table = format!(
        "has other classes than {expected_in}:\n  {:width$}  {expected_in}  {found_in}",
        "class"
    );
    for name in all {
        let mark = |names: &[String]| {
            if names.contains(name) {
                "yes"
            } else {
                "MISSING"
            }
        };
        let column = expected_in.chars().count();
        table.push_str(&format!(
            "\n  {name:width$}  {:column$}  {}",
            mark(expected),
            mark(found)
        ));
    }
    Err(table)
}

fn divide(
    root: &FilePath,
    listing: Listing,
    fraction: f64,
    seed: u64,
) -> Result<(Split, Split), Vec<Fault>> {
    let samples: Vec<(String, usize)> = listing
        .files
        .iter()
        .map(|(path, class)| (relative(path, root), *class))
        .collect();
    let chosen = split_off(&samples, fraction, seed);
    let all = Split::new(root.to_path_buf(), listing.files);
    let part = |wanted: bool| Split {
        root: root.to_path_buf(),
        files: all
            .files
            .iter()
            .zip(&chosen)
            .filter(|(_, chosen)| **chosen == wanted)
            .map(|(file, _)| file.clone())
            .collect(),
    };
    let (train, valid) = (part(false), part(true));
    let counts = valid.counts(listing.classes.len());
    match counts.iter().position(|&count| count == 0) {
        Some(class) => Err(vec![Fault::new(
            key("valid_fraction"),
            format!(
                "leaves no validation picture of {}, which has one picture only",
                listing.classes[class]
            ),
        )]),
        None => Ok((train, valid)),
    }
}

/// 1 where every header read says grey, else 3. Headers that cannot be read do not count.
fn infer_channels(files: &[ImageFile]) -> usize {
    let step = files.len().div_ceil(HEADERS_READ).max(1);
    let headers: Vec<_> = files
        .iter()
        .step_by(step)
        .filter_map(|file| read_header(&file.path).ok())
        .collect();
    let grey = !headers.is_empty() && headers.iter().all(|header| header.channels == 1);
    if grey { 1 } else { 3 }
}

struct FolderSurvey {
    config: ImageFolder,
    shape: Shape,
    channels: usize,
    train: Split,
    valid: Split,
    summary: Summary,
}

impl Survey for FolderSurvey {
    fn summary(&self) -> &Summary {
        &self.summary
    }

    fn shape(&self) -> Shape {
        self.shape
    }

    fn check(&self, preprocess: &Preprocess) -> Result<(), Vec<Fault>> {
        check(preprocess, self.channels)
    }

    fn few(
        self: Box<Self>,
        num_samples: usize,
        augmentation: Option<Augmentation>,
    ) -> (Arc<dyn Dataset>, Vec<Skipped>) {
        let preprocess = self.unscaled();
        let mut split = self.train;
        let (all, count) = (split.files.len(), num_samples.min(split.files.len()));
        let picks = (0..count).map(|index| split.files[index * all / count].clone());
        split.files = picks.collect();
        let decoded = decode_all(split, &preprocess, default_budget(), false, &Silent);
        let skipped = decoded.skipped.clone();
        (
            Arc::new(decoded.into_dataset(&preprocess, augmentation)),
            skipped,
        )
    }

    fn prepare(
        self: Box<Self>,
        config: &Preprocess,
        augmentation: Option<Augmentation>,
        progress: &dyn Progress,
    ) -> Result<Datasets, Vec<Fault>> {
        let mut preprocess = ImagePreprocess {
            divide_by: config.divide_by.unwrap_or(1.0),
            ..self.unscaled()
        };
        let fingerprint = self.train.fingerprint();
        let budget = default_budget();
        progress.begin("decoding", self.train.files.len() + self.valid.files.len());
        let fit = needs_fit(config);
        let train = decode_all(self.train, &preprocess, budget, fit, progress);
        let left = budget.saturating_sub(train.cache_bytes());
        let valid = decode_all(self.valid, &preprocess, left, false, progress);
        progress.end();
        let classes = &self.summary.classes;
        require_usable(&train, classes, "train")?;
        require_usable(&valid, classes, "valid")?;
        (preprocess.mean, preprocess.std) = statistics(config, self.channels, &train.sums);
        let mut skipped = train.skipped.clone();
        skipped.extend(valid.skipped.clone());
        Ok(Datasets {
            classes: self.summary.classes,
            train: Arc::new(train.into_dataset(&preprocess, augmentation)),
            valid: Arc::new(valid.into_dataset(&preprocess, None)),
            preprocess: Preprocessor::Image(preprocess),
            skipped,
            fingerprint,
        })
    }
}

impl FolderSurvey {
    /// The preprocessing without any scaling.
    fn unscaled(&self) -> ImagePreprocess {
        ImagePreprocess {
            size: self.config.size,
            channels: self.channels,
            resize: self.config.resize,
            max_pixels: self.config.max_pixels,
            divide_by: 1.0,
            mean: vec![0.0; self.channels],
            std: vec![1.0; self.channels],
        }
    }
}

fn require_usable(decoded: &Decoded, classes: &[String], name: &str) -> Result<(), Vec<Fault>> {
    let counts = decoded.split.counts(classes.len());
    match counts.iter().position(|&count| count == 0) {
        None => Ok(()),
        Some(class) => {
            let listed: Vec<String> = decoded
                .skipped
                .iter()
                .take(5)
                .map(|skipped| format!("\n  {} {}", skipped.name, skipped.reason))
                .collect();
            let message = format!(
                "holds no picture of {} that can be used:{}",
                classes[class],
                listed.concat()
            );
            Err(vec![Fault::new(key(name), message)])
        }
    }
}
