//! `kind = "webdataset"`: pictures in tar archives, in the layout of the WebDataset library.
//!
//! The archives are looked through once, head by head; then samples are read by place. Training
//! reads each archive from its beginning to its end, but for a buffer of samples among which the
//! next one is picked; so archives may be larger than the memory, and lie on slow disks.

use std::collections::BTreeSet;
use std::path::{Path as FilePath, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::batch::Shape;
use super::dataset::{Source, Survey};
use super::files::{Place, Sample, Split};
use super::image_folder::{check_splits, divide, same_classes};
use super::image_options::ImageOptions;
use super::image_survey::{ImageSurvey, Listed};
use super::shards::{Scanned, expand, scan};
use crate::config::{Fault, Path};

/// Pictures in tar archives (WebDataset's layout): `000001.jpg` with `000001.cls` beside it.
///
/// Without a `.cls` or `.json` file (`{"label": ...}`) the folder within the archive is the class.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct WebDataset {
    /// The archives of the training pictures: names, patterns ("train-*.tar") or ranges
    /// ("train-{0000..0019}.tar").
    #[schemars(extend("x-path" = true))]
    train: Patterns,
    /// The archives of the validation pictures.
    #[schemars(extend("x-path" = true))]
    valid: Option<Patterns>,
    /// Instead of `valid`: the share of each class that is split off the training pictures.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    valid_fraction: Option<f64>,
    /// Class names, where the archives hold numbers: the name of 0, of 1, ...
    classes: Option<Vec<String>>,
    /// Samples among which the next one is picked, so that an epoch is shuffled although each
    /// archive is read in sequence.
    #[serde(default = "default_buffer")]
    #[schemars(range(min = 1))]
    shuffle_buffer: usize,
    #[serde(flatten)]
    images: ImageOptions,
}

fn default_buffer() -> usize {
    10_000
}

/// One name or pattern, or several.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Patterns {
    One(PathBuf),
    Several(Vec<PathBuf>),
}

impl Patterns {
    fn list(&self) -> &[PathBuf] {
        match self {
            Patterns::One(pattern) => std::slice::from_ref(pattern),
            Patterns::Several(patterns) => patterns,
        }
    }
}

impl Source for WebDataset {
    fn declared_shape(&self) -> Option<Shape> {
        let channels = self.images.channels?;
        Some(self.images.shape(channels))
    }

    fn survey(self: Box<Self>, seed: u64) -> Result<Box<dyn Survey>, Vec<Fault>> {
        check_splits(self.valid.is_some(), self.valid_fraction)?;
        let train = self.read(&self.train, "train")?;
        let classes = self.name_classes(&train)?;
        if classes.len() < 2 {
            let message = format!(
                "holds one class only ({}), expected at least two",
                classes.join("")
            );
            return Err(vec![Fault::new(key("train"), message)]);
        }
        let mut left_out = train.left_out.clone();
        let train = train.into_split(&classes);
        let (train, valid, valid_from) = match &self.valid {
            Some(patterns) => {
                let valid = self.read(patterns, "valid")?;
                let found = self.name_classes(&valid)?;
                same_classes(&classes, &found, "data.train", "data.valid")
                    .map_err(|message| vec![Fault::new(key("valid"), message)])?;
                left_out.extend(valid.left_out.clone());
                let from = format!("{} archives", valid.shards.len());
                (train, valid.into_split(&classes), from)
            }
            None => divide(
                train,
                &classes,
                self.valid_fraction.unwrap_or_default(),
                seed,
            )?,
        };
        let listed = Listed {
            classes,
            train,
            valid,
            valid_from,
            left_out,
        };
        Ok(Box::new(ImageSurvey {
            shuffle_buffer: self.shuffle_buffer,
            ..ImageSurvey::new(self.images, listed)
        }))
    }
}

impl WebDataset {
    fn read(&self, patterns: &Patterns, name: &str) -> Result<Archives, Vec<Fault>> {
        let fail = |message: String| vec![Fault::new(key(name), message)];
        let shards = expand(patterns.list()).map_err(fail)?;
        let scanned = scan(&shards).map_err(fail)?;
        let archives = Archives::new(patterns.list(), shards, scanned);
        if archives.samples.is_empty() {
            let message = format!(
                "is {}, whose archives hold no labelled picture",
                archives.root.display()
            );
            let fault = Fault::new(key(name), message);
            return Err(vec![fault.hint(
                "a sample is 000001.jpg with 000001.cls (or .json with \"label\") beside it, or a \
                 picture in a folder named like its class",
            )]);
        }
        Ok(archives)
    }

    /// The names of the labels in sorted order; numbers get the names that `classes` gives.
    fn name_classes(&self, archives: &Archives) -> Result<Vec<String>, Vec<Fault>> {
        let labels: BTreeSet<&str> = archives.labels.iter().map(String::as_str).collect();
        let Some(names) = &self.classes else {
            return Ok(sorted(labels));
        };
        for label in &labels {
            let named = label
                .parse()
                .is_ok_and(|number: usize| number < names.len());
            if !named && !names.iter().any(|name| name == label) {
                let message = format!(
                    "has {} names, and the archives hold the label {label:?}",
                    names.len()
                );
                return Err(vec![Fault::new(key("classes"), message)]);
            }
        }
        Ok(names.clone())
    }
}

/// The labelled pictures of archives whose classes must be `classes`, by name; numbers stand for the
/// classes' places.
///
/// # Errors
/// Archives that cannot be read, or labels that are no class; in words that follow the pattern.
pub fn labelled_archives(pattern: &FilePath, classes: &[String]) -> Result<Split, String> {
    let patterns = [pattern.to_path_buf()];
    let shards = expand(&patterns)?;
    let scanned = scan(&shards)?;
    let archives = Archives::new(&patterns, shards, scanned);
    // Numbers stand for places where the classes have names; where they are numbers themselves, for those alone.
    let numbered = classes.iter().any(|class| class.parse::<u64>().is_ok());
    let place = |label: &String| {
        let number = label.parse::<usize>();
        !numbered && number.is_ok_and(|number| number < classes.len())
    };
    if !archives
        .labels
        .iter()
        .all(|label| classes.contains(label) || place(label))
    {
        let mut labels = archives.labels.clone();
        labels.sort();
        same_classes(classes, &labels, "the model", "the archives")?;
    }
    if archives.samples.is_empty() {
        return Err("holds no labelled picture".to_string());
    }
    Ok(archives.into_split(classes))
}

fn key(name: &str) -> Path {
    Path::parse("data").key(name)
}

/// Numbers by size, other labels as texts.
fn sorted(labels: BTreeSet<&str>) -> Vec<String> {
    let numbers: Result<Vec<u64>, _> = labels.iter().map(|label| label.parse()).collect();
    let mut labels: Vec<String> = labels.into_iter().map(String::from).collect();
    if numbers.is_ok() {
        labels.sort_by_key(|label| label.parse::<u64>().unwrap_or_default());
    }
    labels
}

/// What the archives of one split hold.
struct Archives {
    root: PathBuf,
    shards: Vec<PathBuf>,
    /// In the order of the archives; classes are indices of `labels`.
    samples: Vec<Sample>,
    labels: Vec<String>,
    left_out: Vec<String>,
}

impl Archives {
    fn new(patterns: &[PathBuf], shards: Vec<PathBuf>, scanned: Vec<Scanned>) -> Archives {
        let root: Vec<String> = patterns.iter().map(|p| p.display().to_string()).collect();
        let mut archives = Archives {
            root: PathBuf::from(root.join(" ")),
            shards,
            samples: Vec::new(),
            labels: Vec::new(),
            left_out: Vec::new(),
        };
        for (shard, scanned) in scanned.into_iter().enumerate() {
            let known: Vec<u32> = scanned.labels.iter().map(|l| archives.label(l)).collect();
            for picture in scanned.pictures {
                archives.samples.push(Sample {
                    place: Place::Entry {
                        name: picture.name,
                        shard: shard as u32,
                        len: picture.len,
                        offset: picture.offset,
                    },
                    class: known[picture.label as usize],
                    id: archives.samples.len() as u32,
                });
            }
            archives.left_out.extend(scanned.left_out);
        }
        archives
    }

    /// The index of a label.
    fn label(&mut self, label: &str) -> u32 {
        let known = self.labels.iter().position(|known| known == label);
        let index = known.unwrap_or_else(|| {
            self.labels.push(label.to_string());
            self.labels.len() - 1
        });
        index as u32
    }

    fn into_split(mut self, classes: &[String]) -> Split {
        let index_of = |label: &String| match classes.iter().position(|class| class == label) {
            Some(index) => index as u32,
            None => label.parse().unwrap_or_default(), // a number below the number of names
        };
        let indices: Vec<u32> = self.labels.iter().map(index_of).collect();
        for sample in &mut self.samples {
            sample.class = indices[sample.class as usize];
        }
        Split {
            root: self.root,
            shards: self.shards,
            blocks: Vec::new(),
            samples: self.samples,
        }
    }
}
