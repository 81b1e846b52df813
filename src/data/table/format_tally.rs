//! Counts the formats that read the fields of a column, and chooses one.

use super::dates::{DateForm, FORMS, RECOGNIZED};
use super::formats::Format;
use super::numbers::{NumberFormat, PATTERNS, read_digits, take_apart};
use super::{dates, numbers};

/// The fraction of a column's fields that a format must match.
const NEARLY_ALL: f64 = 0.9;
/// The least number that may be a date by itself: that of the year 1000.
const LEAST_DATE: f64 = 10_000_000.0;
/// Distinct units that are counted in a column.
const MOST_UNITS: usize = 4;
/// Common words for missing values; compared in lower case.
pub const MISSING_WORDS: [&str; 24] = [
    "-",
    "--",
    "---",
    "?",
    "??",
    "na",
    "n/a",
    "n.a.",
    "nan",
    "null",
    "none",
    "nil",
    "unknown",
    "unk",
    "missing",
    "not available",
    "not known",
    "#n/a",
    "#null!",
    "#value!",
    "#div/0!",
    ".",
    "*",
    "undefined",
];

/// Bytes of the longest of them.
const LONGEST_WORD: usize = 13;
/// Common numbers for missing values.
const MISSING_NUMBERS: [f64; 5] = [-9.0, -99.0, -999.0, -9999.0, -99_999.0];

/// Counts of the formats seen in a column.
#[derive(Clone, Debug, Default)]
pub struct FormatTally {
    /// Fields, without those missing and those of a word for a missing value.
    pub(super) fields: usize,
    /// Fields that each of [`PATTERNS`] reads, beside those counted below.
    pub(super) patterns: [usize; PATTERNS.len()],
    /// Fields of digits alone.
    pub(super) whole: usize,
    /// Fields of digits with a point among them.
    pointed: usize,
    /// Of these, those in which the point may separate thousands.
    pub(super) grouped: usize,
    /// Units before and behind numbers, and how often.
    pub(super) units: Vec<([String; 2], usize)>,
    /// Whether there are more than [`MOST_UNITS`].
    many_units: bool,
    /// Numbers without a unit.
    pub(super) bare: usize,
    /// Whether brackets or other signs for negatives were seen.
    pub(super) accounting: bool,
    /// Fields that each of the forms of dates reads.
    pub(super) dates: [usize; FORMS.len()],
    /// Fields with a slash.
    slashes: usize,
    /// Words for missing values, as they are written, and how often.
    pub words: Vec<(String, usize)>,
    /// Numbers that may stand for missing values, as they are written, and how often.
    sentinels: Vec<(String, usize)>,
    /// Negative numbers beside those.
    pub(super) negatives: usize,
    /// Whole numbers that begin with a 0: codes.
    pub codes: usize,
}

fn count<T: PartialEq>(list: &mut Vec<(T, usize)>, item: T, most: usize) -> bool {
    let known = list.iter().position(|(known, _)| *known == item);
    match known {
        Some(index) => list[index].1 += 1,
        None if list.len() == most => return false,
        None => list.push((item, 1)),
    }
    true
}

impl FormatTally {
    /// One more field, which is not missing; `plain` is its number where it is a plain one.
    pub fn add(&mut self, field: &str, plain: Option<f64>) {
        if plain.is_none()
            && field.len() <= LONGEST_WORD
            && MISSING_WORDS.contains(&&*field.to_ascii_lowercase())
        {
            count(&mut self.words, field.to_string(), 8);
            return;
        }
        self.fields += 1;
        if let Some(number) = plain {
            self.add_number(field, number);
            if self.add_plain(field) {
                return;
            }
        }
        if plain.is_none() {
            self.slashes += usize::from(field.contains('/'));
            for (index, (_, form)) in FORMS[..RECOGNIZED].iter().enumerate() {
                self.dates[index] += usize::from(dates::read(field, *form).is_some());
            }
        }
        let Some(parts) = take_apart(field) else {
            return;
        };
        if !numbers::may_precede(parts.before) || !numbers::may_follow(parts.after) {
            // A plain number such as 1e5.
            self.patterns[0] += usize::from(plain.is_some());
            return;
        }
        for (index, (_, thousands, decimal)) in PATTERNS.iter().enumerate() {
            let reads = read_digits(parts.digits, *thousands, *decimal).is_some();
            self.patterns[index] += usize::from(reads);
        }
        self.accounting |= parts.accounting;
        if parts.before.is_empty() && parts.after.is_empty() {
            self.bare += 1;
        } else {
            let units = [parts.before.to_lowercase(), parts.after.to_lowercase()];
            self.many_units |= !count(&mut self.units, units, MOST_UNITS);
        }
    }

    /// Counts digits with at most a point among them, which most numbers are; tells whether the field is that.
    fn add_plain(&mut self, field: &str) -> bool {
        let digits = field.strip_prefix(['-', '+']).unwrap_or(field).as_bytes();
        let Some(point) = digits.iter().position(|byte| *byte == b'.') else {
            let plain = digits.iter().all(u8::is_ascii_digit);
            self.whole += usize::from(plain);
            return plain;
        };
        let (before, after) = (&digits[..point], &digits[point + 1..]);
        if !before.iter().chain(after).all(u8::is_ascii_digit) {
            return false;
        }
        self.pointed += 1;
        let group = after.len() == 3 && (1..=3).contains(&before.len()) && before[0] != b'0';
        self.grouped += usize::from(group);
        true
    }

    /// Fields that each of [`PATTERNS`] reads.
    fn read_by(&self) -> [usize; PATTERNS.len()] {
        let mut counts = self.patterns;
        for (count, (_, thousands, decimal)) in counts.iter_mut().zip(PATTERNS) {
            *count += self.whole;
            if decimal == '.' {
                *count += self.pointed;
            } else if thousands == Some('.') {
                *count += self.grouped;
            }
        }
        counts
    }

    fn add_number(&mut self, field: &str, number: f64) {
        let digits = |text: &str| text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_digit());
        self.codes += usize::from(field.starts_with('0') && digits(field));
        if MISSING_NUMBERS.contains(&number) {
            count(&mut self.sentinels, field.to_string(), 4);
        } else {
            self.negatives += usize::from(number < 0.0);
        }
        if number < LEAST_DATE {
            return;
        }
        for (index, (_, form)) in FORMS.iter().enumerate().skip(RECOGNIZED) {
            let possible = match form {
                DateForm::Unix => (1e8..1e10).contains(&number),
                DateForm::UnixMillis => (1e11..1e13).contains(&number),
                form => dates::read(field, *form).is_some(),
            };
            self.dates[index] += usize::from(possible);
        }
    }

    /// Words and numbers that stand for missing values, where all others are numbers or dates.
    pub fn missing(&self, numbers: usize, formatted: bool) -> Vec<String> {
        let numeric = formatted || numbers as f64 >= NEARLY_ALL * self.fields as f64;
        if !numeric || self.fields == 0 {
            return Vec::new();
        }
        let mut missing: Vec<String> = self.words.iter().map(|(word, _)| word.clone()).collect();
        let at_least = |(_, count): &&(String, usize)| *count >= 2;
        // Only where nothing else is negative, and one number alone is meant.
        if let ([sentinel], 0) = (&self.sentinels[..], self.negatives)
            && Some(sentinel).filter(at_least).is_some()
        {
            missing.push(sentinel.0.clone());
        }
        missing
    }

    /// Whether decimal commas are certain here: some fields cannot be thousands.
    pub fn has_decimal_comma(&self) -> bool {
        let most = |comma: bool| {
            let patterns = PATTERNS.iter().zip(self.read_by());
            let fits = patterns.filter(|((_, thousands, decimal), _)| match comma {
                true => *decimal == ',' && *thousands != Some(','),
                false => *decimal == '.',
            });
            fits.map(|(_, count)| count).max().unwrap_or(0)
        };
        self.fields > 0
            && most(true) > most(false)
            && most(true) as f64 >= NEARLY_ALL * self.fields as f64
    }

    /// The format of a column called `name`, of which `numbers` fields are plain numbers; `None` if plain numbers
    /// or no numbers are written. `decimal_comma` says that other columns of the file have decimal commas.
    pub fn choose(&self, name: &str, numbers: usize, decimal_comma: bool) -> Option<Format> {
        let enough = |count: usize| count > 0 && count as f64 >= NEARLY_ALL * self.fields as f64;
        if let Some(form) = self.dated_by_name(name, numbers) {
            return Some(Format::Date(form));
        }
        let counts = self.dates[..RECOGNIZED].iter().enumerate();
        // The first of the most frequent ones.
        let date = counts.rev().max_by_key(|(_, count)| **count);
        if let Some((index, &count)) = date
            && enough(count)
        {
            let form = FORMS[index].1;
            // Where no day is beyond 12: America writes slashes and decimal points.
            let day_first = self.is_open() && (decimal_comma || 2 * self.slashes < self.fields);
            let swapped = form == DateForm::MonthFirst && day_first;
            return Some(Format::Date(if swapped {
                DateForm::DayFirst
            } else {
                form
            }));
        }
        let plain = numbers == self.fields && self.units.is_empty();
        let thousands_dots = plain && decimal_comma && self.grouped > 0;
        if thousands_dots && self.read_by()[2] == self.fields {
            return Some(Format::Number(NumberFormat {
                before: String::new(),
                thousands: Some('.'),
                decimal: ',',
                after: String::new(),
            }));
        }
        if plain {
            return None;
        }
        let [before, after] = self.unit()?;
        let read_by = self.read_by();
        let patterns = read_by.iter().enumerate();
        let best = |(index, count): (usize, &usize)| {
            let (_, _, decimal) = PATTERNS[index];
            // Where a column leaves it open (1,234), as the other columns have it.
            (
                *count,
                decimal_comma == (decimal == ','),
                std::cmp::Reverse(index),
            )
        };
        let (index, &count) = patterns.max_by_key(|(index, count)| best((*index, count)))?;
        let (_, thousands, decimal) = PATTERNS[index];
        let noted = !before.is_empty() || !after.is_empty() || index > 0 || self.accounting;
        (enough(count) && noted).then_some(Format::Number(NumberFormat {
            before,
            thousands,
            decimal,
            after,
        }))
    }

    /// Whether all dates could be read with the day or the month first.
    pub fn is_open(&self) -> bool {
        let of = |wanted: DateForm| {
            let dates = FORMS.iter().zip(self.dates);
            dates
                .filter(|((_, form), _)| *form == wanted)
                .map(|(_, count)| count)
                .sum::<usize>()
        };
        of(DateForm::DayFirst) > 0 && of(DateForm::DayFirst) == of(DateForm::MonthFirst)
    }

    /// Numbers that are dates only where the column is called so.
    fn dated_by_name(&self, name: &str, numbers: usize) -> Option<DateForm> {
        let name = name.to_lowercase();
        let called = |words: &[&str]| words.iter().any(|word| name.contains(word));
        let all =
            |index: usize| numbers > 0 && numbers == self.fields && self.dates[index] == numbers;
        let fits = |index: usize| match FORMS[index].1 {
            DateForm::Compact => called(&["date", "day", "datum", "fecha"]),
            _ => called(&["unix", "timestamp", "epoch"]) || name == "ts" || name.ends_with("_ts"),
        };
        let index = (RECOGNIZED..FORMS.len()).find(|&index| all(index) && fits(index))?;
        Some(FORMS[index].1)
    }

    /// The unit before and behind the numbers; `None` if there are several.
    pub(super) fn unit(&self) -> Option<[String; 2]> {
        let mut found = [String::new(), String::new()];
        if self.many_units {
            return None;
        }
        for (units, count) in &self.units {
            let rare = (*count as f64) < (1.0 - NEARLY_ALL) * self.fields as f64;
            for (known, unit) in found.iter_mut().zip(units) {
                if unit.is_empty() || known == unit {
                    continue;
                }
                if !known.is_empty() && !rare {
                    return None;
                }
                if known.is_empty() && !rare {
                    known.clone_from(unit);
                }
            }
        }
        // 12k among 950 would be of another size.
        match numbers::scales(&found[1]) && self.bare + self.whole + self.pointed > 0 {
            true => None,
            false => Some(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose_in(name: &str, fields: &[&str], decimal_comma: bool) -> Option<String> {
        let mut tally = FormatTally::default();
        let mut numbers = 0;
        for field in fields {
            let plain: Option<f64> = field.parse().ok();
            numbers += usize::from(plain.is_some());
            tally.add(field, plain);
        }
        tally.choose(name, numbers, decimal_comma).map(String::from)
    }

    fn choose(fields: &[&str]) -> Option<String> {
        choose_in("x", fields, false)
    }

    #[test]
    fn a_column_as_a_whole_decides_how_its_numbers_are_written() {
        for (fields, expected) in [
            (&["$64,336.71", "$816", "$ 1,234.50"][..], "$1,234.5"),
            (&["53.6%", "4.0%", "12%"], "1234.5%"),
            (&["3,719", "684", "2,360"], "1,234.5"),
            (&["44,11", "98,4", "7"], "1.234,5"),
            (&["1.234,5 €", "12,00 €"], "1.234,5€"),
            (&["12 kg", "3.5 kg", "8kg"], "1234.5 kg"),
            (&["(12)", "13", "5"], "1234.5"),
            (&["1 234", "56", "7 890"], "1 234.5"),
            (&["1,234", "0,5", "2,75"], "1.234,5"),
            (&["2020-01-31", "2020-02-01"], "year-month-day"),
            (&["31/01/2020", "01/02/2020"], "day.month.year"),
            (&["01/31/2020", "01/02/2020"], "month/day/year"),
            (&["31-Jan-2020", "Feb 3, 2020"], "day month-name year"),
            (&["01.02.2020", "03.04.2020"], "day.month.year"),
            (&["01/02/2020", "03/04/2020"], "month/day/year"),
            (&["10:30", "9:05"], "time"),
        ] {
            assert_eq!(choose(fields).as_deref(), Some(expected), "{fields:?}");
        }
        // As the other columns have it.
        assert_eq!(
            choose_in("x", &["1,234", "5,678"], false).as_deref(),
            Some("1,234.5")
        );
        assert_eq!(
            choose_in("x", &["1,234", "5,678"], true).as_deref(),
            Some("1.234,5")
        );
        assert_eq!(
            choose_in("x", &["1.234", "5.678", "12"], true).as_deref(),
            Some("1.234,5")
        );
        let unix = ["1582934400", "1582934401"];
        assert_eq!(
            choose_in("timestamp", &unix, false).as_deref(),
            Some("unix-seconds")
        );
        assert_eq!(choose_in("price", &unix, false), None);
    }

    #[test]
    fn plain_numbers_codes_and_words_have_no_format() {
        for fields in [
            &["1.5", "2", "1e5"][..],
            &["1.234", "5.678"],
            &["A12", "B7"],
            &["street 1", "street 2"],
            &["1st", "2nd", "3rd"],
            &["12 kg", "950 g", "11 lb"],
            &["12k", "950", "3k"],
            &["1.2.3", "1.2.4"],
            &["555-1234", "555-9999"],
            &["red", "green"],
        ] {
            assert_eq!(choose(fields), None, "{fields:?}");
        }
    }

    #[test]
    fn words_and_numbers_for_missing_values_are_inferred() {
        let missing = |fields: &[&str]| {
            let mut tally = FormatTally::default();
            let mut numbers = 0;
            for field in fields {
                let plain: Option<f64> = field.parse().ok();
                numbers += usize::from(plain.is_some());
                tally.add(field, plain);
            }
            tally.missing(numbers, false)
        };
        assert_eq!(missing(&["1", "-", "2", "Unknown"]), ["-", "Unknown"]);
        assert_eq!(missing(&["1", "-9", "2", "-9"]), ["-9"]);
        assert!(
            missing(&["1", "-9", "-2", "-9"]).is_empty(),
            "-2 is negative too"
        );
        assert!(missing(&["yes", "unknown", "no"]).is_empty(), "words");
    }
}
