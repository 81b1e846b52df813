//! What a column of a table holds.

use crate::data::table::options::Role;

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub struct InspectedColumn {
    /// Its name.
    pub name: String,
    /// What it is taken for, and why, where that is not plain; or what speaks against anything.
    pub role: Result<(Role, String), String>,
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
