//! The result of inspecting a column.

use thiserror::Error;

use crate::data::table::options::Role;

/// Why the role of a column is unclear.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnclearColumn {
    /// Numbers with other words among them.
    #[error(
        "column {name:?} holds numbers, but {field:?} in {place}. If that word stands for a \
         missing value, add it to data.missing; if it is right, data.columns.{name:?} = \
         \"category\"; else mend the file"
    )]
    Word {
        /// The column.
        name: String,
        /// The first word.
        field: String,
        /// Its file and line.
        place: String,
    },
    /// A number that is not finite.
    #[error("column {name:?} is {field:?} in {place}, expected a finite number")]
    NotFinite {
        /// The column.
        name: String,
        /// The number.
        field: String,
        /// Its file and line.
        place: String,
    },
}

/// An inspected column.
#[derive(Clone, Debug, PartialEq)]
pub struct InspectedColumn {
    /// Its name.
    pub name: String,
    /// Its inferred role, and the reason if it is not obvious; or why it is unclear.
    pub role: Result<(Role, String), UnclearColumn>,
    /// Distinct values, if they were counted.
    pub values: Option<usize>,
    /// Rows in which it is missing.
    pub missing: usize,
    /// Its format, if its fields are not plain numbers.
    pub format: Option<String>,
    /// Whether most of its texts have no spaces between words.
    pub spaceless: bool,
    /// Whether its fields have several words and differ in each row, so that it may be the text column.
    pub may_be_text: bool,
}
