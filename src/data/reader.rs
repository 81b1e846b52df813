//! Data for judging a model: whatever the model was trained on the like of, with labels.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::core::class_names::{ClassNames, number};
use super::core::dataset::Skipped;
use super::core::left_out::LeftOut;
use super::core::task::Task;
use super::files::listing::Listing;
use super::image::labelled::{labelled_as_trained, labelled_images};
use super::image::sources::labels::TrainedClasses;
use super::preprocess::Preprocessor;
use super::table::{Files, Rows, TableFile, Targets, labelled_rows, notices};
use super::text;
use super::text::{TextPreprocess, Texts, list_texts, text_notices};
use crate::console::Show as _;
use crate::data::labelled::Labelled;

impl Preprocessor {
    /// The samples at `path` for a model that says `task` and was trained with the options `data`: a folder of
    /// classes, archives or arrays of pictures, a table, a folder of text files.
    ///
    /// # Errors
    /// What does not fit the model, in words that follow the path.
    pub fn labelled(
        &self,
        path: &Path,
        task: &Task,
        data: &BTreeMap<String, Value>,
    ) -> Result<Labelled, String> {
        self.labelled_by(path, None, task, data)
    }

    /// The same, where tables beside the images at `path` say their labels.
    ///
    /// # Errors
    /// As [`Preprocessor::labelled`].
    pub fn labelled_by(
        &self,
        path: &Path,
        tables: Option<&Files>,
        task: &Task,
        data: &BTreeMap<String, Value>,
    ) -> Result<Labelled, String> {
        let in_words = |message: String| format!("does not fit the model: {message}");
        match self {
            Preprocessor::Image(image) => {
                if let Some(found) = labelled_as_trained(path, tables, task, data, image) {
                    return found;
                }
                let trained = TrainedClasses::new(task.classes(), data);
                let found = labelled_images(path, &trained, image)?;
                Ok(Labelled {
                    dataset: Arc::new(found.dataset),
                    skipped: Vec::new(),
                    left_out: found.left_out,
                    notices: Vec::new(),
                    warnings: found.warnings,
                })
            }
            Preprocessor::Table(table) => {
                let files = [path.to_path_buf()];
                let encoded = labelled_rows(&files, table, task).map_err(in_words)?;
                Ok(Labelled {
                    dataset: Arc::new(encoded.dataset),
                    skipped: encoded.skipped,
                    left_out: LeftOut::default(),
                    warnings: Vec::new(),
                    notices: notices("the rows", &encoded.treatments)
                        .into_iter()
                        .collect(),
                })
            }
            Preprocessor::Text(preprocess) => {
                let mut skipped = Vec::new();
                let mut left_out = LeftOut::default();
                let texts = if path.is_dir() {
                    let numeric = preprocess.layout.numeric_labels == Some(true);
                    let files;
                    (files, left_out) = labelled_files(path, task, numeric)?;
                    Texts::Files(files)
                } else {
                    Texts::Rows(text_rows(path, preprocess, task, &mut skipped).map_err(in_words)?)
                };
                let (dataset, figures, more) =
                    text::encode(texts, preprocess, task, &|| {}).map_err(in_words)?;
                skipped.extend(more);
                Ok(Labelled {
                    notices: text_notices("texts", &figures),
                    dataset: Arc::new(dataset),
                    skipped,
                    left_out,
                    warnings: Vec::new(),
                })
            }
        }
    }
}

fn text_rows(
    path: &Path,
    preprocess: &TextPreprocess,
    task: &Task,
    skipped: &mut Vec<Skipped>,
) -> Result<Rows, String> {
    let table = TableFile::open(path, &preprocess.layout)
        .map_err(|message| format!("{} {message}", path.shown()))?;
    let targets = Targets::new(&preprocess.targets, task, &preprocess.layout);
    Rows::index(vec![table], &[&preprocess.text], &targets, skipped)
}

/// Text files of the model's classes, which the folder need not all have, and what is none.
fn labelled_files(
    folder: &Path,
    task: &Task,
    numeric: bool,
) -> Result<(Vec<(PathBuf, u32)>, LeftOut), String> {
    let Listing {
        classes,
        files,
        left_out,
    } = list_texts(folder)?;
    let known = ClassNames::new(task.classes(), numeric);
    let place = |name: &String| {
        let place = known.place(name, number(name));
        place.map_err(|message| format!("holds a folder whose name {message}"))
    };
    let places: Result<Vec<u32>, String> = classes.iter().map(place).collect();
    let places = places?;
    let files = files
        .into_iter()
        .map(|(path, class)| (folder.join(path), places[class as usize]));
    Ok((files.collect(), left_out))
}
