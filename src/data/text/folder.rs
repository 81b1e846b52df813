//! `kind = "text-folder"`: text files, in one folder per class.

use std::path::{Path as FilePath, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_64;

use super::dataset::Texts;
use super::options::{TokenOptions, label, text};
use super::script::is_spaceless;
use super::survey::{Columns, TextSurvey};
use crate::config::Fault;
use crate::console::Show as _;
use crate::data::core::batch::Shape;
use crate::data::core::class_names::same_classes;
use crate::data::core::faults::fault;
use crate::data::core::task::Task;
use crate::data::files::error::ListingError;
use crate::data::files::listing::{Classes, list_folders};
use crate::data::files::listing::{Content, Listing};
use crate::data::loading::divided::Divided;
use crate::data::loading::split_keys::{SplitKeys, ValidFrom, check_classes, describe_keys};
use crate::data::source::{Source, Survey};
use crate::data::table::Layout;

/// Text files (.txt, UTF-8), in one folder per class.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
#[schemars(transform = describe_keys(&[
    ("train", "The folder of the training texts."),
    ("valid", "The folder of the validation texts."),
    ("valid_fraction", "Instead of `valid`: the share of each class that is split off the training texts."),
]))]
pub struct TextFolder {
    #[serde(flatten)]
    splits: SplitKeys,
    /// Names of folders that are not classes.
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(flatten)]
    tokens: TokenOptions,
}

impl Source for TextFolder {
    fn declared_shape(&self) -> Option<Shape> {
        None
    }

    fn survey(self: Box<Self>, seed: u64) -> Result<Box<dyn Survey>, Vec<Fault>> {
        let valid_from = self.splits.resolve(seed)?;
        let list = |folder: &FilePath, name: &str| {
            list_texts_but(folder, &self.exclude)
                .map_err(|message| fault(name, format!("is {}, which {message}", folder.shown())))
        };
        self.tokens.check()?;
        let listed = list(&self.splits.train, "train")?;
        let (classes, mut left_out) = (listed.classes, listed.left_out);
        let train = in_folder(&self.splits.train, listed.files);
        check_classes(&classes).map_err(|fault| vec![fault])?;
        let divided = match valid_from {
            ValidFrom::Given(folder) => {
                let found = list(folder, "valid")?;
                same_classes(&classes, &found.classes, "data.train", "data.valid")
                    .map_err(|message| fault("valid", message))?;
                left_out.merge(found.left_out);
                let valid = in_folder(folder, found.files);
                Divided::given(train, valid, folder.shown().to_string())
            }
            ValidFrom::SplitOff(split_off) => {
                let keys = group_keys(&train, &self.splits.train);
                let sample =
                    |files: &TextFiles, index: usize| (keys[index], files[index].1 as usize);
                split_off.divide(train, sample, " of each class")
            }
        };
        let columns = Columns {
            text: text(),
            targets: vec![label()],
            layout: Layout::default(),
            spaceless: spaceless_files(&divided.train),
            odd_quotes: String::new(),
        };
        let divided = divided.map(Texts::Files);
        let task = Task::Classes(classes);
        let mut survey = TextSurvey::new(self.tokens, columns, task, divided, Vec::new())?;
        survey.summary.left_out.merge(left_out);
        Ok(Box::new(survey))
    }
}

/// Text files, each with the index of its class.
type TextFiles = Vec<(PathBuf, u32)>;

fn in_folder(folder: &FilePath, files: Vec<(Box<FilePath>, u32)>) -> TextFiles {
    let files = files.into_iter();
    files
        .map(|(path, class)| (folder.join(path), class))
        .collect()
}

/// The text files of a folder with one folder per class; a folder without any is no class.
///
/// # Errors
/// What is missing.
pub fn list_texts(folder: &FilePath) -> Result<Listing, ListingError> {
    list_texts_but(folder, &[])
}

/// The same without some of the folders, by name.
fn list_texts_but(folder: &FilePath, exclude: &[String]) -> Result<Listing, ListingError> {
    let which = Classes {
        exclude,
        ..Classes::default()
    };
    if !folder.is_dir() {
        return Err(ListingError::NoFolder);
    }
    let listed = list_folders(folder, Content::Texts, which);
    let mut listing = listed.map_err(|error| match error {
        ListingError::NoClasses { .. } => ListingError::NoTexts,
        other => other,
    })?;
    let mut places = vec![None; listing.classes.len()];
    for (_, class) in &listing.files {
        places[*class as usize] = Some(0);
    }
    let mut kept = Vec::new();
    for (name, place) in std::mem::take(&mut listing.classes)
        .into_iter()
        .zip(&mut places)
    {
        match place {
            Some(place) => {
                *place = kept.len() as u32;
                kept.push(name);
            }
            None => listing.left_out.add("a folder without .txt files", || name),
        }
    }
    for (_, class) in &mut listing.files {
        *class = places[*class as usize].unwrap_or_default();
    }
    listing.classes = kept;
    if listing.classes.is_empty() {
        return Err(ListingError::NoTexts);
    }
    Ok(listing)
}

/// For each text file, a digest of its name within the folder; for a copy of an earlier file, the digest of that file, so
/// that copies go to the same split.
fn group_keys(files: &[(PathBuf, u32)], folder: &FilePath) -> Vec<u64> {
    let name = |path: &PathBuf| {
        let name = path.strip_prefix(folder).unwrap_or(path);
        xxh3_64(name.to_string_lossy().as_bytes())
    };
    let mut keys: Vec<u64> = files.iter().map(|(path, _)| name(path)).collect();
    let mut first = std::collections::HashMap::new();
    // A file that cannot be read keeps its own; it is left out later.
    let _ = Texts::Files(files.to_vec()).visit(|index, text| {
        if let Ok(text) = text {
            let digest = xxh3_64(text.trim().as_bytes());
            keys[index] = *first.entry(digest).or_insert(keys[index]);
        }
    });
    keys
}

/// The most files that are read to detect the script.
const SCRIPT_OF: usize = 100;

/// Whether most of some text files have no spaces between words.
fn spaceless_files(files: &[(PathBuf, u32)]) -> bool {
    let step = files.len().div_ceil(SCRIPT_OF).max(1);
    let some: Vec<(PathBuf, u32)> = files.iter().step_by(step).cloned().collect();
    let (mut count, all) = (0, some.len());
    let read = Texts::Files(some).visit(|_, text| {
        count += usize::from(text.is_ok_and(is_spaceless));
    });
    read.is_ok() && 2 * count > all
}
