//! The encoding of each column, fitted on the training rows; part of the model file.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::calendar::{DatePart, civil};
use super::formats::Format;
use super::layout::Layout;
use super::options::{Counting, Scaling, Unseen};
use crate::data::core::batch::Shape;
use crate::data::text::Tokenizer;

/// Everything between a row and the net's input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TablePreprocess {
    /// How the fields are written.
    pub layout: Layout,
    /// The columns that are used, in the order of the inputs.
    pub columns: Vec<FittedColumn>,
    /// The columns that were to be predicted.
    pub targets: Vec<String>,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FittedColumn {
    /// Its name.
    pub name: String,
    /// The encoding of its fields.
    pub kind: ColumnKind,
}

/// The encoding of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// `(number - offset) / divide`.
    Numeric {
        /// The kind of scaling.
        scale: Scaling,
        /// Subtracted.
        offset: f64,
        /// Divides.
        divide: f64,
        /// Stands for a missing number, in the column's units; without it such a row cannot be used.
        fill: Option<f64>,
        /// Whether a further input is 1 where the number is missing.
        indicator: bool,
    },
    /// One-hot: one input per category; or one input with the index of the category, which the net embeds.
    Category {
        /// In the order of the inputs.
        values: Vec<String>,
        /// How missing fields are encoded.
        missing: MissingCategory,
        /// How unseen categories are handled.
        unseen: Unseen,
        /// The options of the layer `embedding`, where the net has a vector for each category.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        embedding: Option<serde_json::Value>,
    },
    /// Of each part of a date, `(number - offset) / divide`, or the sine and cosine of its place on a circle.
    Date {
        /// In the order of the inputs.
        parts: Vec<FittedPart>,
        /// The first day of the training rows, since 1970-01-01.
        first: i64,
    },
    /// One input a word.
    Text {
        /// How texts become words.
        tokenizer: Tokenizer,
        /// The value of a word's input.
        count: Counting,
        /// For TF-IDF, the inverse document frequency of each word.
        #[serde(default)]
        weights: Vec<f64>,
    },
}

/// A part of dates that varies in the training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FittedPart {
    /// Which.
    pub part: DatePart,
    /// Subtracted from a number; 0 on a circle.
    pub offset: f64,
    /// Divides a number; the period of a circle.
    pub divide: f64,
}

/// An input that is the number of a category: from 1 on in the order of the categories, a category of missing
/// fields last; 0 where none holds.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddedColumn {
    /// The column's name.
    pub name: String,
    /// Its place among the inputs.
    pub at: usize,
    /// The number of categories.
    pub categories: usize,
    /// The options of the layer `embedding`.
    pub options: serde_json::Value,
}

/// How a missing category is encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingCategory {
    /// An input of its own, behind those of the categories.
    Own,
    /// The category with this index.
    Value(usize),
    /// No category: none was missing in training.
    None,
    /// Nothing: such a row cannot be used.
    Refuse,
}

impl FittedColumn {
    /// The inputs of the net that it gives.
    pub fn inputs(&self) -> usize {
        match &self.kind {
            ColumnKind::Numeric { indicator, .. } => 1 + usize::from(*indicator),
            ColumnKind::Category {
                embedding: Some(_), ..
            } => self.categories().min(1),
            ColumnKind::Category { .. } => self.categories(),
            ColumnKind::Date { parts, .. } => parts.iter().map(|part| part.part.inputs()).sum(),
            ColumnKind::Text { tokenizer, .. } => tokenizer.num_words(),
        }
    }

    /// The categories of a category column, with that of missing fields.
    fn categories(&self) -> usize {
        match &self.kind {
            ColumnKind::Category {
                values, missing, ..
            } => values.len() + usize::from(*missing == MissingCategory::Own),
            _ => 0,
        }
    }

    /// Describes what is done to it, and to missing fields, where there are any.
    pub fn describe(&self, any_missing: bool) -> String {
        match &self.kind {
            ColumnKind::Numeric {
                scale,
                offset,
                divide,
                fill,
                ..
            } => {
                let scaled = match scale {
                    Scaling::Standardize => {
                        format!("numeric, mean {offset:.4}, deviation {divide:.4}")
                    }
                    Scaling::MinMax => {
                        format!(
                            "numeric, {offset:.4} to {:.4} become 0 to 1",
                            offset + divide
                        )
                    }
                    Scaling::None => "numeric, as it is".to_string(),
                };
                match fill {
                    Some(fill) if any_missing => format!("{scaled}, {fill:.4} where missing"),
                    _ => scaled,
                }
            }
            ColumnKind::Category {
                values,
                missing,
                embedding,
                ..
            } => {
                let shown: Vec<&str> = values.iter().take(5).map(String::as_str).collect();
                let more = values.len().saturating_sub(shown.len());
                let mut text = format!("category: {}", shown.join(", "));
                if more > 0 {
                    text.push_str(&format!(" and {more} more"));
                }
                match missing {
                    MissingCategory::Own => text.push_str(" or missing"),
                    MissingCategory::Value(index) => {
                        text.push_str(&format!("; {} where missing", values[*index]));
                    }
                    MissingCategory::None | MissingCategory::Refuse => {}
                }
                if let Some(options) = embedding {
                    text.push_str(&format!("; embedded in {}", options["dim"]));
                }
                text
            }
            ColumnKind::Date { parts, first } => {
                let (year, month, day) = civil(*first);
                let names = parts.iter().map(|part| match part.part {
                    DatePart::Days => format!("days since {year:04}-{month:02}-{day:02}"),
                    part => part.name().to_string(),
                });
                format!("date: {}", names.collect::<Vec<_>>().join(", "))
            }
            ColumnKind::Text {
                tokenizer, count, ..
            } => {
                let how = match count {
                    Counting::Count => "counted",
                    Counting::Binary => "there or not",
                    Counting::TfIdf => "TF-IDF",
                };
                format!("text: {} words, {how}", tokenizer.num_words())
            }
        }
    }
}

impl TablePreprocess {
    /// The net's input.
    pub fn shape(&self) -> Shape {
        Shape::Flat {
            features: self.columns.iter().map(FittedColumn::inputs).sum(),
        }
    }

    /// The inputs that the net embeds.
    pub fn embedded(&self) -> Vec<EmbeddedColumn> {
        let mut at = 0;
        let columns = self.columns.iter().filter_map(|column| {
            let begin = at;
            at += column.inputs();
            match &column.kind {
                ColumnKind::Category {
                    embedding: Some(options),
                    ..
                } if at > begin => Some(EmbeddedColumn {
                    name: column.name.clone(),
                    at: begin,
                    categories: column.categories(),
                    options: options.clone(),
                }),
                _ => None,
            }
        });
        columns.collect()
    }

    /// The names of the columns that are used.
    pub fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|column| &*column.name).collect()
    }

    /// Validates untrusted metadata, as read from a model file.
    ///
    /// # Errors
    /// What is impossible.
    pub fn check(&self) -> Result<(), TablePreprocessError> {
        for column in &self.columns {
            let possible = match &column.kind {
                ColumnKind::Numeric {
                    offset,
                    divide,
                    fill,
                    ..
                } => {
                    let finite = fill.is_none_or(f64::is_finite) && offset.is_finite();
                    finite && divide.is_finite() && *divide != 0.0
                }
                ColumnKind::Category {
                    values,
                    missing: MissingCategory::Value(index),
                    ..
                } => *index < values.len(),
                ColumnKind::Category { .. } => true,
                ColumnKind::Date { parts, .. } => {
                    let dated =
                        matches!(self.layout.formats.get(&column.name), Some(Format::Date(_)));
                    let sound = |part: &FittedPart| {
                        part.offset.is_finite() && part.divide.is_finite() && part.divide != 0.0
                    };
                    dated && parts.iter().all(sound)
                }
                ColumnKind::Text {
                    tokenizer,
                    count,
                    weights,
                } => {
                    let weighed =
                        *count != Counting::TfIdf || weights.len() == tokenizer.num_words();
                    weighed && weights.iter().all(|weight| weight.is_finite())
                }
            };
            if !possible {
                return Err(TablePreprocessError {
                    column: column.name.clone(),
                });
            }
        }
        Ok(())
    }
}

/// Preprocessing of a column that no training gives, in words that follow "preprocessing".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("of column {column:?} is impossible")]
pub struct TablePreprocessError {
    /// The column.
    pub column: String,
}
