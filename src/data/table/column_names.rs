//! Column names: from the header, or generated.

use std::collections::HashMap;

use csv::ByteRecord;
use encoding_rs::Encoding;

use super::error::TableError;

/// The names in the first line.
pub fn of_header(first: &ByteRecord, encoding: &'static Encoding) -> Vec<String> {
    let decode = |field: &[u8]| encoding.decode_with_bom_removal(field).0.into_owned();
    let named = first.iter().map(|field| decode(field.trim_ascii()));
    // Pandas writes its row numbers under no name, spreadsheets leave empty columns at the end.
    let named = named.zip(1..).map(|(name, number)| match name.is_empty() {
        true => format!("unnamed_{number}"),
        false => name,
    });
    named.collect()
}

/// The names of columns without a header: column_1, column_2, ...
pub fn numbered(width: usize) -> impl Iterator<Item = String> {
    (1..=width).map(|number| format!("column_{number}"))
}

/// The names of `found` columns without a header, as those of the table trained on, which had `width` columns; those
/// called `absent` may be missing, all of them.
///
/// # Errors
/// Another number of columns.
pub fn by_position(
    found: usize,
    width: usize,
    absent: &[String],
) -> Result<Vec<String>, TableError> {
    if found == width {
        return Ok(numbered(width).collect());
    }
    if !absent.is_empty() && found + absent.len() == width {
        return Ok(numbered(width)
            .filter(|name| !absent.contains(name))
            .collect());
    }
    Err(TableError::Width { found, width })
}

/// Checks that no two columns have the same name.
///
/// # Errors
/// Two columns that have.
pub fn check_unique(names: &[String]) -> Result<(), TableError> {
    let mut known = HashMap::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        if let Some(before) = known.insert(name, index) {
            return Err(TableError::TwoColumns {
                name: name.clone(),
                first: before + 1,
                second: index + 1,
            });
        }
    }
    Ok(())
}
