//! What tells the labels of image files: the folders they lie in, their names, or tables and lists beside them.

pub mod index;
pub mod pattern;
pub mod rows;
pub mod tables;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::labelling::pattern::LabelPattern;
use super::labelling::tables::{LabelTables, Roots};
use crate::config::{Fault, Path as Key};
use crate::console::Show as _;
use crate::data::files::left_out::{LeftOut, list_names};
use crate::data::files::listing::{Classes, Content, list_folders, list_pictures};
use crate::data::loading::split::split_off_groups;
use crate::data::table::{Files, Layout};

/// Why an image is passed over whose name says no class.
const NO_FIT: &str = "a name that does not fit data.label_pattern";

/// What tells the labels of image files.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct Labelling {
    /// Which folders are the classes: those of the split ("top"), or those that images lie in ("leaf").
    #[serde(default)]
    pub classes: ClassFolders,
    /// Folders beside those of the classes that are none, by name.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// The class in the files' names, instead of folders: "{label}.#" is `cat.0.jpg`; # stands for digits, * for
    /// anything.
    #[serde(default)]
    pub label_pattern: Option<String>,
    /// Instead of folders: the table (CSV, TSV) with a row for each image and its label; or several lists, one a
    /// class, named as the class, with the name of an image in each line.
    #[serde(default)]
    #[schemars(extend("x-path" = true))]
    pub label_files: Option<Files>,
    /// The same of the validation images, where they have another.
    #[serde(default)]
    #[schemars(extend("x-path" = true))]
    pub valid_label_files: Option<Files>,
    /// The same of the test images.
    #[serde(default)]
    #[schemars(extend("x-path" = true))]
    pub test_label_files: Option<Files>,
    /// The column with the images' names (also without extension or folder); default: the first that is called as
    /// such columns are.
    #[serde(default)]
    pub image: Option<String>,
    /// The column with the class; or several of 0 and 1, one a label.
    #[serde(default)]
    pub label: Option<Columns>,
    /// The column that says which split an image is of.
    #[serde(default)]
    pub split: Option<String>,
    /// What stands between several labels of one image: " ", "|".
    #[serde(default)]
    pub separator: Option<String>,
    /// How the tables are laid out.
    #[serde(flatten)]
    pub layout: Layout,
}

/// Which folders are the classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClassFolders {
    /// Those at the top of the split.
    #[default]
    Top,
    /// Those that images lie in, at any depth; folders of one name are one class.
    Leaf,
}

/// One column, or several.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Columns {
    /// One.
    One(String),
    /// Several.
    Several(#[schemars(length(min = 1))] Vec<String>),
}

impl Columns {
    /// All of them.
    pub fn list(&self) -> &[String] {
        match self {
            Columns::One(name) => std::slice::from_ref(name),
            Columns::Several(names) => names,
        }
    }
}

/// What the labels of images are.
#[derive(Clone, Debug, PartialEq)]
pub enum Names {
    /// One class of these, sorted.
    Classes(Vec<String>),
    /// Any number of these labels, sorted; and the sets of them that occur, each with a flag for each label.
    Labels(Vec<String>, Vec<Vec<bool>>),
}

/// Image files of one split, each with the index of its class or of its set of labels.
#[derive(Clone, Debug, Default)]
pub struct SplitFiles {
    /// What the files lie in.
    pub root: PathBuf,
    /// Relative to it, sorted by index, then by name.
    pub files: Vec<(Box<Path>, u32)>,
}

/// The splits of labelled image files.
#[derive(Clone, Debug)]
pub struct LabelledFiles {
    /// What the indices stand for.
    pub names: Names,
    /// Training, validation and test; those that are not there are `None`.
    pub splits: [Option<SplitFiles>; 3],
    /// What is no sample.
    pub left_out: LeftOut,
}

/// Keys of the folders of the splits.
pub const SPLIT_KEYS: [&str; 3] = ["train", "valid", "test"];

/// What cannot be used, and the key of `[data]` that says it.
pub type Failure = (&'static str, String);

impl Labelling {
    /// Whether labels come from somewhere else than folders.
    pub fn is_elsewhere(&self) -> bool {
        self.label_pattern.is_some() || self.label_files.is_some()
    }

    /// # Errors
    /// Keys that say how the labels are found, where they are found in another way.
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
            let of_layout = self.layout.said();
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

    /// Whether the tables have a row of the split for the end.
    pub fn has_test_rows(&self) -> bool {
        self.test_label_files.is_some()
            || LabelTables::read(self, [None, None, None]).is_ok_and(|tables| tables.last() == 2)
    }

    /// Lists the images of the splits that have a folder, or a part of the table.
    ///
    /// # Errors
    /// The key at fault, and what is wrong with it, in words that follow it.
    pub fn list(&self, roots: Roots<'_>) -> Result<LabelledFiles, Failure> {
        match (&self.label_files, &self.label_pattern) {
            (Some(_), Some(_)) => Err((
                "label_pattern",
                "is there beside data.label_files, expected one of them".into(),
            )),
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
                .map_err(|message| (key, format!("is {}, which {message}", root.shown())))?;
            if key == "train" {
                names = listing.classes.clone();
            } else if names.len() < 2 {
                break; // which is the fault to be told
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
        let pattern = LabelPattern::parse(text).map_err(|message| ("label_pattern", message))?;
        let mut names: Vec<String> = Vec::new();
        let mut splits = [None, None, None];
        let mut left_out = LeftOut::default();
        for ((root, key), split) in roots.into_iter().zip(SPLIT_KEYS).zip(&mut splits) {
            let Some(root) = root else { continue };
            let fail = |message: String| (key, format!("is {}, which {message}", root.shown()));
            let (labels, files, more) = fitting(root, &pattern).map_err(fail)?;
            left_out.merge(more);
            if files.is_empty() {
                return Err(fail(format!(
                    "holds no image whose name fits data.label_pattern = {text:?}"
                )));
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

/// Classes, files with the indices of theirs, and what is none.
pub type Fitting = (Vec<String>, Vec<(Box<Path>, u32)>, LeftOut);

/// The images below a folder whose names fit a pattern: their classes, sorted, the files, and the others.
///
/// # Errors
/// A folder that is missing or cannot be read, in words that follow its name.
pub fn fitting(root: &Path, pattern: &LabelPattern) -> Result<Fitting, String> {
    let (found, mut left_out) = pictures_below(root)?;
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

/// The images below a folder, relative to it and sorted.
///
/// # Errors
/// A folder that is missing or cannot be read, in words that follow its name.
pub fn pictures_below(root: &Path) -> Result<(Vec<Box<Path>>, LeftOut), String> {
    if !root.exists() {
        return Err("does not exist".into());
    }
    if !root.is_dir() {
        return Err("is a file, expected a folder of images".into());
    }
    let (files, left_out) = list_pictures(root)?;
    let inner = files
        .iter()
        .map(|path| path.strip_prefix(root).unwrap_or(path).into());
    Ok((inner.collect(), left_out))
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
        super::sources::image_folder::same_classes(known, found, "data.train", &here)
            .map_err(|message| (key, message))?;
    }
    let place = |name: &String| known.binary_search(name).ok().map(|place| place as u32);
    Ok(found.iter().map(place).collect())
}

impl Names {
    /// The classes or labels.
    pub fn list(&self) -> &[String] {
        match self {
            Names::Classes(names) | Names::Labels(names, _) => names,
        }
    }

    /// The number of indices.
    pub fn len(&self) -> usize {
        match self {
            Names::Classes(names) => names.len(),
            Names::Labels(_, sets) => sets.len(),
        }
    }

    /// What an index stands for, for people.
    pub fn of(&self, index: usize) -> String {
        match self {
            Names::Classes(names) => names[index].clone(),
            Names::Labels(names, sets) => {
                let held = names.iter().zip(&sets[index]).filter(|(_, held)| **held);
                let held: Vec<&String> = held.map(|(name, _)| name).collect();
                if held.is_empty() {
                    "no label".into()
                } else {
                    list_names(&held)
                }
            }
        }
    }
}

/// A share of the samples, chosen so that equal digests stay together.
pub fn choose(samples: &[(u64, usize)], fraction: f64, seed: u64) -> Vec<bool> {
    split_off_groups(samples.len(), |index| samples[index], fraction, seed)
}
