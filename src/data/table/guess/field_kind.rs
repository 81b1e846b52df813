//! What kind of value a field holds: a number, a date, or a word for a missing value.

use crate::data::table::dates;
use crate::data::table::format_tally::MISSING_WORDS;
use crate::data::table::numbers::{may_follow, may_precede, take_apart};

/// The share of a column's fields that have to be of one kind.
pub const MOSTLY: f64 = 0.9;

/// Whether a field is empty or a usual word for a missing value.
pub fn is_missing(field: &str) -> bool {
    field.is_empty() || MISSING_WORDS.contains(&&*field.to_ascii_lowercase())
}

/// Whether a field is a number, also with a unit, a currency or thousands separators.
pub fn is_number(field: &str) -> bool {
    let plain = || field.parse::<f64>().is_ok();
    let parts = || {
        take_apart(field).is_some_and(|parts| may_precede(parts.before) && may_follow(parts.after))
    };
    field.contains(|c: char| c.is_ascii_digit()) && (plain() || parts())
}

/// Whether a field is a date in one of the forms that are recognized.
pub fn is_date(field: &str) -> bool {
    let forms = &dates::FORMS[..dates::RECOGNIZED];
    forms
        .iter()
        .any(|(_, form)| dates::read(field, *form).is_some())
}
