//! The layout of delimited text: encoding, delimiter, quotes, header.

use std::borrow::Cow;
use std::collections::BTreeMap;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::formats::Format;

/// The most bytes of one row.
pub const MAX_ROW: u64 = 64 << 20;

/// What stands between two fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Delimiter {
    /// One character.
    Sign(char),
    /// Any run of spaces and tabs.
    Whitespace,
}

impl From<Delimiter> for String {
    fn from(delimiter: Delimiter) -> String {
        match delimiter {
            Delimiter::Sign(sign) => sign.to_string(),
            Delimiter::Whitespace => "whitespace".to_string(),
        }
    }
}

impl TryFrom<String> for Delimiter {
    type Error = DelimiterError;

    fn try_from(text: String) -> Result<Delimiter, DelimiterError> {
        let mut signs = text.chars();
        match (signs.next(), signs.next()) {
            (Some(sign), None) => Ok(Delimiter::Sign(sign)),
            _ if text == "whitespace" => Ok(Delimiter::Whitespace),
            _ => Err(DelimiterError(text)),
        }
    }
}

/// A text that is no delimiter.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no delimiter, expected one sign or \"whitespace\"")]
pub struct DelimiterError(String);

impl JsonSchema for Delimiter {
    fn schema_name() -> Cow<'static, str> {
        "Delimiter".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": "string", "description": "One character, or \"whitespace\" for any run of spaces and tabs.",
            "pattern": "^(.|\\t|whitespace)$"
        })
    }
}

fn quote() -> char {
    '"'
}

fn yes() -> bool {
    true
}

fn utf_8() -> String {
    "utf-8".into()
}

fn point() -> char {
    '.'
}

fn missing() -> Vec<String> {
    ["NA", "N/A", "NaN", "nan", "NULL", "null", "None", "?"]
        .map(String::from)
        .to_vec()
}

/// The layout of a table's text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Layout {
    /// The field separator, or "whitespace" for any run of spaces and tabs; default: the one of , ; tab | that is most
    /// frequent in the first line.
    #[serde(default)]
    pub delimiter: Option<Delimiter>,
    /// The quote around fields that contain the delimiter; doubled inside a field. "" for no quoting.
    #[serde(default = "quote", with = "quote_text")]
    #[schemars(with = "String", length(max = 1))]
    pub quote: char,
    /// Whether the first line is a header; else columns are called `column_1`, `column_2`, ...
    #[serde(default = "yes")]
    pub header: bool,
    /// The text encoding, by its web name ("utf-8", "windows-1252", "shift_jis").
    #[serde(default = "utf_8")]
    pub encoding: String,
    /// The decimal separator.
    #[serde(default = "point")]
    pub decimal: char,
    /// Fields that count as missing, beside empty ones.
    #[serde(default = "missing")]
    pub missing: Vec<String>,
    /// Whether class labels are compared as numbers, so that `1` and `1.0` are the same class; by default labels are text,
    /// and 01234 is not 1234.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numeric_labels: Option<bool>,
    /// Lines that begin with this character are comments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<char>,
    /// Fields that count as missing in one column, by column name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing_in: BTreeMap<String, Vec<String>>,
    /// The formats of columns that are not plain numbers, by column name: an example ("$1,234.5", "1234.5 kg") or the form
    /// of a date ("day.month.year"). Fields in another format count as missing. Default: inferred from the fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub formats: BTreeMap<String, Format>,
    /// The number of columns of a training table without a header, whose columns are matched by position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub width: Option<usize>,
}

impl Default for Layout {
    fn default() -> Self {
        Layout {
            delimiter: None,
            quote: quote(),
            header: true,
            encoding: utf_8(),
            decimal: point(),
            missing: missing(),
            numeric_labels: Some(false),
            comment: None,
            missing_in: BTreeMap::new(),
            formats: BTreeMap::new(),
            width: None,
        }
    }
}

impl Layout {
    /// Whether classes are compared as numbers. Old model files lack the key: their classes are numbers where possible.
    pub fn has_numeric_labels(&self) -> bool {
        self.numeric_labels.unwrap_or(true)
    }

    /// The keys that differ from their defaults.
    pub fn non_default_keys(&self) -> Vec<String> {
        let keys = |layout: &Layout| match serde_json::to_value(layout) {
            Ok(serde_json::Value::Object(keys)) => keys,
            _ => serde_json::Map::new(),
        };
        let usual = Layout {
            numeric_labels: None,
            ..Layout::default()
        };
        let usual = keys(&usual);
        let own = keys(self).into_iter();
        own.filter(|(key, value)| usual.get(key) != Some(value))
            .map(|(key, _)| key)
            .collect()
    }

    /// The same with an explicit choice whether classes are compared as numbers.
    pub fn settled(&self) -> Layout {
        Layout {
            numeric_labels: Some(self.numeric_labels.unwrap_or(false)),
            ..self.clone()
        }
    }

    /// Whether a field stands for a missing value.
    pub fn is_missing(&self, field: &str) -> bool {
        let field = field.trim();
        field.is_empty() || self.missing.iter().any(|missing| missing == field)
    }

    /// The number that a field stands for; it may be infinite.
    pub fn number(&self, field: &str) -> Option<f64> {
        let field = field.trim();
        if self.decimal == '.' {
            return field.parse().ok();
        }
        // Where a comma is written before the decimals, 1.234 is a thousand and more, not one and a bit.
        if field.contains('.') {
            return None;
        }
        field.replace(self.decimal, ".").parse().ok()
    }

    /// Whether a field of a column stands for a missing value, or cannot be read in the column's format.
    pub fn is_missing_in(&self, column: &str, field: &str) -> bool {
        if self.is_missing(field) {
            return true;
        }
        let words = || {
            self.missing_in
                .get(column)
                .is_some_and(|words| words.iter().any(|word| word == field))
        };
        let unread = || {
            self.formats
                .get(column)
                .is_some_and(|format| format.number(field).is_none())
        };
        words() || unread()
    }

    /// The number that a field of a column stands for; it may be infinite.
    pub fn number_in(&self, column: &str, field: &str) -> Option<f64> {
        match self.formats.get(column) {
            Some(format) => format.number(field),
            None => self.number(field),
        }
    }

    /// The quote, where there is one.
    pub fn quote_byte(&self) -> Option<u8> {
        (self.quote != '\0').then_some(self.quote as u8)
    }

    pub(super) fn encoding(&self) -> Result<&'static Encoding, UnknownEncoding> {
        let found = Encoding::for_label(self.encoding.as_bytes());
        let encoding = found.ok_or_else(|| UnknownEncoding(self.encoding.clone()))?;
        // Converted to UTF-8.
        Ok(if encoding == UTF_16LE || encoding == UTF_16BE {
            UTF_8
        } else {
            encoding
        })
    }
}

/// An unknown encoding; the message follows the file's name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("has an encoding that is not known: {0:?}")]
pub struct UnknownEncoding(String);

/// Serializes a quote; none is an empty string.
mod quote_text {
    use super::*;

    pub fn serialize<S: Serializer>(quote: &char, serializer: S) -> Result<S::Ok, S::Error> {
        match quote {
            '\0' => serializer.serialize_str(""),
            quote => serializer.serialize_char(*quote),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<char, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut signs = text.chars();
        match (signs.next(), signs.next()) {
            (None, _) => Ok('\0'),
            (Some(sign), None) => Ok(sign),
            _ => Err(serde::de::Error::custom(format!(
                "{text:?} is no quote, expected one sign or \"\""
            ))),
        }
    }
}
