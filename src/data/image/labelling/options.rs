//! The options for the labels of image files, and the labelled files that result.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::core::left_out::{LeftOut, list_names};
use crate::data::table::{Files, Layout};

/// Where the labels of image files come from.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct Labelling {
    /// Which folders are the classes: the top folders of the split ("top"), or those that directly hold images ("leaf").
    #[serde(default)]
    pub classes: ClassFolders,
    /// Names of folders that are not classes.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Takes the class from the file name instead of the folder: "{label}.#" matches `cat.0.jpg`; # stands for digits,
    /// * for anything.
    #[serde(default)]
    pub label_pattern: Option<String>,
    /// Takes labels from tables instead of folders: a table (CSV, TSV) with one row per image; or one list of image
    /// names per class, named as the class.
    #[serde(default)]
    #[schemars(extend("x-path" = true))]
    pub label_files: Option<Files>,
    /// The tables of the validation images, if they are separate.
    #[serde(default)]
    #[schemars(extend("x-path" = true))]
    pub valid_label_files: Option<Files>,
    /// The tables of the test images, if they are separate.
    #[serde(default)]
    #[schemars(extend("x-path" = true))]
    pub test_label_files: Option<Files>,
    /// The column with the images' names (also without extension or folder); default: the first with a usual name.
    #[serde(default)]
    pub image: Option<String>,
    /// The column with the class; or several columns of 0 and 1, one per label.
    #[serde(default)]
    pub label: Option<Columns>,
    /// The column with the split of each image.
    #[serde(default)]
    pub split: Option<String>,
    /// The separator between several labels of one image: " ", "|".
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
    /// Those that directly hold images, at any depth; folders of the same name are one class.
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
    /// Files that are not samples.
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
