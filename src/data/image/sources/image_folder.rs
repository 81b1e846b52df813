//! `kind = "image-folder"`: image files, labelled by their folders, their names, or tables.

use std::collections::BTreeSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, Path};
use crate::console::Show as _;
use crate::data::core::batch::Shape;
use crate::data::core::class_names::absent;
use crate::data::core::faults::key;
use crate::data::files::listing::list_classes;
use crate::data::image::cache::DEFAULT_DISK;
use crate::data::image::divide::divide_named;
use crate::data::image::labelling::error::{Failure, LabellingError};
use crate::data::image::labelling::options::{
    LabelledFiles, Labelling, Names, SPLIT_KEYS, SplitFiles,
};
use crate::data::image::options::ImageOptions;
use crate::data::image::samples::Split;
use crate::data::image::survey::{ImageSurvey, Listed};
use crate::data::loading::divided::Divided;
use crate::data::loading::split_keys::{
    HOLD_BACK, SplitKeys, TestKey, check_classes, describe_keys,
};
use crate::data::source::{Source, Survey};

/// Images in folders, one folder per class: `train/cats/1.jpg`, `train/dogs/1.jpg`; or with labels in a table
/// (`label_files`) or in the files' names (`label_pattern`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
#[schemars(transform = describe_keys(&[
    ("train", "The folder of training images, with one folder a class."),
    ("valid", "The folder of validation images, with the same classes."),
    ("test", "The folder of test images: the best net is evaluated on them once, after training."),
]))]
pub struct ImageFolder {
    #[serde(flatten)]
    splits: SplitKeys,
    #[serde(flatten)]
    test: TestKey,
    #[serde(flatten)]
    labelling: Labelling,
    #[serde(flatten)]
    images: ImageOptions,
}

impl Source for ImageFolder {
    fn declared_shape(&self) -> Option<Shape> {
        let channels = self.images.channels?;
        Some(self.images.shape(channels))
    }

    fn survey(self: Box<Self>, seed: u64) -> Result<Box<dyn Survey>, Vec<Fault>> {
        let by_table = self.labelling.split.is_some() || self.labelling.valid_label_files.is_some();
        if !by_table {
            self.labelling.check_keys()?;
            self.splits.resolve(seed)?;
        }
        let roots = [
            Some(&*self.splits.train),
            self.splits.valid.as_deref(),
            self.test.path(),
        ];
        let labelled = self
            .labelling
            .list(roots)
            .map_err(|failure| vec![self.listing_fault(&failure)])?;
        let LabelledFiles {
            names,
            splits,
            left_out,
        } = labelled;
        let [train, valid, test] = splits;
        let train = train.unwrap_or_default();
        require_images(&names, &train)?;
        check_classes(names.list())
            .map_err(|fault| vec![self.nested_classes(fault, names.list())])?;
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
        // The split may come from the tables, so `data.valid` does not decide.
        let mut divided = match valid {
            Some(files) => {
                let from = files.root.shown().to_string();
                Divided::given(train, as_split(files), from)
            }
            None => {
                let split_off = self.splits.split_off(seed).ok_or_else(no_validation)?;
                divide_named(train, &names, split_off)?
            }
        };
        warnings.append(&mut divided.warnings);
        if let Some(test) = &test {
            divided.from.push_str(&format!(
                "\ntest: {} images of {}, for the end",
                test.files.len(),
                test.root.shown()
            ));
        }
        let listed = Listed {
            classes: names.list().to_vec(),
            splits: Divided {
                warnings,
                ..divided
            },
            test: test.map(as_split),
            left_out,
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
    /// A fault of listing the files, with a hint at the expected layout.
    fn listing_fault(&self, failure: &Failure) -> Fault {
        let has_table = matches!(failure.error, LabellingError::Classes(_));
        let fault = Fault::new(key(failure.key), failure.to_string());
        if self.labelling.is_elsewhere() || has_table {
            return fault;
        }
        fault.hint(
            "paths are relative to the experiment file; a folder looks like train/cats/1.jpg, \
             train/dogs/1.jpg",
        )
    }

    /// The fault of a single class, with a hint if the classes lie within its folder.
    fn nested_classes(&self, fault: Fault, classes: &[String]) -> Fault {
        let Some(only) = classes.first().filter(|_| !self.labelling.is_elsewhere()) else {
            return fault;
        };
        let nested = self.splits.train.join(only);
        match list_classes(&nested).map_or(0, |inner| inner.classes.len()) {
            0 | 1 => fault,
            _ => fault.hint(format!("did you mean {}?", nested.shown())),
        }
    }
}

fn no_validation() -> Vec<Fault> {
    let fault = Fault::new(
        Path::parse("data"),
        "has no validation images: no row is of that split",
    );
    vec![fault.hint(HOLD_BACK)]
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
            let message = format!("holds the class folder {} without images", class.shown());
            Fault::new(key("train"), message)
                .hint("put images into it, or move the folder elsewhere if it is no class")
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
        let message = format!("is {}, which holds no images", split.root.shown());
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
