//! The tables at a path: their files, their name, and those in a folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::console::shown;
use crate::data::is_pattern;

/// The files of a table at a path: a file, or those that match a pattern; none for a folder.
///
/// # Errors
/// A path where nothing is: what is near it.
pub(super) fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    if path.exists() {
        return Ok(Vec::new());
    }
    let text = path.to_string_lossy();
    if is_pattern(&text) {
        let found = glob::glob(&text).with_context(|| format!("{text} is no pattern of files"))?;
        let files: Vec<PathBuf> = found
            .filter_map(Result::ok)
            .filter(|file| file.is_file())
            .collect();
        if files.is_empty() {
            bail!("{text} fits no file");
        }
        return Ok(files);
    }
    let folder = path.parent().unwrap_or(path);
    let there = match folder.is_dir() {
        false => format!("there is no folder {}", shown(folder)),
        true => match tables_in(folder).first() {
            Some(table) => format!(
                "{} holds a table: `kiln init {}`",
                shown(folder),
                shown(&folder.join(table))
            ),
            None => format!("{} holds no table", shown(folder)),
        },
    };
    bail!("there is no {}; {there}", shown(path));
}

/// Ends of the names of tables.
const TABLES: [&str; 14] = [
    ".csv", ".tsv", ".tab", ".data", ".dat", ".arff", ".xlsx", ".xlsb", ".xls", ".ods", ".csv.gz",
    ".tsv.gz", ".data.gz", ".txt.gz",
];

/// The names of the tables in a folder, sorted.
fn tables_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.path().is_file());
    let names = files.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_table = |name: &String| {
        TABLES
            .iter()
            .any(|end| name.to_ascii_lowercase().ends_with(end))
    };
    let mut names: Vec<String> = names.filter(is_table).collect();
    names.sort();
    names
}

/// Of a folder that holds tables and no folders, the command for one of them.
///
/// # Errors
/// Such a folder.
pub(super) fn refuse_folder_of_tables(said: &Path, folder: &Path) -> anyhow::Result<()> {
    let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    if entries.any(|entry| entry.path().is_dir()) {
        return Ok(());
    }
    let tables = tables_in(folder);
    let Some(first) = tables.first() else {
        return Ok(());
    };
    bail!(
        "{} is a folder without folders of images, but with tables: {}. \
         `kiln init {}` takes one of them",
        shown(said),
        tables.join(", "),
        shown(&said.join(first))
    );
}

/// The name of an experiment for a table: that of the file, without extensions and wildcards.
pub(super) fn name(table: &Path) -> String {
    let name = table
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let lower = name.to_ascii_lowercase();
    let stem = match lower.strip_suffix(".gz") {
        Some(rest) => &name[..rest.len()],
        None => &name,
    };
    let stem = Path::new(stem)
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    let plain: String = stem.chars().filter(|c| !"*?[]".contains(*c)).collect();
    let plain = plain.trim_matches(['-', '_', '.', ' ']);
    if plain.is_empty() {
        "experiment".to_string()
    } else {
        plain.to_string()
    }
}
