//! One pass over the training rows that collects the statistics of each column.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::column_scan::ColumnScan;
use super::error::{Difference, FilesError, TableError};
use super::formats::Format;
use super::reader::TableFile;

pub use crate::data::core::class_names::listed;

/// Scans every row of files with the same columns; the column order is that of the first file.
///
/// # Errors
/// A file that is no table, or whose columns differ.
pub fn scan(files: &[TableFile]) -> Result<Vec<ColumnScan>, FilesError> {
    let names = &files[0].columns;
    let mut scans: Vec<ColumnScan> = names.iter().map(|_| ColumnScan::new()).collect();
    for (name, scan) in names.iter().zip(&mut scans) {
        let format = files[0].layout.formats.get(name);
        scan.is_date = matches!(format, Some(Format::Date(_)));
    }
    for file in files {
        same_columns(file, &files[0])?;
        let columns = bind(file, names)?;
        let label = file.name();
        let each = file.for_each(|row| {
            for ((name, scan), &column) in names.iter().zip(&mut scans).zip(&columns) {
                let place = || format!("{label}, line {}", row.place.line);
                let field = row.field(column);
                scan.add(name, &field, &file.layout, &place);
                if field.contains('\n') {
                    scan.note_lines(&field, row.place.line, file);
                }
            }
            Ok(())
        });
        each.map_err(|error| error.of(&file.path))?;
    }
    if scans.first().is_none_or(|scan| scan.rows == 0) {
        return Err(TableError::NoRows.of(&files[0].path));
    }
    Ok(scans)
}

/// Scans files with the same columns, infers the format of each column that is `free`, and scans again if one is not
/// plain numbers. `free` gives what may be inferred for a column: dates and numbers (`Some(true)`), numbers alone
/// (`Some(false)`), or nothing. The formats are stored in the files' layouts.
///
/// # Errors
/// As [`scan`].
pub fn scan_formats(
    files: &mut [TableFile],
    free: impl Fn(&str) -> Option<bool>,
) -> Result<Vec<ColumnScan>, FilesError> {
    let scans = scan(files)?;
    let found = infer_formats(&files[0], &scans, free);
    if found.is_empty() {
        return Ok(scans);
    }
    for file in &mut *files {
        file.layout.formats.extend(found.clone());
    }
    scan(files)
}

/// The inferred formats of columns that are not plain numbers.
pub fn infer_formats(
    file: &TableFile,
    scans: &[ColumnScan],
    free: impl Fn(&str) -> Option<bool>,
) -> BTreeMap<String, Format> {
    let comma = scans.iter().any(|scan| scan.tally.has_decimal_comma());
    let columns = file.columns.iter().zip(scans);
    let said = |name: &str| file.layout.formats.contains_key(name);
    let inferred = columns
        .filter(|(name, _)| !said(name))
        .filter_map(|(name, scan)| {
            let dates = free(name)?;
            let format = scan.tally.choose(name, scan.numbers, comma)?;
            let fits = dates || matches!(format, Format::Number(_));
            fits.then(|| (name.clone(), format))
        });
    inferred.collect()
}

/// # Errors
/// The columns in which a file differs from the first.
fn same_columns(file: &TableFile, first: &TableFile) -> Result<(), FilesError> {
    let without = |of: &TableFile, other: &TableFile| -> Vec<String> {
        let known: HashSet<&String> = other.columns.iter().collect();
        let missing = of.columns.iter().filter(|name| !known.contains(name));
        missing.cloned().collect()
    };
    let (absent, more) = (without(first, file), without(file, first));
    if absent.is_empty() && more.is_empty() {
        return Ok(());
    }
    let difference = match (absent.is_empty(), more.is_empty()) {
        (false, true) => Difference::Less(listed(&absent)),
        (true, _) => Difference::More(listed(&more)),
        (false, false) => Difference::Other(listed(&absent), listed(&more)),
    };
    Err(FilesError::Columns {
        path: file.path.clone(),
        first: first.path.clone(),
        difference,
    })
}

/// The place of each of the columns called `names` in a file.
///
/// # Errors
/// One that the file has not.
pub fn bind<S: AsRef<str>>(file: &TableFile, names: &[S]) -> Result<Vec<usize>, FilesError> {
    let numbered = file.columns.iter().enumerate();
    let places: HashMap<&str, usize> = numbered.map(|(i, name)| (name.as_str(), i)).collect();
    let place = |name: &S| {
        let name = name.as_ref();
        let place = places.get(name).copied();
        place.ok_or_else(|| FilesError::NoColumn {
            path: file.path.clone(),
            name: name.to_string(),
            there: listed(&file.columns),
        })
    };
    names.iter().map(place).collect()
}
