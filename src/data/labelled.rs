//! Data for judging a model: whatever the model was trained on the like of, with labels.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::class_names::{ClassNames, number};
use super::dataset::{Dataset, Skipped};
use super::images::ImageDataset;
use super::preprocess::Preprocessor;
use super::table::{Rows, TableFile, Targets, labelled_rows, notices};
use super::task::Task;
use super::text::{self, TextPreprocess, Texts, list_texts, text_notices};

/// Labelled samples as a model takes them.
pub struct Labelled {
    /// The samples.
    pub dataset: Arc<dyn Dataset>,
    /// Those that cannot be used.
    pub skipped: Vec<Skipped>,
    /// What the user should know.
    pub notices: Vec<String>,
}

impl Preprocessor {
    /// The samples at `path` for a model that says `task`: a folder of classes or archives of pictures, a
    /// table, a folder of text files.
    ///
    /// # Errors
    /// What does not fit the model, in words that follow the path.
    pub fn labelled(&self, path: &Path, task: &Task) -> Result<Labelled, String> {
        let in_words = |message: String| format!("does not fit the model: {message}");
        match self {
            Preprocessor::Image(image) => Ok(Labelled {
                dataset: Arc::new(ImageDataset::labelled(path, task.classes(), image)?),
                skipped: Vec::new(),
                notices: Vec::new(),
            }),
            Preprocessor::Table(table) => {
                let files = [path.to_path_buf()];
                let encoded = labelled_rows(&files, table, task).map_err(in_words)?;
                Ok(Labelled {
                    dataset: Arc::new(encoded.dataset),
                    skipped: encoded.skipped,
                    notices: notices("the rows", &encoded.treatments)
                        .into_iter()
                        .collect(),
                })
            }
            Preprocessor::Text(preprocess) => {
                let mut skipped = Vec::new();
                let texts = if path.is_dir() {
                    let numeric = preprocess.layout.numeric_labels == Some(true);
                    Texts::Files(labelled_files(path, task, numeric)?)
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
        .map_err(|message| format!("{} {message}", path.display()))?;
    let targets = Targets::new(&preprocess.targets, task, &preprocess.layout);
    Rows::index(vec![table], &[&preprocess.text], &targets, skipped)
}

/// Text files of the model's classes, which the folder need not all have.
fn labelled_files(
    folder: &Path,
    task: &Task,
    numeric: bool,
) -> Result<Vec<(PathBuf, u32)>, String> {
    let (classes, files) = list_texts(folder)?;
    let known = ClassNames::new(task.classes(), numeric);
    let place = |name: &String| {
        let place = known.place(name, number(name));
        place.map_err(|message| format!("holds a folder whose name {message}"))
    };
    let places: Result<Vec<u32>, String> = classes.iter().map(place).collect();
    let places = places?;
    let files = files.into_iter();
    Ok(files
        .map(|(path, class)| (path, places[class as usize]))
        .collect())
}
