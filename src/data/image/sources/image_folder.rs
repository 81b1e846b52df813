//! `kind = "image-folder"`: image files, labelled by the folders they lie in, their names, or tables beside them.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, Path};
use crate::console::Show as _;
use crate::data::core::batch::Shape;
use crate::data::core::dataset::{Source, Survey};
use crate::data::files::left_out::{list_names, short_name};
use crate::data::files::listing::list_classes;
use crate::data::image::copies::digests;
use crate::data::image::labelling::{
    LabelledFiles, Labelling, Names, SPLIT_KEYS, SplitFiles, choose,
};
use crate::data::image::options::ImageOptions;
use crate::data::image::samples::Split;
use crate::data::image::survey::{ImageSurvey, Listed};

/// Pictures in folders, one folder a class: `train/cats/1.jpg`, `train/dogs/1.jpg`; or with labels in a table
/// (`label_files`) or in the files' names (`label_pattern`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct ImageFolder {
    /// The folder of training pictures, with one folder a class.
    #[schemars(extend("x-path" = true))]
    #[serde(deserialize_with = "crate::console::read_path")]
    train: PathBuf,
    /// The folder of validation pictures, with the same classes.
    #[schemars(extend("x-path" = true))]
    #[serde(default, deserialize_with = "crate::console::read_optional_path")]
    valid: Option<PathBuf>,
    /// Instead of `valid`: the share of each class that is split off the training pictures.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    valid_fraction: Option<f64>,
    /// The folder of test pictures: the best net is judged on them once, after training.
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
        let labelled = self.labelling.list(roots).map_err(|(name, message)| {
            let hint = "paths are relative to the experiment file; a folder looks like \
                        train/cats/1.jpg, train/dogs/1.jpg";
            let is_told = message.starts_with("has other classes"); // in a table
            let fault = Fault::new(key(name), message);
            vec![if self.labelling.is_elsewhere() || is_told {
                fault
            } else {
                fault.hint(hint)
            }]
        })?;
        let LabelledFiles {
            names,
            splits,
            left_out,
        } = labelled;
        let [train, valid, test] = splits;
        let train = train.unwrap_or_default();
        require_pictures(&names, &train)?;
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
                let Some(fraction) = self.valid_fraction else {
                    let fault = Fault::new(
                        Path::parse("data"),
                        "has no validation images: no row is of that split",
                    );
                    return Err(vec![fault.hint(
                        "add valid_fraction = 0.2 to hold back a fifth of each class",
                    )]);
                };
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

/// Checks that the validation split comes from one place.
pub fn check_splits(has_valid: bool, fraction: Option<f64>) -> Result<(), Vec<Fault>> {
    let fault = match (has_valid, fraction) {
        (false, None) => Fault::new(
            Path::parse("data"),
            "has neither `valid` nor `valid_fraction`, expected one of them",
        )
        .hint("add valid_fraction = 0.2 to hold back a fifth of each class"),
        (true, Some(_)) => Fault::new(
            key("valid_fraction"),
            "is given beside `valid`, expected one of them",
        ),
        _ => return Ok(()),
    };
    Err(vec![fault])
}

/// Checks that what is to be judged at the end is there.
pub fn check_test(test: Option<&FilePath>) -> Result<(), Vec<Fault>> {
    match test {
        Some(path) if !path.exists() => {
            let message = format!("is {}, which does not exist", path.shown());
            Err(vec![Fault::new(key("test"), message)])
        }
        _ => Ok(()),
    }
}

fn key(name: &str) -> Path {
    Path::parse("data").key(name)
}

fn require_pictures(names: &Names, train: &SplitFiles) -> Result<(), Vec<Fault>> {
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

/// What is to be said of the classes that a split lacks.
///
/// # Errors
/// A split without any picture.
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

/// Says that classes have no figures.
pub fn absent<S: AsRef<str>>(classes: &[S], of: &str) -> Option<String> {
    (!classes.is_empty()).then(|| {
        let (it, has) = match classes.len() {
            1 => ("this class", "has"),
            _ => ("these classes", "have"),
        };
        format!(
            "{of} has no picture of {}; {it} {has} no figures there",
            list_names(classes)
        )
    })
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

/// Classes that a table of differences shows.
const CLASSES_SHOWN: usize = 50;

/// Checks that two lists of class names are the same, in any order.
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
    let (here, there): (HashSet<&String>, HashSet<&String>) =
        (expected.iter().collect(), found.iter().collect());
    let all: BTreeSet<&String> = expected.iter().chain(found).collect();
    // What differs comes first: of thousands of classes only some are shown.
    let (mut names, same): (Vec<&String>, Vec<&String>) = all
        .into_iter()
        .partition(|name| here.contains(name) != there.contains(name));
    if names.is_empty() {
        return Ok(());
    }
    let more = (names.len() + same.len()).saturating_sub(CLASSES_SHOWN);
    names.extend(same);
    names.truncate(CLASSES_SHOWN);
    names.sort();
    let shown: Vec<_> = names.iter().map(|name| short_name(name)).collect();
    let width = shown.iter().map(|name| name.chars().count()).max();
    let width = width.unwrap_or(0).max(5);
    let mut table = format!(
        "has other classes than {expected_in}:\n  {:width$}  {expected_in}  {found_in}",
        "class"
    );
    for (name, shown) in names.into_iter().zip(shown) {
        let mark = |names: &HashSet<&String>| {
            if names.contains(name) {
                "yes"
            } else {
                "MISSING"
            }
        };
        let column = expected_in.chars().count();
        table.push_str(&format!(
            "\n  {shown:width$}  {:column$}  {}",
            mark(&here),
            mark(&there)
        ));
    }
    if more > 0 {
        table.push_str(&format!("\n  and {more} more"));
    }
    Err(table)
}

/// A split made by chance.
pub struct Divided {
    /// The training split.
    pub train: Split,
    /// The validation split.
    pub valid: Split,
    /// Where the validation split comes from, for people.
    pub from: String,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Splits a share of each class off the training samples. Copies of one picture stay together; a class of one
/// picture stays in training.
///
/// # Errors
/// Classes of which none has a picture to spare.
pub fn divide(
    all: Split,
    classes: &[String],
    fraction: f64,
    seed: u64,
) -> Result<Divided, Vec<Fault>> {
    divide_named(all, &Names::Classes(classes.to_vec()), fraction, seed)
}

fn divide_named(
    all: Split,
    names: &Names,
    fraction: f64,
    seed: u64,
) -> Result<Divided, Vec<Fault>> {
    let (digests, copies) = digests(&all);
    // Sets of labels are of many kinds, each rare: they are not split one by one.
    let by_class = matches!(names, Names::Classes(_));
    let class = |index: usize| {
        if by_class {
            all.samples[index].class as usize
        } else {
            0
        }
    };
    let samples: Vec<(u64, usize)> = (0..all.len())
        .map(|index| (digests[index], class(index)))
        .collect();
    let chosen = choose(&samples, fraction, seed);
    let others: Vec<bool> = chosen.iter().map(|chosen| !chosen).collect();
    let valid = all.clone().filter(&chosen);
    if valid.len() == 0 {
        let message =
            "leaves no validation picture: no class has two pictures that are not copies of one";
        let fault = Fault::new(key("valid_fraction"), message);
        return Err(vec![fault.hint(
            "add pictures, or name a folder of other pictures in data.valid",
        )]);
    }
    let of_each = match by_class {
        true => "of each class",
        false => "of all",
    };
    let mut from = format!("{fraction} {of_each}, split off with seed {seed}");
    if copies > 0 {
        let copies = match copies {
            1 => "1 copy of another picture stays".to_string(),
            n => format!("{n} copies of other pictures stay"),
        };
        from.push_str(&format!("; {copies} on the other's side"));
    }
    let mut warnings = Vec::new();
    if let Names::Classes(classes) = names {
        let counts = valid.counts(classes.len());
        let empty = classes.iter().zip(counts).filter(|(_, count)| *count == 0);
        let empty: Vec<&String> = empty.map(|(name, _)| name).collect();
        warnings.extend(absent(&empty, "the validation split").map(|text| {
            format!("{text}: too few pictures to hold one back (add some, or leave the class out)")
        }));
    }
    Ok(Divided {
        train: all.filter(&others),
        valid,
        from,
        warnings,
    })
}
