//! Opens the files of a table and checks the columns that the experiment names.

use std::path::PathBuf;

use super::error::PatternError;
use super::layout::Layout;
use super::options::Files;
use super::reader::TableFile;
use super::scan::listed;
use crate::config::{Fault, Path, with_nearest};
use crate::console::Show as _;
use crate::data::core::faults::fault;
use crate::data::files::pattern::is_pattern;

/// The files of a path: itself, or those that match a pattern (`part-*.csv`), sorted.
///
/// # Errors
/// A pattern that no file fits.
pub fn expand(path: &std::path::Path) -> Result<Vec<PathBuf>, PatternError> {
    let text = path.to_string_lossy();
    if path.exists() || !is_pattern(&text) {
        return Ok(vec![path.to_path_buf()]);
    }
    let found = glob::glob(&text).map_err(PatternError::None)?;
    let files: Vec<PathBuf> = found
        .filter_map(Result::ok)
        .filter(|path| path.is_file())
        .collect();
    match files.is_empty() {
        true => Err(PatternError::NoFile),
        false => Ok(files),
    }
}

/// Opens the files of a split.
pub fn open(files: &Files, name: &str, layout: &Layout) -> Result<Vec<TableFile>, Vec<Fault>> {
    let open = |path: &PathBuf| {
        TableFile::open(path, layout).map_err(|message| {
            let found = fault(name, format!("is {}, which {message}", path.shown()));
            let hint = "paths are relative to the experiment file";
            found.into_iter().map(|fault| fault.hint(hint)).collect()
        })
    };
    let mut paths = Vec::new();
    for path in files.list() {
        let expanded = expand(path);
        paths.extend(
            expanded
                .map_err(|message| fault(name, format!("is {}, which {message}", path.shown())))?,
        );
    }
    paths.iter().map(open).collect()
}

/// # Errors
/// A column that the file does not have; `path` is the key that names it.
pub fn check_name(name: &str, columns: &[String], path: Path) -> Result<(), Vec<Fault>> {
    if columns.iter().any(|column| column == name) {
        return Ok(());
    }
    let names: Vec<&str> = columns.iter().map(String::as_str).collect();
    let message = format!(
        "names the column {name:?}, but the file has {}",
        listed(columns)
    );
    Err(vec![with_nearest(Fault::new(path, message), name, &names)])
}
