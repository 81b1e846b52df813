//! `kind = "image-folder"`: image files, labelled by the folders they lie in, their names, or tables beside them.

use std::collections::BTreeSet;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, Path};
use crate::console::Show as _;
use crate::data::core::batch::Shape;
use crate::data::core::class_names::absent;
use crate::data::core::faults::key;
use crate::data::core::left_out::short_name;
use crate::data::files::listing::list_classes;
use crate::data::image::divide::divide_named;
use crate::data::image::labelling::options::{
    LabelledFiles, Labelling, Names, SPLIT_KEYS, SplitFiles,
};
use crate::data::image::options::ImageOptions;
use crate::data::image::samples::Split;
use crate::data::image::survey::{ImageSurvey, Listed};
use crate::data::loading::split_keys::check_splits;
use crate::data::source::{Source, Survey};

/// Images in folders, one folder a class: `train/cats/1.jpg`, `train/dogs/1.jpg`; or with labels in a table
/// (`label_files`) or in the files' names (`label_pattern`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct ImageFolder {
    /// The folder of training images, with one folder a class.
    #[schemars(extend("x-path" = true))]
    #[serde(deserialize_with = "crate::console::read_path")]
    train: PathBuf,
    /// The folder of validation images, with the same classes.
    #[schemars(extend("x-path" = true))]
    #[serde(default, deserialize_with = "crate::console::read_optional_path")]
    valid: Option<PathBuf>,
    /// Instead of `valid`: the share of each class that is split off the training images.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    valid_fraction: Option<f64>,
    /// The folder of test images: the best net is judged on them once, after training.
    #[schemars(extend("x-path" = true))]
    #[serde(default, deserialize_with = "crate::console::read_optional_path")]
    test: Option<PathBuf>,
    #[serde(flatten)]
    labelling: Labelling,
    #[serde(flatten)]
    images: ImageOptions,
}

/// The default of `data.cache_disk`, bytes.
const DEFAULT_DISK: u64 = 32_000_000_000;

impl Source for ImageFolder {
    fn declared_shape(&self) -> Option<Shape> {
        let channels = self.images.channels?;
        Some(self.images.shape(channels))
    }

    fn survey(self: Box<Self>, seed: u64) -> Result<Box<dyn Survey>, Vec<Fault>> {
        let by_table = self.labelling.split.is_some() || self.labelling.valid_label_files.is_some();
        if !by_table {
            self.labelling.check_keys()?;
            check_splits(self.valid.is_some(), self.valid_fraction)?;
        }
        let roots = [
            Some(&*self.train),
            self.valid.as_deref(),
            self.test.as_deref(),
        ];
        let labelled = self
            .labelling
            .list(roots)
            .map_err(|(name, message)| vec![self.listing_fault(name, message)])?;
        let LabelledFiles {
            names,
            splits,
            left_out,
        } = labelled;
        let [train, valid, test] = splits;
        let train = train.unwrap_or_default();
        require_images(&names, &train)?;
        if names.list().len() < 2 {
            return Err(vec![one_class(names.list(), &self.train, &self.labelling)]);
        }
        let mut warnings = Vec::new();
        let as_split = |files: SplitFiles| Split::of_files(files.root, files.files);
        for (split, name) in [(&valid, SPLIT_KEYS[1]), (&test, SPLIT_KEYS[2])] {
            warnings.extend(
                split
                    .as_ref()
                    .map(|split| lacking(&names, split, name))
                    .transpose()?
                    .flatten(),
            );
        }
        let train = as_split(train);
        let (train, valid, valid_from, own_split) = match valid {
            Some(files) => {
                let from = files.root.shown().to_string();
                (train, as_split(files), from, false)
            }
            None => {
                let fraction = self.valid_fraction.ok_or_else(no_validation)?;
                let divided = divide_named(train, &names, fraction, seed)?;
                warnings.extend(divided.warnings);
                (divided.train, divided.valid, divided.from, true)
            }
        };
        let listed = Listed {
            valid_from: match &test {
                Some(test) => format!(
                    "{valid_from}\ntest: {} images of {}, for the end",
                    test.files.len(),
                    test.root.shown()
                ),
                None => valid_from,
            },
            classes: names.list().to_vec(),
            train,
            valid,
            test: test.map(as_split),
            own_split,
            left_out,
            warnings,
            sets: match names {
                Names::Classes(_) => None,
                Names::Labels(_, sets) => Some(Arc::new(sets)),
            },
        };
        Ok(Box::new(ImageSurvey {
            default_disk: DEFAULT_DISK,
            ..ImageSurvey::new(self.images, listed)
        }))
    }
}

impl ImageFolder {
    /// A fault of listing the files, with a hint how a folder should look.
    fn listing_fault(&self, name: &str, message: String) -> Fault {
        let is_told = message.starts_with("has other classes"); // in a table
        let fault = Fault::new(key(name), message);
        if self.labelling.is_elsewhere() || is_told {
            return fault;
        }
        fault.hint(
            "paths are relative to the experiment file; a folder looks like train/cats/1.jpg, \
             train/dogs/1.jpg",
        )
    }
}

fn no_validation() -> Vec<Fault> {
    let fault = Fault::new(
        Path::parse("data"),
        "has no validation images: no row is of that split",
    );
    vec![fault.hint("add valid_fraction = 0.2 to hold back a fifth of each class")]
}

fn require_images(names: &Names, train: &SplitFiles) -> Result<(), Vec<Fault>> {
    let Names::Classes(classes) = names else {
        return Ok(());
    };
    let filled: BTreeSet<usize> = train
        .files
        .iter()
        .map(|(_, class)| *class as usize)
        .collect();
    let faults: Vec<Fault> = (0..classes.len())
        .filter(|class| !filled.contains(class))
        .map(|class| {
            let class = train.root.join(&classes[class]);
            let message = format!("holds the class folder {} without pictures", class.shown());
            Fault::new(key("train"), message)
                .hint("put pictures into it, or move the folder elsewhere if it is no class")
        })
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// The warning about classes that a split lacks.
///
/// # Errors
/// A split without any image.
fn lacking(names: &Names, split: &SplitFiles, name: &str) -> Result<Option<String>, Vec<Fault>> {
    if split.files.is_empty() {
        let message = format!("is {}, which holds no pictures", split.root.shown());
        return Err(vec![Fault::new(key(name), message)]);
    }
    let Names::Classes(classes) = names else {
        return Ok(None);
    };
    let filled: BTreeSet<usize> = split
        .files
        .iter()
        .map(|(_, class)| *class as usize)
        .collect();
    let empty = (0..classes.len()).filter(|class| !filled.contains(class));
    let empty: Vec<&String> = empty.map(|class| &classes[class]).collect();
    Ok(absent(&empty, &format!("data.{name}")))
}

fn one_class(classes: &[String], folder: &FilePath, labelling: &Labelling) -> Fault {
    let shown = short_name(classes.first().map_or("", String::as_str)).into_owned();
    let message = format!("holds one class only ({shown}), expected at least two");
    let fault = Fault::new(key("train"), message);
    let Some(only) = classes.first().filter(|_| !labelling.is_elsewhere()) else {
        return fault;
    };
    let inner = list_classes(&folder.join(only)).map_or(0, |inner| inner.classes.len());
    if inner >= 2 {
        let nested = folder.join(only);
        return fault.hint(format!("did you mean {}?", nested.shown()));
    }
    fault
}
