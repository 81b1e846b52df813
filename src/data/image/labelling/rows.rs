//! Reads the rows of label tables and lists.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::options::Labelling;
use crate::console::Show as _;
use crate::data::core::left_out::{LeftOut, list_names};
use crate::data::files::error::FileError;
use crate::data::files::read::read_file;
use crate::data::files::split_names::{SplitName, split_name};
use crate::data::table::{
    Files, Layout, Row as TableRow, RowError, TableError, TableFile, class_name,
};

/// Names of columns of images, in lower case.
pub const IMAGE_COLUMNS: [&str; 19] = [
    "image",
    "filename",
    "file_name",
    "file",
    "image_id",
    "imageid",
    "path",
    "filepath",
    "file_path",
    "image_path",
    "imagepath",
    "image_name",
    "images",
    "img",
    "img_path",
    "id_code",
    "name",
    "id",
    "filenames",
];
/// Names of columns of labels, in lower case, the likeliest first.
pub const LABEL_COLUMNS: [&str; 18] = [
    "label",
    "class",
    "labels",
    "category",
    "target",
    "tags",
    "classes",
    "dx",
    "diagnosis",
    "species",
    "breed",
    "y",
    "class_name",
    "label_name",
    "categories",
    "level",
    "class_id",
    "type",
];

const NO_LABEL: &str = "a row of the labels without a label";
const OTHER_SPLIT: &str = "a row of the labels whose split has no name that is known";
/// The reason for skipping a row without an image, or with one that does not exist.
pub const NO_IMAGE: &str = "a row of the labels without an image";

/// Why tables or lists cannot be used, in words that begin with a file's name.
#[derive(Debug, Error)]
pub enum RowsError {
    /// No usable row.
    #[error("{}, which has no row with an image and a label", .file.shown())]
    NoRow {
        /// The file.
        file: PathBuf,
    },
    /// A list that cannot be read.
    #[error("{}, which {error}", .file.shown())]
    List {
        /// The file.
        file: PathBuf,
        /// The reason.
        error: FileError,
    },
    /// A list that is no text.
    #[error("{}, which is no text in UTF-8", .file.shown())]
    NoText {
        /// The file.
        file: PathBuf,
    },
    /// One list, where there should be one a class.
    #[error(
        "{}, one list of images; expected a table with a column of labels, or a list for each class",
        .file.shown()
    )]
    OneList {
        /// The file.
        file: PathBuf,
    },
    /// A table that cannot be read.
    #[error("{}, which {error}", .file.shown())]
    Table {
        /// The file.
        file: PathBuf,
        /// The reason.
        error: TableError,
    },
    /// A column that the experiment names, and the table lacks.
    #[error("{}, which has no column {column:?} (data.{key}); it has {there}", .file.shown())]
    NoColumn {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// The key that names it.
        key: &'static str,
        /// The columns that there are.
        there: String,
    },
    /// No column with a usual name.
    #[error("{}, of which data.{key} has to say the column; it has {there}", .file.shown())]
    WhichColumn {
        /// The file.
        file: PathBuf,
        /// The key that would name it.
        key: &'static str,
        /// The columns that there are.
        there: String,
    },
}

/// The image, labels and split of one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The image's name in the table.
    pub image: String,
    /// Its labels; one where it has a class.
    pub labels: Vec<String>,
    /// Its split, if there is a column for it.
    pub split: Option<SplitName>,
}

/// The rows of tables or lists.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// In the order of the files.
    pub rows: Vec<Row>,
    /// Whether several columns of 0 and 1, or a separator, may give several labels.
    pub several: bool,
    /// All labels that rows could have.
    pub names: BTreeSet<String>,
    /// Rows that are skipped.
    pub left_out: LeftOut,
}

impl Rows {
    /// Those of a split.
    pub fn of(&self, split: SplitName) -> Rows {
        let rows = self.rows.iter().filter(|row| row.split == Some(split));
        Rows {
            rows: rows.cloned().collect(),
            left_out: match split {
                SplitName::Train => self.left_out.clone(),
                _ => LeftOut::default(),
            },
            ..self.clone()
        }
    }
}

/// # Errors
/// What cannot be read.
pub fn read_files(labelling: &Labelling, files: &Files) -> Result<Rows, RowsError> {
    let files = files.list();
    let lists = files.len() > 1 || labelling.image.is_none() && labelling.label.is_none();
    if lists && files.iter().all(|file| is_list(file)) {
        return read_lists(files);
    }
    let mut rows = Rows::default();
    for file in files {
        read_table(labelling, file, &mut rows)?;
    }
    if rows.rows.is_empty() {
        let file = files[0].clone();
        return Err(RowsError::NoRow { file });
    }
    Ok(rows)
}

/// The most bytes of a list.
const MAX_LIST: u64 = 256 << 20;

/// Whether a file has a name alone in each of its first lines.
fn is_list(file: &Path) -> bool {
    let Some(text) = read_file(file, MAX_LIST)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
    else {
        return false;
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .take(100)
        .all(|line| !line.contains([',', ';', '\t', '|']) && line.split(' ').count() == 1)
}

/// One list per class.
fn read_lists(files: &[PathBuf]) -> Result<Rows, RowsError> {
    let mut rows = Rows::default();
    for file in files {
        let class = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let named = || file.clone();
        let bytes = read_file(file, MAX_LIST).map_err(|error| RowsError::List {
            file: named(),
            error,
        })?;
        let text = String::from_utf8(bytes).map_err(|_| RowsError::NoText { file: named() })?;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            rows.rows.push(Row {
                image: line.to_string(),
                labels: vec![class.clone()],
                split: None,
            });
        }
        rows.names.insert(class);
    }
    if rows.names.len() < 2 {
        let file = files[0].clone();
        return Err(RowsError::OneList { file });
    }
    Ok(rows)
}

/// The index of a column: that called `name`, else the first with a usual name.
fn column(
    table: &TableFile,
    name: Option<&str>,
    usual: &[&str],
    key: &'static str,
) -> Result<usize, RowsError> {
    let names = &table.columns;
    let found = match name {
        Some(wanted) => names.iter().position(|name| name == wanted),
        None => usual
            .iter()
            .find_map(|usual| names.iter().position(|name| name.to_lowercase() == *usual)),
    };
    found.ok_or_else(|| {
        let (file, there) = (table.path.clone(), list_names(names));
        match name {
            Some(wanted) => RowsError::NoColumn {
                file,
                column: wanted.to_string(),
                key,
                there,
            },
            None => RowsError::WhichColumn { file, key, there },
        }
    })
}

/// The names of the columns of 0 and 1 in which a row has a 1.
fn held_labels(
    table: &TableFile,
    columns: &[usize],
    row: &TableRow<'_>,
    layout: &Layout,
) -> Result<Vec<String>, RowError> {
    let mut held = Vec::new();
    for &column in columns {
        let field = row.field(column);
        match layout.number(&field) {
            Some(1.0) => held.push(table.columns[column].clone()),
            Some(0.0) => {}
            _ if layout.is_missing(&field) => {}
            _ => {
                return Err(RowError::Flag {
                    column: table.columns[column].clone(),
                    field: field.into_owned(),
                });
            }
        }
    }
    Ok(held)
}

fn read_table(labelling: &Labelling, file: &Path, rows: &mut Rows) -> Result<(), RowsError> {
    let in_table = |error: TableError| RowsError::Table {
        file: file.to_path_buf(),
        error,
    };
    let table = TableFile::open(file, &labelling.layout).map_err(in_table)?;
    let image = column(&table, labelling.image.as_deref(), &IMAGE_COLUMNS, "image")?;
    let labels: Vec<usize> = match &labelling.label {
        None => vec![column(&table, None, &LABEL_COLUMNS, "label")?],
        Some(columns) => {
            let each = columns.list().iter();
            each.map(|name| column(&table, Some(name), &[], "label"))
                .collect::<Result<_, _>>()?
        }
    };
    let split = match &labelling.split {
        Some(name) => Some((column(&table, Some(name), &[], "split")?, name.as_str())),
        None => None,
    };
    let flags = labels.len() > 1;
    rows.several |= flags || labelling.separator.is_some();
    if flags {
        rows.names
            .extend(labels.iter().map(|place| table.columns[*place].clone()));
    }
    let layout = &labelling.layout;
    let name = table.name();
    table
        .for_each(|row| {
            let image = row.field(image).into_owned();
            let line = row.place.line;
            let place = || format!("{name}:{line}");
            let row_labels: Vec<String> = match &labels[..] {
                [label] => {
                    let field = row.field(*label);
                    if layout.is_missing(&field) && labelling.separator.is_none() {
                        rows.left_out.add(NO_LABEL, place);
                        return Ok(());
                    }
                    split_labels(&field, labelling.separator.as_deref(), layout)
                }
                several => held_labels(&table, several, row, layout)?,
            };
            let split = match split {
                None => None,
                Some((column, name)) => match split_of(&row.field(column), name) {
                    Some(split) => Some(split),
                    None => {
                        rows.left_out.add(OTHER_SPLIT, place);
                        return Ok(());
                    }
                },
            };
            if image.is_empty() {
                rows.left_out.add(NO_IMAGE, place);
                return Ok(());
            }
            rows.names.extend(row_labels.iter().cloned());
            rows.rows.push(Row {
                image,
                labels: row_labels,
                split,
            });
            Ok(())
        })
        .map_err(in_table)
}

/// The labels of a field, sorted.
fn split_labels(field: &str, separator: Option<&str>, layout: &Layout) -> Vec<String> {
    let Some(separator) = separator else {
        return vec![class_name(field, layout).into_owned()];
    };
    let parts = field
        .split(separator)
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let mut labels: Vec<String> = parts.map(str::to_string).collect();
    labels.sort();
    labels.dedup();
    labels
}

/// The split that a field of a column stands for: its name, or yes and no in a column called as a split
/// ("is_valid").
pub fn split_of(field: &str, column: &str) -> Option<SplitName> {
    if let Some(split) = split_name(field) {
        return Some(split);
    }
    let yes = match field.to_ascii_lowercase().as_str() {
        "1" | "1.0" | "true" | "yes" => true,
        "0" | "0.0" | "false" | "no" => false,
        _ => return None,
    };
    let column = column.to_lowercase();
    let of = |word: &str| column.contains(word);
    match (yes, of("val"), of("test"), of("train")) {
        (true, true, ..) => Some(SplitName::Valid),
        (true, _, true, _) => Some(SplitName::Test),
        (false, _, _, true) => Some(SplitName::Valid),
        (true, _, _, true) | (false, true, ..) | (false, _, true, _) => Some(SplitName::Train),
        _ => None,
    }
}
