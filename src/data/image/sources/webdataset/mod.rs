//! `kind = "webdataset"`: images in tar archives, in the layout of the WebDataset library.
//!
//! The headers of the archives are scanned once; then samples are read by offset. Training reads each archive
//! sequentially, through a shuffle buffer; so archives may be larger than memory and lie on slow disks.

pub mod error;
pub mod members;
pub mod sample_groups;
pub mod scanned;
pub mod shards;
pub mod tar_member;
pub mod tar_members;

use crate::data::core::faults::key;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path as FilePath, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::webdataset::error::{ArchivesError, ShardsError};
use super::webdataset::scanned::Scanned;
use super::webdataset::shards::{expand, scan};
use crate::config::Fault;
use crate::console::{Show as _, path_text, text_path};
use crate::data::core::batch::Shape;
use crate::data::core::class_names::{absent, index_of, same_classes};
use crate::data::core::left_out::{LeftOut, short_name};
use crate::data::image::divide::divide;
use crate::data::image::options::ImageOptions;
use crate::data::image::samples::{Place, Sample, Split};
use crate::data::image::survey::{ImageSurvey, Listed};
use crate::data::loading::divided::Divided;
use crate::data::loading::split_keys::{
    SplitKeys, TestKey, ValidFrom, check_classes, describe_keys,
};
use crate::data::source::{Source, Survey};

/// Images in tar archives (WebDataset's layout): `000001.jpg` with `000001.cls` beside it.
///
/// Without a `.cls` or `.json` file (`{"label": ...}`) the folder within the archive is the class.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
#[schemars(transform = describe_keys(&[
    ("train", "The archives of the training images: names, patterns (\"train-*.tar\") or ranges\n(\"train-{0000..0019}.tar\")."),
    ("valid", "The archives of the validation images."),
    ("test", "The archives of the test images, a name or a pattern: the best net is evaluated on them once, after training."),
]))]
pub struct WebDataset {
    #[serde(flatten)]
    splits: SplitKeys<Patterns>,
    #[serde(flatten)]
    test: TestKey,
    /// Class names, where the archives hold numbers: the name of 0, of 1, ...
    classes: Option<Vec<String>>,
    /// Size of the shuffle buffer, samples: the next one is picked from it at random, while each archive is read in
    /// sequence.
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
    One(#[serde(deserialize_with = "crate::console::read_path")] PathBuf),
    Several(#[serde(deserialize_with = "crate::console::read_paths")] Vec<PathBuf>),
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
        let valid_from = self.splits.resolve(seed)?;
        if let Some(test) = self.test.path() {
            expand(&[test.to_path_buf()])
                .map_err(|error| vec![Fault::new(key("test"), error.to_string())])?;
        }
        let train = self.read(&self.splits.train, "train")?;
        let classes = self.name_classes(&train)?;
        check_classes(&classes).map_err(|fault| vec![fault])?;
        let mut left_out = train.left_out.clone();
        let mut warnings = train.warnings.clone();
        let train = train.into_split(&classes);
        let mut divided = match valid_from {
            ValidFrom::Given(patterns) => {
                let valid = self.read(patterns, "valid")?;
                let found = self.name_classes(&valid)?;
                let (known, there) = (index_of(&classes), index_of(&found));
                if found.iter().any(|name| !known.contains_key(name.as_str())) {
                    same_classes(&classes, &found, "data.train", "data.valid")
                        .map_err(|error| vec![Fault::new(key("valid"), error.to_string())])?;
                }
                left_out.merge(valid.left_out.clone());
                warnings.extend(valid.warnings.clone());
                let lacks = |name: &&String| !there.contains_key(name.as_str());
                let lacking: Vec<&String> = classes.iter().filter(lacks).collect();
                let from = format!("{} archives", valid.shards.len());
                Divided {
                    warnings: absent(&lacking, "data.valid").into_iter().collect(),
                    ..Divided::given(train, valid.into_split(&classes), from)
                }
            }
            ValidFrom::SplitOff(split_off) => divide(train, &classes, split_off)?,
        };
        warnings.append(&mut divided.warnings);
        let listed = Listed {
            classes,
            splits: Divided {
                warnings,
                ..divided
            },
            test: None,
            left_out,
            sets: None,
        };
        Ok(Box::new(ImageSurvey {
            shuffle_buffer: self.shuffle_buffer,
            ..ImageSurvey::new(self.images, listed)
        }))
    }
}

impl WebDataset {
    fn read(&self, patterns: &Patterns, name: &str) -> Result<Archives, Vec<Fault>> {
        let fail = |error: ShardsError| vec![Fault::new(key(name), error.to_string())];
        let shards = expand(patterns.list()).map_err(fail)?;
        let scanned = scan(&shards).map_err(fail)?;
        let archives = Archives::new(patterns.list(), shards, scanned);
        if archives.samples.is_empty() {
            let message = format!(
                "is {}, whose archives hold no labelled image",
                archives.root.shown()
            );
            let fault = Fault::new(key(name), message);
            return Err(vec![fault.hint(
                "a sample is 000001.jpg with 000001.cls (or .json with \"label\") beside it, or a \
                 image in a folder named like its class",
            )]);
        }
        Ok(archives)
    }

    /// The names of the labels in sorted order; numbers are mapped to the names in `classes`.
    fn name_classes(&self, archives: &Archives) -> Result<Vec<String>, Vec<Fault>> {
        let labels: BTreeSet<&str> = archives.labels.iter().map(String::as_str).collect();
        let Some(names) = &self.classes else {
            return Ok(sorted(labels));
        };
        let known = index_of(names);
        for label in &labels {
            let named = label
                .parse()
                .is_ok_and(|number: usize| number < names.len());
            if !named && !known.contains_key(label) {
                let message = format!(
                    "has {} names, and the archives hold the label {:?}",
                    names.len(),
                    short_name(label)
                );
                return Err(vec![Fault::new(key("classes"), message)]);
            }
        }
        Ok(names.clone())
    }
}

/// The labelled images of archives whose classes must be `classes`, by name. Numbers stand for `names` (what
/// the experiment called them) or, where no class is a number, for the places of the classes.
///
/// # Errors
/// Archives that cannot be read, or labels that are no class.
pub fn labelled_archives(
    pattern: &FilePath,
    classes: &[String],
    names: Option<&[String]>,
) -> Result<(Split, LeftOut, Vec<String>), ArchivesError> {
    let patterns = [pattern.to_path_buf()];
    let shards = expand(&patterns)?;
    let scanned = scan(&shards)?;
    let mut archives = Archives::new(&patterns, shards, scanned);
    let known = index_of(classes);
    let is_number = |class: &String| class.parse::<usize>().is_ok();
    let numbered = names.unwrap_or(if classes.iter().any(is_number) {
        &[]
    } else {
        classes
    });
    for label in &mut archives.labels {
        let number = label.parse().ok().filter(|_| !known.contains_key(&**label));
        if let Some(name) = number.and_then(|number: usize| numbered.get(number)) {
            *label = name.clone();
        }
    }
    if !archives
        .labels
        .iter()
        .all(|label| known.contains_key(&**label))
    {
        let mut labels = archives.labels.clone();
        labels.sort();
        same_classes(classes, &labels, "the model", "the archives")?;
    }
    if archives.samples.is_empty() {
        return Err(ArchivesError::Empty);
    }
    let (left_out, warnings) = (
        std::mem::take(&mut archives.left_out),
        std::mem::take(&mut archives.warnings),
    );
    Ok((archives.into_split(classes), left_out, warnings))
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

/// The content of the archives of one split.
struct Archives {
    root: PathBuf,
    shards: Vec<PathBuf>,
    /// In the order of the archives; classes are indices of `labels`.
    samples: Vec<Sample>,
    labels: Vec<String>,
    left_out: LeftOut,
    warnings: Vec<String>,
}

impl Archives {
    fn new(patterns: &[PathBuf], shards: Vec<PathBuf>, scanned: Vec<Scanned>) -> Archives {
        let root: Vec<String> = patterns.iter().map(|p| path_text(p).into_owned()).collect();
        let mut archives = Archives {
            root: text_path(&root.join(" ")),
            shards,
            samples: Vec::new(),
            labels: Vec::new(),
            left_out: LeftOut::default(),
            warnings: Vec::new(),
        };
        let mut indices: HashMap<String, u32> = HashMap::new();
        for (shard, scanned) in scanned.into_iter().enumerate() {
            let mut known = Vec::with_capacity(scanned.labels.len());
            for label in scanned.labels {
                let next = archives.labels.len() as u32;
                let index = *indices.entry(label).or_insert_with_key(|label| {
                    archives.labels.push(label.clone());
                    next
                });
                known.push(index);
            }
            for image in scanned.images {
                archives.samples.push(Sample {
                    place: Place::Entry {
                        name: image.name,
                        shard: shard as u32,
                        len: image.len,
                        offset: image.offset,
                    },
                    class: known[image.label as usize],
                    id: archives.samples.len() as u32,
                });
            }
            archives.left_out.merge(scanned.left_out);
            archives.warnings.extend(scanned.warnings);
        }
        archives
    }

    fn into_split(mut self, classes: &[String]) -> Split {
        let known = index_of(classes);
        let place = |label: &String| match known.get(&**label) {
            Some(index) => *index as u32,
            None => label.parse().unwrap_or_default(), // a number below the number of names
        };
        let indices: Vec<u32> = self.labels.iter().map(place).collect();
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
