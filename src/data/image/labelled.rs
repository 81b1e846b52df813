//! Labelled images for evaluating a model. Labels come from where they came from in training: folders, file names or
//! tables.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::dataset::ImageDataset;
use super::labelled_error::LabelledImagesError;
use super::labelling::fitting;
use super::labelling::options::{
    ClassFolders, LabelledFiles, Labelling, Names, SPLIT_KEYS, SplitFiles,
};
use super::labelling::pattern::LabelPattern;
use super::labelling::tables::LabelTables;
use super::preprocess::ImagePreprocess;
use super::samples::Split;
use super::sources::labelled::labelled_blocks;
use crate::console::Show as _;
use crate::data::core::class_names::{DifferentClasses, absent, index_of, same_classes};
use crate::data::core::left_out::{LeftOut, list_names};
use crate::data::core::reader::{Labelled, LabelledPath};
use crate::data::core::task::Task;
use crate::data::files::listing::{Classes, Content, Listing, list_folders};
use crate::data::files::split_names::split_name;
use crate::data::image::sources::labels::TrainedClasses;
use crate::data::image::sources::webdataset::labelled_archives;
use crate::data::table::Files;

/// Labelled files with the classes of a model.
pub struct FolderImages {
    /// The files.
    pub split: Split,
    /// Files that are not samples.
    pub left_out: LeftOut,
    /// Notices.
    pub warnings: Vec<String>,
}

/// The images of a folder with one folder per class, all of which the model must know.
///
/// # Errors
/// A folder without classes, or with others.
pub fn of_folders(folder: &Path, classes: &[String]) -> Result<FolderImages, LabelledImagesError> {
    of_listing(folder, classes, Classes::default())
}

fn of_listing(
    folder: &Path,
    classes: &[String],
    which: Classes<'_>,
) -> Result<FolderImages, LabelledImagesError> {
    let listing = list_folders(folder, Content::Images, which)?;
    let mut left_out = listing.left_out.clone();
    let (found, files) = known(listing, classes, &mut left_out)?;
    let mut counts = vec![0; classes.len()];
    files
        .iter()
        .for_each(|(_, class)| counts[*class as usize] += 1);
    let lacks = classes.iter().zip(counts).filter(|(_, count)| *count == 0);
    let lacks: Vec<&String> = lacks.map(|(name, _)| name).collect();
    if files.is_empty() {
        return Err(LabelledImagesError::NoImage(list_names(&found)));
    }
    Ok(FolderImages {
        warnings: absent(&lacks, &folder.shown().to_string())
            .into_iter()
            .collect(),
        split: Split::of_files(folder.to_path_buf(), files),
        left_out,
    })
}

type NamedFiles = (Vec<String>, Vec<(Box<Path>, u32)>);

/// The files of the classes that the model knows. Folders named like splits are not classes.
fn known(
    listing: Listing,
    classes: &[String],
    left_out: &mut LeftOut,
) -> Result<NamedFiles, DifferentClasses> {
    let places = index_of(classes);
    let is_split =
        |name: &String| !places.contains_key(name.as_str()) && split_name(name).is_some();
    let found: Vec<String> = listing
        .classes
        .iter()
        .filter(|name| !is_split(name))
        .cloned()
        .collect();
    if found.is_empty() || found.iter().any(|name| !places.contains_key(name.as_str())) {
        same_classes(classes, &found, "the model", "the folder")?;
    }
    let mut files = Vec::with_capacity(listing.files.len());
    for (path, class) in listing.files {
        match places.get(listing.classes[class as usize].as_str()) {
            Some(place) => files.push((path, *place as u32)),
            None => left_out.add(
                "in a folder that is called as a split and is no class",
                || path.shown().to_string(),
            ),
        }
    }
    files.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
    Ok((found, files))
}

/// Labelled images for a model that was trained on `kind = "image-folder"` with these options; `None` if its labels
/// came from folders at the top alone.
///
/// # Errors
/// What does not fit the model.
pub fn labelled_as_trained(
    wanted: &LabelledPath<'_>,
    preprocess: &ImagePreprocess,
) -> Option<Result<Labelled, LabelledImagesError>> {
    let LabelledPath {
        path, task, data, ..
    } = *wanted;
    let tables = match wanted.tables {
        [] => None,
        [one] => Some(Files::One(one.clone())),
        several => Some(Files::Several(several.to_vec())),
    };
    let tables = tables.as_ref();
    if data.get("kind").and_then(Value::as_str) != Some("image-folder") {
        return None;
    }
    let options: Map<String, Value> = data.clone().into_iter().collect();
    let labelling: Labelling = serde_json::from_value(Value::Object(options)).ok()?;
    let has_table =
        labelling.label.is_some() || labelling.image.is_some() || labelling.split.is_some();
    let is_table = tables.is_some() || path.is_file() && is_named_as_table(path);
    let found = match (&labelling.label_pattern, &labelling.classes) {
        (Some(pattern), _)
            if tables.is_none() && path.is_dir() && !has_class_folders(path, task) =>
        {
            by_pattern(path, pattern, task)
        }
        _ if is_table => by_table(path, tables, task, labelling),
        _ if has_table && path.is_dir() && !has_class_folders(path, task) => {
            Err(LabelledImagesError::NoTable)
        }
        (None, level)
            if path.is_dir() && (*level == ClassFolders::Leaf || !labelling.exclude.is_empty()) =>
        {
            let which = Classes {
                leaf: *level == ClassFolders::Leaf,
                exclude: &labelling.exclude,
            };
            let found = of_listing(path, task.classes(), which);
            found.map(|found| (found.split, None, found.left_out, found.warnings))
        }
        _ => return None,
    };
    Some(found.map(|(split, sets, left_out, warnings)| {
        let dataset = ImageDataset::undecoded(split, preprocess).with_labels(sets);
        Labelled {
            dataset: Arc::new(dataset),
            skipped: Vec::new(),
            left_out,
            notices: Vec::new(),
            warnings,
        }
    }))
}

fn is_named_as_table(path: &Path) -> bool {
    const ENDS: [&str; 12] = [
        ".csv", ".tsv", ".tab", ".txt", ".lst", ".data", ".dat", ".xlsx", ".xls", ".ods",
        ".csv.gz", ".tsv.gz",
    ];
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    ENDS.iter().any(|end| name.ends_with(end))
}

fn has_class_folders(path: &Path, task: &Task) -> bool {
    task.classes().iter().any(|class| path.join(class).is_dir())
}

type Sets = Option<Arc<Vec<Vec<bool>>>>;
/// Labelled files, their sets of labels, what is no sample, and what may be wrong.
type LabelledFileSet = (Split, Sets, LeftOut, Vec<String>);

fn by_pattern(
    path: &Path,
    pattern: &str,
    task: &Task,
) -> Result<LabelledFileSet, LabelledImagesError> {
    let (names, files, left_out) = fitting(path, &LabelPattern::parse(pattern)?)?;
    if files.is_empty() {
        return Err(LabelledImagesError::NoFit(pattern.to_string()));
    }
    let names = Names::Classes(names);
    let (split, sets) = number(
        SplitFiles {
            root: path.to_path_buf(),
            files,
        },
        &names,
        task,
    )?;
    Ok((split, sets, left_out, Vec::new()))
}

fn by_table(
    path: &Path,
    tables: Option<&Files>,
    task: &Task,
    labelling: Labelling,
) -> Result<LabelledFileSet, LabelledImagesError> {
    let folder = match path.is_dir() {
        true => path.to_path_buf(),
        false => path.parent().unwrap_or(Path::new("")).to_path_buf(),
    };
    let folder = match folder.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => folder,
    };
    let files = tables
        .cloned()
        .unwrap_or_else(|| Files::One(path.to_path_buf()));
    let mut labelling = Labelling {
        label_files: Some(files),
        valid_label_files: None,
        test_label_files: None,
        ..labelling
    };
    let mut warnings = Vec::new();
    let roots = [Some(&*folder), None, None];
    // Of a table of all splits the test part is evaluated, else that of validation; a table that lacks the column is
    // evaluated as a whole.
    if labelling.split.is_some() {
        if let Ok(tables) = LabelTables::read(&labelling, roots) {
            let part = tables.last();
            warnings.push(format!(
                "of {}, the rows of the split {} are evaluated",
                path.shown(),
                SPLIT_KEYS[part]
            ));
            return finish(tables.only(part).into_files()?, task, warnings);
        }
        labelling.split = None;
    }
    let tables = LabelTables::read(&labelling, roots)?;
    finish(tables.only(0).into_files()?, task, warnings)
}

fn finish(
    found: LabelledFiles,
    task: &Task,
    warnings: Vec<String>,
) -> Result<LabelledFileSet, LabelledImagesError> {
    let [files, ..] = found.splits;
    let files = files.ok_or(LabelledImagesError::NoRow)?;
    let (split, sets) = number(files, &found.names, task)?;
    Ok((split, sets, found.left_out, warnings))
}

/// Gives samples the indices of the model's classes, or of sets of its labels.
fn number(
    files: SplitFiles,
    names: &Names,
    task: &Task,
) -> Result<(Split, Sets), LabelledImagesError> {
    let trained: Vec<String> = task.names().into_iter().map(str::to_string).collect();
    let place = index_of(&trained);
    if let Some(unknown) = names
        .list()
        .iter()
        .find(|name| !place.contains_key(name.as_str()))
    {
        return Err(LabelledImagesError::Label {
            label: unknown.clone(),
            known: list_names(&trained),
        });
    }
    let places: Vec<usize> = names
        .list()
        .iter()
        .map(|name| place[name.as_str()])
        .collect();
    let (files, root) = (files.files, files.root);
    match (task, names) {
        (Task::MultiLabel(_), names) => {
            let mut sets = Vec::new();
            for index in 0..names.len() {
                let mut set = vec![false; trained.len()];
                match names {
                    Names::Classes(_) => set[places[index]] = true,
                    Names::Labels(_, found) => {
                        let held = places.iter().zip(&found[index]).filter(|(_, held)| **held);
                        held.for_each(|(place, _)| set[*place] = true);
                    }
                }
                sets.push(set);
            }
            Ok((Split::of_files(root, files), Some(Arc::new(sets))))
        }
        (_, Names::Labels(..)) => Err(LabelledImagesError::SeveralLabels),
        (_, Names::Classes(_)) => {
            let files = files
                .into_iter()
                .map(|(path, class)| (path, places[class as usize] as u32));
            let mut files: Vec<(Box<Path>, u32)> = files.collect();
            files.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
            Ok((Split::of_files(root, files), None))
        }
    }
}

/// A labelled folder (or tar archives, by a name or pattern that ends with ".tar") for
/// evaluation, whose images are decoded as they are asked for: its classes must be
/// `classes`, by name.
///
/// # Errors
/// A folder without classes, or with other classes.
pub fn labelled_images(
    folder: &Path,
    trained: &TrainedClasses,
    preprocess: &ImagePreprocess,
) -> Result<LabelledImages, LabelledImagesError> {
    let classes = trained.classes;
    let mut left_out = LeftOut::default();
    let mut warnings = Vec::new();
    let split = if let Some(labelled) = labelled_blocks(folder, trained) {
        Split::of_blocks(folder.to_path_buf(), labelled?)
    } else if folder.extension().is_some_and(|e| e == "tar") && !folder.is_dir() {
        let split;
        (split, left_out, warnings) = labelled_archives(folder, classes, trained.names.as_deref())?;
        split
    } else {
        let found = of_folders(folder, classes)?;
        (left_out, warnings) = (found.left_out, found.warnings);
        found.split
    };
    Ok(LabelledImages {
        dataset: ImageDataset::undecoded(split, preprocess),
        left_out,
        warnings,
    })
}

/// Labelled images for evaluation, with warnings about them.
pub struct LabelledImages {
    /// The images.
    pub dataset: ImageDataset,
    /// Files that are not samples.
    pub left_out: LeftOut,
    /// Warnings about the files.
    pub warnings: Vec<String>,
}
