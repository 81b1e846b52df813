//! Sizes in bytes: "500 MB".

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Bytes, or a text such as "500 MB" or "4 GB" (powers of 1000).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "u64")]
pub struct ByteSize(pub u64);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Bytes(u64),
    Text(String),
}

const UNITS: [(&str, u64); 5] = [
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl TryFrom<Written> for ByteSize {
    type Error = SizeError;

    fn try_from(written: Written) -> Result<ByteSize, SizeError> {
        match written {
            Written::Bytes(bytes) => Ok(ByteSize(bytes)),
            Written::Text(text) => parse(&text).map(ByteSize).ok_or(SizeError(text)),
        }
    }
}

/// A text that is no size.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no size; write \"500 MB\" or \"4 GB\"")]
struct SizeError(String);

impl From<ByteSize> for u64 {
    fn from(size: ByteSize) -> u64 {
        size.0
    }
}

fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, factor) = UNITS.iter().find_map(|(unit, factor)| {
        let split = text.len().checked_sub(unit.len())?;
        let (number, written) = text.split_at_checked(split)?;
        written
            .eq_ignore_ascii_case(unit)
            .then_some((number, *factor))
    })?;
    let number: f64 = number.trim().parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some((number * factor as f64) as u64)
}

impl JsonSchema for ByteSize {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "description": "a size such as \"500 MB\" or \"4 GB\"",
             "pattern": r"^\s*\+?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*[kKmMgGtT]?[bB]\s*$"},
        ]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let read = |json: serde_json::Value| serde_json::from_value::<ByteSize>(json).ok();
        assert_eq!(read("4 GB".into()), Some(ByteSize(4_000_000_000)));
        assert_eq!(read("1.5mb".into()), Some(ByteSize(1_500_000)));
        assert_eq!(read(12.into()), Some(ByteSize(12)));
        for wrong in ["4 XB", "GB", "-1 GB", "", "é"] {
            assert_eq!(read(wrong.into()), None, "{wrong}");
        }
    }
}
