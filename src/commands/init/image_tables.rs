//! A starter for images whose labels stand in a table or in lists beside them.

use std::path::{Path, PathBuf};

use super::image_files::Images;
use super::image_table::{ROWS, Table, looked, rows};
use super::plan::Plan;
use crate::cli::InitArgs;
use crate::data::{
    FolderLayout, Found, IMAGE_COLUMNS, SplitName, is_image_name, list_names, split_name,
};
use crate::storage::read_text;

/// The most bytes of a list of images.
const MAX_LIST: u64 = 256 << 20;

/// Ends of the names of tables and lists, in lower case.
const ENDS: [&str; 6] = ["csv", "tsv", "tab", "txt", "lst", "xlsx"];

/// The tables and lists in a folder and the one above the images, sorted.
pub(super) fn list_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_table = |path: &PathBuf| {
        let end = path
            .extension()
            .map(|end| end.to_string_lossy().to_lowercase());
        path.is_file() && end.is_some_and(|end| ENDS.contains(&&*end))
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_table).collect();
    files.sort();
    files
}

/// The tables near images of one folder, if they hold their labels.
///
/// # Errors
/// Tables of which one, or a column of one, has to be named.
pub(super) fn near(
    args: &InitArgs,
    folder: &Path,
    layout: &FolderLayout,
) -> anyhow::Result<Option<Plan>> {
    let mut folders = vec![folder.to_path_buf(), layout.train.clone()];
    folders.extend(
        layout
            .train
            .parent()
            .filter(|parent| parent.starts_with(folder))
            .map(Path::to_path_buf),
    );
    folders.sort();
    folders.dedup();
    let tables: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| list_files(folder))
        .collect();
    let root = match layout.valid.is_some() || layout.test.is_some() {
        true => folder.to_path_buf(),
        false => layout.train.clone(),
    };
    let images = Images::below(&root)?;
    let mut found: Vec<(PathBuf, Table)> = Vec::new();
    let mut lists: Vec<PathBuf> = Vec::new();
    for table in tables {
        match Table::look(args, &table, &images) {
            Some(looked) if looked.looked.columns().len() > 1 => found.push((table, looked)),
            Some(_) => lists.push(table),
            None if is_list_of(&table, &images) => lists.push(table),
            None => {}
        }
    }
    if found.is_empty() {
        // Lists named after splits have no labels.
        lists.retain(|list| split_name(&stem(list)).is_none());
        if lists.len() < 2 {
            return Ok(None);
        }
        let mut plan = Plan::of("image-folder", "images with one list a class");
        plan.splits(&root, None, None);
        plan.at_all("label_files", &lists, "one a class, called as the class");
        let names: Vec<String> = lists.iter().map(|list| stem(list)).collect();
        plan.notes
            .push(format!("one list a class: {}", list_names(&names)));
        return Ok(Some(plan));
    }
    let by_split = |split: SplitName| {
        found
            .iter()
            .find(|(path, _)| split_name(&stem(path)) == Some(split))
    };
    let first = by_split(SplitName::Train).unwrap_or(&found[0]);
    let mut plan = first.1.plan(args, &first.0, &root)?;
    if !plan.has("split") {
        let others = [
            (SplitName::Valid, "valid_label_files"),
            (SplitName::Test, "test_label_files"),
        ];
        for (split, key) in others
            .into_iter()
            .filter(|_| split_name(&stem(&first.0)) == Some(SplitName::Train))
        {
            if let Some((path, table)) = by_split(split) {
                // A table without labels is for predict.
                if table.looked.columns().len() >= first.1.looked.columns().len() {
                    plan.at(key, path, "");
                    if split == SplitName::Valid {
                        plan.remove("valid_fraction");
                    }
                }
            }
        }
    }
    for split in [&layout.valid, &layout.test].into_iter().flatten() {
        if first.1.speaks_of(split) {
            continue;
        }
        if !plan.has("valid_label_files") && !plan.has("test_label_files") {
            plan.unlabelled.push(split.clone());
        }
    }
    plan.unlabelled.extend(layout.unlabelled.iter().cloned());
    Ok(Some(plan))
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Whether the lines of a file are images.
fn is_list_of(path: &Path, images: &Images) -> bool {
    let Ok(text) = read_text(path, MAX_LIST) else {
        return false;
    };
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(ROWS)
        .collect();
    let index = images.index();
    let hits = lines
        .iter()
        .filter(|line| index.find(line) != Found::None)
        .count();
    !lines.is_empty() && hits * 10 >= lines.len() * 9
}

/// The plan of an experiment for a table beside images; `None` if no column holds names of images.
///
/// # Errors
/// A column that has to be named; a target that is no class.
pub(super) fn plan(args: &InitArgs, table: &Path) -> anyhow::Result<Option<Plan>> {
    // Only a table that looks as if it named images is worth a walk through the folders below it.
    let Some(looked) = looked(args, table) else {
        return Ok(None);
    };
    let rows = rows(table, &looked);
    let names_images = |column: &str| {
        IMAGE_COLUMNS.contains(&&*column.to_lowercase())
            || rows
                .iter()
                .filter(|row| {
                    row.get(column)
                        .is_some_and(|field| is_image_name(Path::new(field)))
                })
                .count()
                * 2
                > rows.len()
    };
    if !looked
        .columns()
        .iter()
        .any(|column| names_images(&column.name))
    {
        return Ok(None);
    }
    let folder = table
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let images = Images::below(folder)?;
    if images.files.is_empty() {
        return Ok(None);
    }
    match Table::look(args, table, &images) {
        Some(found) => found.plan(args, table, &images.common()).map(Some),
        None => Ok(None),
    }
}
