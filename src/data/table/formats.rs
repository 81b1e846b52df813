//! Formats of columns that are not plain numbers: inferred from the fields, stored in the model file.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::calendar::Moment;
use super::dates;
use super::dates::{DateForm, FORMS};
use super::numbers::{NumberFormat, PATTERNS};

/// The format of a column's fields: an example (`"$1,234.5"`, `"1.234,5 €"`, `"1234.5 kg"`) or the form of
/// a date (`"day.month.year"`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Format {
    /// Numbers.
    Number(NumberFormat),
    /// Dates, times.
    Date(DateForm),
}

impl TryFrom<String> for Format {
    type Error = FormatError;

    fn try_from(text: String) -> Result<Format, FormatError> {
        if let Some((_, form)) = FORMS.iter().find(|(name, _)| *name == text) {
            return Ok(Format::Date(*form));
        }
        let number = NumberFormat::parse(&text).map(Format::Number);
        number.ok_or(FormatError(text))
    }
}

/// A text that is no format.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{:?} is no format: expected a number such as {}, with what stands around it (\"$1,234.5\"), or one of {}",
    .0,
    joined(PATTERNS.iter().map(|(example, ..)| *example), " "),
    joined(FORMS.iter().map(|(name, _)| *name), ", ")
)]
pub struct FormatError(String);

fn joined<'a>(names: impl Iterator<Item = &'a str>, between: &str) -> String {
    names.collect::<Vec<_>>().join(between)
}

impl From<Format> for String {
    fn from(format: Format) -> String {
        match format {
            Format::Number(number) => number.text(),
            Format::Date(form) => form.name().to_string(),
        }
    }
}

impl JsonSchema for Format {
    fn schema_name() -> Cow<'static, str> {
        "Format".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "How the fields of a column are written: 1234.5 with its separators and what stands around \
                            it (\"$1,234.5\", \"1.234,5 €\", \"1234.5 kg\"), or the form of a date (\"year-month-day\", \
                            \"day.month.year\", \"month/day/year\", \"day month-name year\", \"time\", \"yyyymmdd\", \
                            \"unix-seconds\", \"unix-milliseconds\")."
        })
    }
}

impl Format {
    /// The number of a field; of a date, seconds since 1970.
    pub fn number(&self, field: &str) -> Option<f64> {
        match self {
            Format::Number(format) => format.read(field),
            Format::Date(_) => self
                .moment(field)
                .map(|m| m.day as f64 * 86_400.0 + m.seconds),
        }
    }

    /// The moment of a field, where dates are written.
    pub fn moment(&self, field: &str) -> Option<Moment> {
        match self {
            Format::Number(_) => None,
            Format::Date(form) => dates::read(field, *form),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_that_is_none_is_reported() {
        let error = Format::try_from("dollars".to_string())
            .expect_err("no format")
            .to_string();
        assert!(
            error.contains("1,234.5") && error.contains("day.month.year"),
            "{error}"
        );
    }
}
