//! One pass over the training rows, to tell what each column holds.

use std::collections::HashMap;

use super::options::Role;
use super::reading::{Layout, TableFile};
pub use crate::data::class_names::listed;

/// Different values that are told apart while a column's role is not known.
pub const DISTINCT: usize = 1000;
/// A text column with at most that many different values holds categories...
const FEW: usize = 50;
/// ... and so does one whose different values are at most that share of the rows.
const FEW_SHARE: f64 = 0.05;
/// Words of a mean field from which a column holds text.
const WORDS: f64 = 5.0;
/// A column of which at least that share are numbers is meant to hold numbers.
const MOSTLY: f64 = 0.9;

/// What a column holds.
#[derive(Clone, Debug, Default)]
pub struct ColumnScan {
    /// Rows.
    pub rows: usize,
    /// Rows in which it is missing.
    pub missing: usize,
    /// Fields that are numbers.
    pub numbers: usize,
    /// The first field that is none, with its place.
    pub first_other: Option<(String, String)>,
    /// The first number that is not finite, with its place.
    pub first_infinite: Option<(String, String)>,
    /// Whether all numbers are whole.
    pub whole: bool,
    /// Rows of each value; `None` where there are more than can be told apart.
    pub values: Option<HashMap<String, usize>>,
    /// Whether each number is larger than the one before it.
    pub rises: bool,
    words: usize,
    last: f64,
}

impl ColumnScan {
    fn new() -> ColumnScan {
        ColumnScan {
            whole: true,
            rises: true,
            values: Some(HashMap::new()),
            ..ColumnScan::default()
        }
    }

    fn add(&mut self, field: &str, layout: &Layout, place: &dyn Fn() -> String) {
        self.rows += 1;
        if layout.is_missing(field) {
            self.missing += 1;
            return;
        }
        match layout.number(field) {
            Some(number) => {
                if !number.is_finite() || number.abs() > f64::from(f32::MAX) {
                    let first = || (place(), field.to_string());
                    self.first_infinite.get_or_insert_with(first);
                }
                self.whole &= number.fract() == 0.0;
                self.rises &= self.numbers == 0 || number > self.last;
                self.last = number;
                self.numbers += 1;
            }
            None => {
                let first = || (place(), field.to_string());
                self.first_other.get_or_insert_with(first);
                self.words += field.split_whitespace().count();
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

    /// Rows in which it is not missing.
    pub fn present(&self) -> usize {
        self.rows - self.missing
    }

    /// Different values, where they can be told apart.
    pub fn num_values(&self) -> Option<usize> {
        self.values.as_ref().map(HashMap::len)
    }

    /// Whether every value is a number.
    pub fn is_numeric(&self) -> bool {
        self.present() > 0 && self.numbers == self.present()
    }

    /// Where nearly all values are numbers, of more than `most` different values: the first that is none.
    pub fn odd_number(&self, most: usize) -> Option<String> {
        let mostly = self.numbers as f64 >= MOSTLY * self.present() as f64;
        let many = self.num_values().is_none_or(|count| count > most) || !self.whole;
        let (place, field) = self.first_other.as_ref().filter(|_| mostly && many)?;
        Some(format!("which holds numbers, but {field:?} in {place}"))
    }

    /// What the column is taken for where the experiment does not say it, and why, where that is not
    /// plain.
    ///
    /// # Errors
    /// Numbers with other words among them, and what to do.
    pub fn role(&self, name: &str) -> Result<(Role, &'static str), String> {
        if self.present() == 0 {
            return Ok((Role::Ignore, "always missing"));
        }
        if self.missing == 0 && self.num_values() == Some(1) {
            return Ok((Role::Ignore, "always the same"));
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
            return Err(format!(
                "column {name:?} holds numbers, but {field:?} in {place}. If that word stands for a \
                 missing value, add it to data.missing; if it is right, data.columns.{name:?} = \
                 \"category\"; else mend the file"
            ));
        }
        let text = self.present() - self.numbers;
        if self.words as f64 / text.max(1) as f64 >= WORDS {
            return Ok((Role::Text, ""));
        }
        let few = (self.present() as f64 * FEW_SHARE).max(FEW as f64);
        match self.num_values() {
            Some(count) if count as f64 <= few => Ok((Role::Category, "")),
            _ => Ok((Role::Ignore, "too many different values")),
        }
    }
}

/// Whether a name is one of those that columns of row numbers have.
fn is_id(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let ends = ["id", "index", "_no", "number", "row"];
    name.is_empty() || name.starts_with("unnamed") || ends.iter().any(|end| name.ends_with(end))
}

/// Looks at every row of files with the same columns; the columns are those of the first.
///
/// # Errors
/// A file that is no table, or whose columns differ; in words that begin with its name.
pub fn scan(files: &[TableFile]) -> Result<Vec<ColumnScan>, String> {
    let names = &files[0].columns;
    let mut scans: Vec<ColumnScan> = names.iter().map(|_| ColumnScan::new()).collect();
    for file in files {
        let columns = bind(file, names)?;
        let label = file.name();
        let each = file.for_each(|row| {
            for (scan, &column) in scans.iter_mut().zip(&columns) {
                let place = || format!("{label}, line {}", row.place.line);
                scan.add(&row.field(column), &file.layout, &place);
            }
            Ok(())
        });
        each.map_err(|message| format!("{} {message}", file.path.display()))?;
    }
    if scans.first().is_none_or(|scan| scan.rows == 0) {
        return Err(format!("{} has no rows", files[0].path.display()));
    }
    Ok(scans)
}

/// The place of each of the columns called `names` in a file.
///
/// # Errors
/// One that the file has not; in words that begin with its name.
pub fn bind<S: AsRef<str>>(file: &TableFile, names: &[S]) -> Result<Vec<usize>, String> {
    let numbered = file.columns.iter().enumerate();
    let places: HashMap<&str, usize> = numbered.map(|(i, name)| (name.as_str(), i)).collect();
    let place = |name: &S| {
        let name = name.as_ref();
        places.get(name).copied().ok_or_else(|| {
            format!(
                "{} has no column {name:?}; it has {}",
                file.path.display(),
                listed(&file.columns)
            )
        })
    };
    names.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan_of(fields: &[&str]) -> ColumnScan {
        let mut scan = ColumnScan::new();
        for field in fields {
            scan.add(field, &Layout::default(), &|| "t.csv, line 2".into());
        }
        scan
    }

    #[test]
    fn roles_are_told_from_the_values() {
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
        let error = scan_of(&fields).role("age").expect_err("mixed");
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
