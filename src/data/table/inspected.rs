//! What a column of a table holds.

use thiserror::Error;

use crate::data::table::options::Role;

/// Why nothing is known of a column.
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

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub struct InspectedColumn {
    /// Its name.
    pub name: String,
    /// What it is taken for, and why, where that is not plain; or what speaks against anything.
    pub role: Result<(Role, String), UnclearColumn>,
    /// Different values, where there are not too many to tell.
    pub values: Option<usize>,
    /// Rows in which it is missing.
    pub missing: usize,
    /// How it is written, where its fields are no plain numbers.
    pub format: Option<String>,
    /// Whether most of its texts have no blanks between words.
    pub spaceless: bool,
    /// Whether its fields are several words and different in each row, so that it may be text where nothing else is.
    pub may_be_text: bool,
}
