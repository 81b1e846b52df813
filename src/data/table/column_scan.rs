//! Statistics over all fields of a column, and the role inferred from them.

use std::collections::{HashMap, HashSet};

use xxhash_rust::xxh3::xxh3_64;

use super::format_tally::FormatTally;
use super::inspected::UnclearColumn;
use super::layout::Layout;
use super::options::Role;
use super::reader::TableFile;
use crate::data::text::{count_words, is_spaceless};

/// The most distinct values that are counted for a column.
pub const DISTINCT: usize = 1000;
/// A text column with at most that many distinct values holds categories...
const FEW: usize = 50;
/// ... and so does one whose distinct values are at most this fraction of the rows.
const FEW_SHARE: f64 = 0.05;
/// The mean number of words per field from which a column holds text.
pub const WORDS: f64 = 5.0;
/// A column with at least this fraction of numbers is meant to be numeric.
pub const MOSTLY: f64 = 0.9;
/// The fraction of integers with leading zeros from which a column holds codes.
const CODES: f64 = 0.01;
/// The most values that are compared to find duplicates.
const MOST_DIFFERENT: usize = 1 << 20;

/// Statistics of a column.
#[derive(Clone, Debug, Default)]
pub struct ColumnScan {
    /// Rows.
    pub rows: usize,
    /// Rows in which it is missing.
    pub missing: usize,
    /// Fields that are numbers.
    pub numbers: usize,
    /// The first field that is not a number, with its place.
    pub first_other: Option<(String, String)>,
    /// The first number that is not finite, with its place.
    pub first_infinite: Option<(String, String)>,
    /// Whether all numbers are whole.
    pub whole: bool,
    /// Rows of each value; `None` if there are more than [`DISTINCT`].
    pub values: Option<HashMap<String, usize>>,
    /// Whether each number is larger than the one before it.
    pub rises: bool,
    /// Fields that count as missing because they do not match the column's format.
    pub unread: usize,
    /// The first field that holds lines of which one looks like a row by itself: its lines; and how many there are.
    pub swallowed: Option<([u32; 2], usize)>,
    /// How its fields are written.
    pub tally: FormatTally,
    /// Whether the column's format is that of dates.
    pub is_date: bool,
    /// The least and the largest number.
    pub range: [f64; 2],
    /// Digests of the values, until one comes a second time.
    pub(super) different: Option<HashSet<u64>>,
    /// Fields in a script without blanks between words.
    pub(super) spaceless: usize,
    pub(super) words: usize,
    pub(super) last: f64,
}

impl ColumnScan {
    pub(super) fn new() -> ColumnScan {
        ColumnScan {
            whole: true,
            rises: true,
            values: Some(HashMap::new()),
            range: [f64::INFINITY, f64::NEG_INFINITY],
            different: Some(HashSet::new()),
            ..ColumnScan::default()
        }
    }

    pub(super) fn add(
        &mut self,
        name: &str,
        field: &str,
        layout: &Layout,
        place: &dyn Fn() -> String,
    ) {
        self.rows += 1;
        if layout.is_missing_in(name, field) {
            self.missing += 1;
            let format = layout
                .formats
                .get(name)
                .filter(|_| !layout.is_missing(field));
            self.unread += usize::from(format.is_some_and(|format| format.number(field).is_none()));
            return;
        }
        let number = layout.number_in(name, field);
        self.tally.add(field, number);
        match number {
            // Real numbers are not compared: that they are distinct means nothing.
            Some(number) if number.fract() != 0.0 => self.different = None,
            _ => self.note_different(field),
        }
        match number {
            Some(number) => {
                if !number.is_finite() || number.abs() > f64::from(f32::MAX) {
                    let first = || (place(), field.to_string());
                    self.first_infinite.get_or_insert_with(first);
                }
                self.whole &= number.fract() == 0.0;
                self.rises &= self.numbers == 0 || number > self.last;
                self.last = number;
                self.range = [self.range[0].min(number), self.range[1].max(number)];
                self.numbers += 1;
            }
            None => {
                let first = || (place(), field.to_string());
                self.first_other.get_or_insert_with(first);
                self.words += count_words(field);
                self.spaceless += usize::from(is_spaceless(field));
            }
        }
        if let Some(values) = &mut self.values {
            let full = values.len() == DISTINCT;
            match values.get_mut(field) {
                Some(count) => *count += 1,
                None if full => self.values = None,
                None => {
                    values.insert(field.to_string(), 1);
                }
            }
        }
    }

    /// Records a quoted field of which one line has the delimiters of a whole row: the quote may be stray.
    pub(super) fn note_lines(&mut self, field: &str, line: u32, file: &TableFile) {
        let delimiter = char::from(file.delimiter());
        let is_row = |line: &str| line.matches(delimiter).count() + 1 == file.columns.len();
        if file.columns.len() > 1 && field.split('\n').skip(1).any(is_row) {
            let last = line + field.matches('\n').count() as u32;
            self.swallowed.get_or_insert(([line, last], 0)).1 += 1;
        }
    }

    /// A message about quotes that are not closed.
    pub fn odd_quotes(&self) -> String {
        match self.swallowed {
            None => String::new(),
            Some(([first, last], count)) => format!(
                "; quotes make one row of lines {first} to {last}, which look like rows themselves ({count} such \
                 rows; data.quote = \"\" where quotes mean nothing)"
            ),
        }
    }

    fn note_different(&mut self, field: &str) {
        if let Some(different) = &mut self.different
            && different.len() < MOST_DIFFERENT
            && !different.insert(xxh3_64(field.as_bytes()))
        {
            self.different = None;
        }
    }

    /// Whether no value occurs twice, as far as values are compared.
    pub fn all_different(&self) -> bool {
        self.different.is_some() && self.present() > 1
    }

    /// Whether its numbers are a permutation of consecutive integers.
    pub fn is_sequence(&self) -> bool {
        let [least, most] = self.range;
        let whole = self.is_numeric() && self.whole && self.missing == 0;
        whole && self.all_different() && most - least + 1.0 == self.rows as f64
    }

    /// The mean number of words of fields that are not numbers.
    pub fn words_per_text(&self) -> f64 {
        self.words as f64 / (self.present() - self.numbers).max(1) as f64
    }

    /// Whether most of its texts have no blanks between words, as in Chinese, Japanese and Thai.
    pub fn is_spaceless(&self) -> bool {
        let text = self.present() - self.numbers;
        text > 0 && 2 * self.spaceless >= text
    }

    /// Rows in which it is not missing.
    pub fn present(&self) -> usize {
        self.rows - self.missing
    }

    /// Distinct values; `None` if there are more than [`DISTINCT`].
    pub fn num_values(&self) -> Option<usize> {
        self.values.as_ref().map(HashMap::len)
    }

    /// Whether every value is a number.
    pub fn is_numeric(&self) -> bool {
        self.present() > 0 && self.numbers == self.present()
    }

    /// The first field that is not a number, if nearly all values are numbers and more than `most` are distinct.
    pub fn odd_number(&self, most: usize) -> Option<String> {
        let mostly = self.numbers as f64 >= MOSTLY * self.present() as f64;
        let many = self.num_values().is_none_or(|count| count > most) || !self.whole;
        let (place, field) = self.first_other.as_ref().filter(|_| mostly && many)?;
        Some(format!("which holds numbers, but {field:?} in {place}"))
    }

    /// The inferred role of the column, and the reason if it is not obvious.
    ///
    /// # Errors
    /// Numbers with other words among them, and what to do.
    pub fn role(&self, name: &str) -> Result<(Role, &'static str), UnclearColumn> {
        if self.present() == 0 {
            return Ok((Role::Ignore, "always missing"));
        }
        if self.missing == 0 && self.num_values() == Some(1) {
            return Ok((Role::Ignore, "always the same"));
        }
        if self.is_date {
            return Ok((Role::Date, ""));
        }
        if self.has_codes() {
            let few = self
                .num_values()
                .is_some_and(|count| count as f64 <= self.few());
            return Ok(match few {
                true => (Role::Category, "codes with leading zeros"),
                false => (
                    Role::Ignore,
                    "codes with leading zeros, too many different values",
                ),
            });
        }
        if self.is_numeric() {
            let rises = self.rises && self.whole && self.missing == 0 && self.rows > 2;
            let numbered = rises && is_id(name);
            return Ok(match numbered {
                true => (Role::Ignore, "numbers the rows"),
                false => (Role::Numeric, ""),
            });
        }
        if self.numbers as f64 >= MOSTLY * self.present() as f64 {
            let (place, field) = self.first_other.clone().unwrap_or_default();
            return Err(UnclearColumn::Word {
                name: name.to_string(),
                field,
                place,
            });
        }
        let text = self.present() - self.numbers;
        if self.words as f64 / text.max(1) as f64 >= WORDS {
            return Ok((Role::Text, ""));
        }
        match self.num_values() {
            Some(count) if count as f64 <= self.few() => Ok((Role::Category, "")),
            _ => Ok((Role::Ignore, "too many different values")),
        }
    }
}

impl ColumnScan {
    /// The most different values of a column of categories.
    pub(super) fn few(&self) -> f64 {
        (self.present() as f64 * FEW_SHARE).max(FEW as f64)
    }

    /// Whether integers are written with leading zeros: 007 is a code.
    fn has_codes(&self) -> bool {
        let codes = self.tally.codes;
        self.is_numeric()
            && self.whole
            && codes >= 2
            && codes as f64 >= CODES * self.present() as f64
    }
}

/// Whether a name is usual for a column of row numbers.
pub fn is_id(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let ends = ["id", "index", "_no", "number", "row"];
    name.is_empty() || name.starts_with("unnamed") || ends.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan_of(fields: &[&str]) -> ColumnScan {
        let mut scan = ColumnScan::new();
        for field in fields {
            scan.add("x", field, &Layout::default(), &|| "t.csv, line 2".into());
        }
        scan
    }

    #[test]
    fn roles_are_inferred_from_the_values() {
        let role = |fields: &[&str]| scan_of(fields).role("x_id").expect("a role");
        assert_eq!(
            scan_of(&["7", "8", "9"]).role("year"),
            Ok((Role::Numeric, ""))
        );
        assert_eq!(role(&["1.5", "", "3"]), (Role::Numeric, ""));
        assert_eq!(role(&["7", "8", "9"]), (Role::Ignore, "numbers the rows"));
        assert_eq!(role(&["a", "b", "NA"]), (Role::Category, ""));
        assert_eq!(role(&["a", "a"]), (Role::Ignore, "always the same"));
        assert_eq!(role(&["", "?"]), (Role::Ignore, "always missing"));
        let sentence = "a rather long and winding sentence";
        assert_eq!(
            role(&[sentence, "it is good but not that good"]).0,
            Role::Text
        );
        let many: Vec<String> = (0..200).map(|i| format!("ticket {i}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(role(&many), (Role::Ignore, "too many different values"));
    }

    #[test]
    fn a_word_among_numbers_is_an_error_with_its_place() {
        let mut fields = vec!["1"; 30];
        fields.push("unknown");
        let error = scan_of(&fields).role("age").expect_err("mixed").to_string();
        assert!(error.contains("\"unknown\" in t.csv, line 2"), "{error}");
        assert!(error.contains("data.missing"), "{error}");
    }

    #[test]
    fn numbers_that_are_not_finite_are_noted() {
        let scan = scan_of(&["1", "inf", "1e300"]);
        let (_, field) = scan.first_infinite.expect("noted");
        assert_eq!(field, "inf");
    }
}
