//! Fits the encoding of each column on the training rows.

use std::collections::HashMap;

use thiserror::Error;

use super::calendar::DatePart;
use super::encoder::finite_number;
use super::error::FilesError;
use super::layout::Layout;
use super::options::{
    ColumnDefaults, ColumnOptions, Counting, Embedding, Fill, Impute, Role, Scaling,
};
use super::preprocess::{ColumnKind, FittedColumn, FittedPart, MissingCategory};
use super::row_error::{FieldError, RowError};
use super::rows::Rows;
use crate::data::text::{Splitting, WordCounts};

/// The most numbers from which a median is computed; of longer columns every 2nd, 4th, ... is taken.
const MEDIAN_OF: usize = 1 << 20;
/// The most distinct numbers or categories that are counted.
const MOST_VALUES: usize = 1 << 20;
const DEFAULT_CATEGORIES: usize = 1000;
const DEFAULT_WORDS: usize = 1000;

/// A column that is used, before it is fitted.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Its name.
    pub name: String,
    /// Its role; never [`Role::Ignore`].
    pub role: Role,
    /// Its options.
    pub options: ColumnOptions,
    /// How its texts are split into words.
    pub splitting: Splitting,
}

/// Running statistics of a column.
enum Gathered {
    Numbers(Box<Numbers>),
    Values {
        counts: HashMap<String, usize>,
        missing: usize,
    },
    Words(WordCounts),
    /// Of each of [`DatePart::ALL`].
    Dates(Vec<Numbers>),
}

#[derive(Default)]
struct Numbers {
    count: u64,
    missing: usize,
    mean: f64,
    squares: f64,
    least: f64,
    most: f64,
    sample: Vec<f64>,
    stride: u64,
    values: HashMap<u64, usize>,
}

impl Numbers {
    fn new() -> Numbers {
        Numbers {
            least: f64::INFINITY,
            most: f64::NEG_INFINITY,
            stride: 1,
            ..Numbers::default()
        }
    }

    fn add(&mut self, number: f64, impute: Impute) {
        // Welford's way: exact enough for any offset.
        let step = number - self.mean;
        self.mean += step / (self.count + 1) as f64;
        self.squares += step * (number - self.mean);
        self.least = self.least.min(number);
        self.most = self.most.max(number);
        if impute == Impute::Median && self.count.is_multiple_of(self.stride) {
            if self.sample.len() == MEDIAN_OF {
                let mut keep = false;
                self.sample.retain(|_| {
                    keep = !keep;
                    keep
                });
                self.stride *= 2;
            }
            self.sample.push(number);
        }
        if impute == Impute::MostFrequent
            && (self.values.len() < MOST_VALUES || self.values.contains_key(&number.to_bits()))
        {
            *self.values.entry(number.to_bits()).or_default() += 1;
        }
        self.count += 1;
    }

    fn deviation(&self) -> f64 {
        (self.squares / self.count.max(1) as f64).sqrt()
    }

    fn median(mut self) -> f64 {
        self.sample.sort_unstable_by(f64::total_cmp);
        let middle = self.sample.len() / 2;
        match self.sample.len() {
            0 => self.mean,
            len if len % 2 == 1 => self.sample[middle],
            _ => (self.sample[middle - 1] + self.sample[middle]) / 2.0,
        }
    }

    /// The smallest of the most frequent numbers.
    fn most_frequent(&self) -> f64 {
        let numbers = self.values.iter();
        let mut numbers: Vec<(f64, usize)> = numbers
            .map(|(&bits, &count)| (f64::from_bits(bits), count))
            .collect();
        numbers.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.total_cmp(&b.0)));
        numbers.first().map_or(self.mean, |(number, _)| *number)
    }
}

/// Why columns cannot be fitted.
#[derive(Debug, Error)]
pub enum FitError {
    /// Rows that cannot be used.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A value for missing fields that is no category.
    #[error("column {column:?} has no category {wanted:?} to fill in; it has {known}")]
    NoCategory {
        /// The column.
        column: String,
        /// The value.
        wanted: String,
        /// Its categories.
        known: String,
    },
}

/// Fits every column on the rows.
///
/// # Errors
/// A field that cannot be used, with its file, line and column.
pub fn fit(
    rows: &Rows,
    columns: &[Planned],
    defaults: &ColumnDefaults,
) -> Result<Vec<FittedColumn>, FitError> {
    let impute = |column: &Planned| column.options.impute.unwrap_or(defaults.impute);
    let mut gathered: Vec<Gathered> = columns
        .iter()
        .map(|column| match column.role {
            Role::Category => Gathered::Values {
                counts: HashMap::new(),
                missing: 0,
            },
            Role::Text => Gathered::Words(WordCounts::new(column.splitting.clone())),
            Role::Date => Gathered::Dates(DatePart::ALL.map(|_| Numbers::new()).into()),
            Role::Numeric | Role::Ignore => Gathered::Numbers(Box::new(Numbers::new())),
        })
        .collect();
    rows.visit(|_, row, part| {
        let layout = &part.table.layout;
        for (number, (column, gathered)) in columns.iter().zip(&mut gathered).enumerate() {
            let field = row.field(part.columns[number]);
            let missing = layout.is_missing_in(&column.name, &field);
            let at = |error: FieldError| RowError::Input {
                column: column.name.clone(),
                error,
            };
            if missing && impute(column) == Impute::Refuse && column.options.fill.is_none() {
                return Err(at(FieldError::Missing));
            }
            match gathered {
                Gathered::Numbers(numbers) if missing => numbers.missing += 1,
                Gathered::Numbers(numbers) => {
                    let number = finite_number(layout, &column.name, &field).map_err(at)?;
                    numbers.add(number, impute(column));
                }
                Gathered::Values { missing: count, .. } if missing => *count += 1,
                Gathered::Values { counts, .. } => {
                    let full = counts.len() >= MOST_VALUES;
                    match counts.get_mut(&*field) {
                        Some(count) => *count += 1,
                        None if full => {}
                        None => {
                            counts.insert(field.into_owned(), 1);
                        }
                    }
                }
                Gathered::Dates(parts) => {
                    let format = layout.formats.get(&column.name).filter(|_| !missing);
                    if let Some(moment) = format.and_then(|format| format.moment(&field)) {
                        let numbers = parts.iter_mut().zip(DatePart::ALL);
                        numbers
                            .for_each(|(numbers, part)| numbers.add(part.of(moment), Impute::Mean));
                    }
                }
                Gathered::Words(words) => {
                    let text = if missing { "" } else { &field };
                    words.add(text);
                }
            }
        }
        Ok(())
    })?;
    let fitted = columns.iter().zip(gathered).map(|(column, gathered)| {
        let kind = match gathered {
            Gathered::Numbers(numbers) => numeric(*numbers, column, defaults),
            Gathered::Values { counts, missing } => category(counts, missing, column, defaults)?,
            Gathered::Words(words) => text(words, &column.options),
            Gathered::Dates(parts) => date(&parts),
        };
        Ok(FittedColumn {
            name: column.name.clone(),
            kind,
        })
    });
    fitted.collect()
}

fn numeric(numbers: Numbers, column: &Planned, defaults: &ColumnDefaults) -> ColumnKind {
    let options = &column.options;
    let scale = options.scale.unwrap_or(defaults.scale);
    let or_one = |value: f64| if value > 0.0 { value } else { 1.0 };
    let empty = numbers.count == 0;
    let (offset, divide) = match scale {
        _ if empty => (0.0, 1.0),
        Scaling::Standardize => (numbers.mean, or_one(numbers.deviation())),
        Scaling::MinMax => (numbers.least, or_one(numbers.most - numbers.least)),
        Scaling::None => (0.0, 1.0),
    };
    let fill = match (&options.fill, options.impute.unwrap_or(defaults.impute)) {
        (Some(Fill::Number(number)), _) => Some(*number),
        (_, Impute::Mean) => Some(numbers.mean),
        (_, Impute::MostFrequent) => Some(numbers.most_frequent()),
        (_, Impute::Median) => Some(numbers.median()),
        (_, Impute::Refuse) => None,
    };
    ColumnKind::Numeric {
        scale,
        offset,
        divide,
        fill,
        indicator: options.indicator,
    }
}

/// The parts that vary.
fn date(numbers: &[Numbers]) -> ColumnKind {
    let parts = DatePart::ALL.into_iter().zip(numbers);
    let varying = parts
        .clone()
        .filter(|(_, numbers)| numbers.most > numbers.least);
    let fitted = varying.map(|(part, numbers)| match part.period() {
        Some(period) => FittedPart {
            part,
            offset: 0.0,
            divide: period,
        },
        None => FittedPart {
            part,
            offset: numbers.mean,
            divide: numbers.deviation(),
        },
    });
    let days = parts.clone().find(|(part, _)| *part == DatePart::Days);
    let first = days.map_or(0.0, |(_, numbers)| {
        if numbers.count > 0 {
            numbers.least
        } else {
            0.0
        }
    });
    // Of times alone, days say nothing that the hour does not.
    let dated = parts
        .clone()
        .any(|(part, numbers)| part == DatePart::Year && numbers.most > 1970.0);
    let days = |fitted: &FittedPart| dated || fitted.part != DatePart::Days;
    ColumnKind::Date {
        parts: fitted.filter(days).collect(),
        first: first.floor() as i64,
    }
}

/// # Errors
/// A value for missing fields that is no category.
fn category(
    counts: HashMap<String, usize>,
    num_missing: usize,
    column: &Planned,
    defaults: &ColumnDefaults,
) -> Result<ColumnKind, FitError> {
    let options = &column.options;
    let mut values: Vec<(String, usize)> = counts.into_iter().collect();
    values.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    values.truncate(options.max_categories.unwrap_or(DEFAULT_CATEGORIES));
    let most_frequent = values.first().map(|(value, _)| value.clone());
    let mut values: Vec<String> = values.into_iter().map(|(value, _)| value).collect();
    sort_values(&mut values);
    let place = |wanted: &str| values.iter().position(|value| value == wanted);
    let missing = match (&options.fill, options.impute.unwrap_or(defaults.impute)) {
        (Some(fill), _) => {
            let wanted = match fill {
                Fill::Category(name) => name.clone(),
                Fill::Number(number) => number.to_string(),
            };
            let place = place(&wanted).ok_or_else(|| FitError::NoCategory {
                column: column.name.clone(),
                wanted,
                known: super::scan::listed(&values),
            });
            MissingCategory::Value(place?)
        }
        (None, Impute::MostFrequent) => most_frequent
            .and_then(|value| place(&value))
            .map_or(MissingCategory::None, MissingCategory::Value),
        (None, Impute::Refuse) => MissingCategory::Refuse,
        (None, _) if num_missing > 0 => MissingCategory::Own,
        (None, _) => MissingCategory::None,
    };
    Ok(ColumnKind::Category {
        values,
        missing,
        unseen: options.unseen.unwrap_or(defaults.unseen),
        embedding: options.embedding.as_ref().map(Embedding::options),
    })
}

/// Sorts names: by number where all are numbers, else by letters.
pub fn sort_values(values: &mut [String]) {
    let layout = Layout::default();
    if values.iter().all(|value| layout.number(value).is_some()) {
        let number = |value: &String| layout.number(value).unwrap_or(f64::NAN);
        // 007 and 7 are equal as numbers, but two names.
        values.sort_by(|a, b| number(a).total_cmp(&number(b)).then_with(|| a.cmp(b)));
    } else {
        values.sort();
    }
}

fn text(words: WordCounts, options: &ColumnOptions) -> ColumnKind {
    let count = options.count.unwrap_or_default();
    let num_texts = words.num_texts() as f64;
    let most = options.vocabulary.unwrap_or(DEFAULT_WORDS);
    let (tokenizer, in_texts) = words.fit(Some(most), 1);
    let rarity = |texts: u64| ((1.0 + num_texts) / (1.0 + texts as f64)).ln() + 1.0;
    let weights = match count {
        Counting::TfIdf => in_texts.into_iter().map(rarity).collect(),
        Counting::Count | Counting::Binary => Vec::new(),
    };
    ColumnKind::Text {
        tokenizer,
        count,
        weights,
    }
}

/// Whether an option applies to the role of a column.
pub fn misplaced(planned: &Planned) -> Option<(&'static str, &'static str)> {
    let options = &planned.options;
    let numeric = planned.role == Role::Numeric;
    let category = planned.role == Role::Category;
    let text = planned.role == Role::Text;
    let all = [
        ("scale", options.scale.is_some(), numeric, "numbers"),
        ("indicator", options.indicator, numeric, "numbers"),
        (
            "impute",
            options.impute.is_some(),
            numeric || category,
            "numbers and categories",
        ),
        (
            "fill",
            options.fill.is_some(),
            numeric || category,
            "numbers and categories",
        ),
        ("unseen", options.unseen.is_some(), category, "categories"),
        (
            "max_categories",
            options.max_categories.is_some(),
            category,
            "categories",
        ),
        (
            "embedding",
            options.embedding.is_some(),
            category,
            "categories",
        ),
        ("vocabulary", options.vocabulary.is_some(), text, "text"),
        ("count", options.count.is_some(), text, "text"),
    ];
    let wrong = all.into_iter().find(|(_, given, fits, _)| *given && !fits);
    let both = options.fill.is_some() && options.impute.is_some();
    let beside_fill = both.then_some(("impute", "columns without a `fill`, which takes its place"));
    wrong
        .map(|(key, _, _, what)| (key, what))
        .or(beside_fill)
        .or(match (&options.fill, numeric) {
            (Some(Fill::Category(_)), true) => Some(("fill", "a number here")),
            _ => None,
        })
}
