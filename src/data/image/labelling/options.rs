//! What an experiment says of the labels of image files, and what comes of it.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::core::left_out::{LeftOut, list_names};
use crate::data::table::{Files, Layout};

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

    /// Whether there is no index.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of an index, as messages show it.
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
