//! Labels of image files: from folders, file names, or tables and lists.

pub mod below;
pub mod error;
pub mod index;
pub mod options;
pub mod pattern;
pub mod rows;
pub mod tables;

use std::path::Path;

use super::labelling::below::images_below;
use super::labelling::error::{Failure, LabellingError};
use super::labelling::options::{
    ClassFolders, LabelledFiles, Labelling, Names, SPLIT_KEYS, SplitFiles,
};
use super::labelling::pattern::LabelPattern;
use super::labelling::tables::{LabelTables, Roots};
use crate::config::{Fault, Path as Key};
use crate::console::Show as _;
use crate::data::core::left_out::LeftOut;
use crate::data::files::error::ListingError;
use crate::data::files::listing::Content;
use crate::data::files::listing::{Classes, list_folders};

/// The reason for leaving out an image whose name holds no class.
const NO_FIT: &str = "a name that does not fit data.label_pattern";

impl Labelling {
    /// Whether labels come from something other than folders.
    pub fn is_elsewhere(&self) -> bool {
        self.label_pattern.is_some() || self.label_files.is_some()
    }

    /// # Errors
    /// Keys of one source of labels beside another source of labels.
    pub fn check_keys(&self) -> Result<(), Vec<Fault>> {
        let mut idle = Vec::new();
        if self.label_files.is_none() {
            let keys = [
                ("valid_label_files", self.valid_label_files.is_some()),
                ("test_label_files", self.test_label_files.is_some()),
                ("image", self.image.is_some()),
                ("label", self.label.is_some()),
                ("split", self.split.is_some()),
                ("separator", self.separator.is_some()),
            ];
            let given = keys.into_iter().filter(|(_, given)| *given);
            let of_layout = self.layout.non_default_keys();
            let all = given.map(|(key, _)| key.to_string()).chain(of_layout);
            idle.extend(all.map(|key| (key, "is for labels in a table, data.label_files")));
        }
        if self.is_elsewhere() && self.classes != ClassFolders::default() {
            let why = "is for folders that are the classes; the labels lie elsewhere";
            idle.push(("classes".to_string(), why));
        }
        let faults = idle.into_iter().map(|(key, why)| {
            let key = Key::parse("data").key(&key);
            Fault::new(key, why).at_key().hint("remove the key")
        });
        let faults: Vec<Fault> = faults.collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }

    /// Whether the tables have a row of the test split.
    pub fn has_test_rows(&self) -> bool {
        self.test_label_files.is_some()
            || LabelTables::read(self, [None, None, None]).is_ok_and(|tables| tables.last() == 2)
    }

    /// Lists the images of the splits that have a folder, or a part of the table.
    ///
    /// # Errors
    /// The key at fault, and what is wrong with it.
    pub fn list(&self, roots: Roots<'_>) -> Result<LabelledFiles, Failure> {
        match (&self.label_files, &self.label_pattern) {
            (Some(_), Some(_)) => Err(LabellingError::TwoWays.of("label_pattern")),
            (Some(_), None) => LabelTables::read(self, roots)?.into_files(),
            (None, Some(text)) => self.by_pattern(text, roots),
            (None, None) => self.by_folders(roots),
        }
    }

    fn by_folders(&self, roots: Roots<'_>) -> Result<LabelledFiles, Failure> {
        let which = Classes {
            leaf: self.classes == ClassFolders::Leaf,
            exclude: &self.exclude,
        };
        let mut names: Vec<String> = Vec::new();
        let mut splits = [None, None, None];
        let mut left_out = LeftOut::default();
        for ((root, key), split) in roots.into_iter().zip(SPLIT_KEYS).zip(&mut splits) {
            let Some(root) = root else { continue };
            let listing = list_folders(root, Content::Images, which)
                .map_err(|error| in_folder(root, error).of(key))?;
            if key == "train" {
                names = listing.classes.clone();
            } else if names.len() < 2 {
                break; // the fault to report
            }
            let places = places(&names, &listing.classes, key)?;
            let files = listing.files.into_iter();
            let files = files.filter_map(|(path, class)| Some((path, places[class as usize]?)));
            *split = Some(SplitFiles {
                root: root.to_path_buf(),
                files: files.collect(),
            });
            left_out.merge(listing.left_out);
        }
        Ok(LabelledFiles {
            names: Names::Classes(names),
            splits,
            left_out,
        })
    }

    fn by_pattern(&self, text: &str, roots: Roots<'_>) -> Result<LabelledFiles, Failure> {
        let pattern = LabelPattern::parse(text)
            .map_err(|error| LabellingError::from(error).of("label_pattern"))?;
        let mut names: Vec<String> = Vec::new();
        let mut splits = [None, None, None];
        let mut left_out = LeftOut::default();
        for ((root, key), split) in roots.into_iter().zip(SPLIT_KEYS).zip(&mut splits) {
            let Some(root) = root else { continue };
            let (labels, files, more) =
                fitting(root, &pattern).map_err(|error| in_folder(root, error).of(key))?;
            left_out.merge(more);
            if files.is_empty() {
                let error = LabellingError::NoFit {
                    root: root.to_path_buf(),
                    pattern: text.to_string(),
                };
                return Err(error.of(key));
            }
            if key == "train" {
                names = labels.clone();
            }
            let places = places(&names, &labels, key)?;
            let files = files.into_iter();
            let files = files.filter_map(|(path, class)| Some((path, places[class as usize]?)));
            *split = Some(SplitFiles {
                root: root.to_path_buf(),
                files: files.collect(),
            });
        }
        Ok(LabelledFiles {
            names: Names::Classes(names),
            splits,
            left_out,
        })
    }
}

/// Classes, files with the indices of their classes, and what was left out.
pub type Fitting = (Vec<String>, Vec<(Box<Path>, u32)>, LeftOut);

/// The images below a folder whose names fit a pattern: their classes, sorted, the files, and the others.
///
/// # Errors
/// A folder that is missing or cannot be read.
pub fn fitting(root: &Path, pattern: &LabelPattern) -> Result<Fitting, ListingError> {
    let (found, mut left_out) = images_below(root)?;
    let mut labelled = Vec::new();
    for path in found {
        match pattern.label(&path) {
            Some(label) => labelled.push((label, path)),
            None => left_out.add(NO_FIT, || path.shown().to_string()),
        }
    }
    let mut names: Vec<String> = labelled.iter().map(|(label, _)| label.clone()).collect();
    names.sort();
    names.dedup();
    labelled.sort();
    let index = |label: &String| names.binary_search(label).unwrap_or_default() as u32;
    let files = labelled
        .iter()
        .map(|(label, path)| (path.clone(), index(label)));
    let files = files.collect();
    Ok((names, files, left_out))
}

fn in_folder(root: &Path, error: ListingError) -> LabellingError {
    let root = root.to_path_buf();
    LabellingError::Folder { root, error }
}

/// The place of each class of a split among those of training; `None` for a folder without images that training
/// lacks.
fn places(
    known: &[String],
    found: &[String],
    key: &'static str,
) -> Result<Vec<Option<u32>>, Failure> {
    if found.iter().any(|name| known.binary_search(name).is_err()) {
        let here = format!("data.{key}");
        crate::data::core::class_names::same_classes(known, found, "data.train", &here)
            .map_err(|error| LabellingError::from(error).of(key))?;
    }
    let place = |name: &String| known.binary_search(name).ok().map(|place| place as u32);
    Ok(found.iter().map(place).collect())
}
