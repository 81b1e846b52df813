//! `kind = "image-folder"`: one folder a class.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path as FilePath, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::batch::Shape;
use super::dataset::{Source, Survey};
use super::files::Split;
use super::image_options::ImageOptions;
use super::image_survey::{ImageSurvey, Listed};
use super::left_out::short_name;
use super::listing::{Listing, list_classes};
use super::random::hash_text;
use super::split::split_off;
use crate::config::{Fault, Path};
use crate::console::Show as _;

/// Pictures in folders, one folder a class: `train/cats/1.jpg`, `train/dogs/1.jpg`.
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
        check_splits(self.valid.is_some(), self.valid_fraction)?;
        let mut listing = list(&self.train, "train")?;
        let mut left_out = std::mem::take(&mut listing.left_out);
        require_pictures(&listing, &self.train, "train")?;
        if listing.classes.len() < 2 {
            return Err(vec![one_class(&listing, &self.train)]);
        }
        let classes = listing.classes;
        let train = Split::of_files(self.train.clone(), listing.files);
        let (train, valid, valid_from) = match &self.valid {
            Some(folder) => {
                let valid = list(folder, "valid")?;
                same_classes(&classes, &valid.classes, "data.train", "data.valid")
                    .map_err(|message| vec![Fault::new(key("valid"), message)])?;
                require_pictures(&valid, folder, "valid")?;
                left_out.merge(valid.left_out);
                let from = folder.shown().to_string();
                (train, Split::of_files(folder.clone(), valid.files), from)
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
            warnings: Vec::new(),
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

fn key(name: &str) -> Path {
    Path::parse("data").key(name)
}

fn list(folder: &FilePath, name: &str) -> Result<Listing, Vec<Fault>> {
    list_classes(folder).map_err(|message| {
        let fault = Fault::new(key(name), format!("is {}, which {message}", folder.shown()));
        let hint = "paths are relative to the experiment file; a folder looks like \
                    train/cats/1.jpg, train/dogs/1.jpg";
        vec![fault.hint(hint)]
    })
}

fn require_pictures(listing: &Listing, folder: &FilePath, name: &str) -> Result<(), Vec<Fault>> {
    let filled: BTreeSet<usize> = listing
        .files
        .iter()
        .map(|(_, class)| *class as usize)
        .collect();
    let faults: Vec<Fault> = (0..listing.classes.len())
        .filter(|class| !filled.contains(class))
        .map(|class| {
            let class = folder.join(&listing.classes[class]);
            let message = format!("holds the class folder {} without pictures", class.shown());
            Fault::new(key(name), message)
                .hint("put pictures into it, or move the folder elsewhere if it is no class")
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
    let shown = short_name(only);
    let message = format!("holds one class only ({shown}), expected at least two");
    let fault = Fault::new(key("train"), message);
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

/// Splits a share of each class off the training samples: both splits, and where the second comes
/// from, for people.
///
/// # Errors
/// A class with one sample.
pub fn divide(
    all: Split,
    classes: &[String],
    fraction: f64,
    seed: u64,
) -> Result<(Split, Split, String), Vec<Fault>> {
    let samples: Vec<(u64, usize)> = (0..all.len())
        .map(|index| {
            (
                hash_text(&all.name(index)),
                all.samples[index].class as usize,
            )
        })
        .collect();
    let chosen = split_off(&samples, fraction, seed);
    let others: Vec<bool> = chosen.iter().map(|chosen| !chosen).collect();
    let valid = all.clone().filter(&chosen);
    let counts = valid.counts(classes.len());
    match counts.iter().position(|&count| count == 0) {
        Some(class) => Err(vec![Fault::new(
            key("valid_fraction"),
            format!(
                "leaves no validation picture of {}, which has one picture only",
                short_name(&classes[class])
            ),
        )]),
        None => {
            let from = format!("{fraction} of each class, split off with seed {seed}");
            Ok((all.filter(&others), valid, from))
        }
    }
}
