//! `kind = "text-folder"`: text files, in one folder a class.

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
use crate::data::core::left_out::short_name;
use crate::data::core::task::Task;
use crate::data::files::listing::{Classes, list_folders};
use crate::data::files::listing::{Content, Listing};
use crate::data::loading::split::split_off_groups;
use crate::data::loading::split_keys::check_splits;
use crate::data::source::{Source, Survey};
use crate::data::table::Layout;

/// Text files (.txt, UTF-8), in one folder a class.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct TextFolder {
    /// The folder of the training texts.
    #[schemars(extend("x-path" = true))]
    #[serde(deserialize_with = "crate::console::read_path")]
    train: PathBuf,
    /// The folder of the validation texts.
    #[schemars(extend("x-path" = true))]
    #[serde(default, deserialize_with = "crate::console::read_optional_path")]
    valid: Option<PathBuf>,
    /// Instead of `valid`: the share of each class that is split off the training texts.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    valid_fraction: Option<f64>,
    /// Folders beside those of the classes that are none, by name.
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
        check_splits(self.valid.is_some(), self.valid_fraction)?;
        let list = |folder: &FilePath, name: &str| {
            list_texts_but(folder, &self.exclude)
                .map_err(|message| fault(name, format!("is {}, which {message}", folder.shown())))
        };
        self.tokens.check()?;
        let listed = list(&self.train, "train")?;
        let (classes, mut left_out) = (listed.classes, listed.left_out);
        let train = in_folder(&self.train, listed.files);
        if classes.len() < 2 {
            let message = format!(
                "holds one class only ({}), expected at least two",
                short_name(&classes.join(""))
            );
            return Err(fault("train", message));
        }
        let (train, valid, valid_from) = match &self.valid {
            Some(folder) => {
                let found = list(folder, "valid")?;
                same_classes(&classes, &found.classes, "data.train", "data.valid")
                    .map_err(|message| fault("valid", message))?;
                left_out.merge(found.left_out);
                let valid = in_folder(folder, found.files);
                (train, valid, folder.shown().to_string())
            }
            None => {
                let fraction = self.valid_fraction.unwrap_or_default();
                let keys = group_keys(&train, &self.train);
                let sample = |index: usize| (keys[index], train[index].1 as usize);
                let chosen = split_off_groups(train.len(), sample, fraction, seed);
                let others: Vec<bool> = chosen.iter().map(|chosen| !chosen).collect();
                let all = Texts::Files(train);
                let (Texts::Files(train), Texts::Files(valid)) =
                    (all.filter(&others), all.filter(&chosen))
                else {
                    unreachable!("files stay files")
                };
                let from = format!("{fraction} of each class, split off with seed {seed}");
                (train, valid, from)
            }
        };
        let columns = Columns {
            text: text(),
            targets: vec![label()],
            layout: Layout::default(),
            spaceless: spaceless_files(&train),
            odd_quotes: String::new(),
        };
        let splits = [Texts::Files(train), Texts::Files(valid)];
        let task = Task::Classes(classes);
        let mut survey =
            TextSurvey::new(self.tokens, columns, task, splits, valid_from, Vec::new())?;
        survey.summary.left_out.merge(left_out);
        Ok(Box::new(survey))
    }
}

fn in_folder(folder: &FilePath, files: Vec<(Box<FilePath>, u32)>) -> Vec<(PathBuf, u32)> {
    let files = files.into_iter();
    files
        .map(|(path, class)| (folder.join(path), class))
        .collect()
}

/// The text files of a folder with one folder a class; a folder without any is no class.
///
/// # Errors
/// What is missing, in words that follow the folder's name.
pub fn list_texts(folder: &FilePath) -> Result<Listing, String> {
    list_texts_but(folder, &[])
}

/// The same without some of the folders, by name.
fn list_texts_but(folder: &FilePath, exclude: &[String]) -> Result<Listing, String> {
    let which = Classes {
        exclude,
        ..Classes::default()
    };
    let none = || "holds no folder with .txt files; it looks like train/good/1.txt".to_string();
    let mut listing = match folder.is_dir() {
        true => list_folders(folder, Content::Texts, which).map_err(|message| {
            match message.contains("no folders") {
                true => none(),
                false => message,
            }
        })?,
        false => return Err("is no folder, expected one folder a class".into()),
    };
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
        return Err(none());
    }
    Ok(listing)
}

/// Of each text file, a digest of its name within the folder; of one with the text of another before it, that of the
/// other, so that copies go to the same split.
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

/// Files that are read to tell their script.
const SCRIPT_OF: usize = 100;

/// Whether most of some text files have no blanks between words.
fn spaceless_files(files: &[(PathBuf, u32)]) -> bool {
    let step = files.len().div_ceil(SCRIPT_OF).max(1);
    let some: Vec<(PathBuf, u32)> = files.iter().step_by(step).cloned().collect();
    let (mut count, all) = (0, some.len());
    let read = Texts::Files(some).visit(|_, text| {
        count += usize::from(text.is_ok_and(is_spaceless));
    });
    read.is_ok() && 2 * count > all
}
