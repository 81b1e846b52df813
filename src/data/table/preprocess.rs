//! What is done to each column, fitted on the training rows; part of the model file.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::dates::{DatePart, civil};
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
    /// What is done to its fields.
    pub kind: ColumnKind,
}

/// What is done to the fields of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// `(number - offset) / divide`.
    Numeric {
        /// What the numbers were brought to.
        scale: Scaling,
        /// Subtracted.
        offset: f64,
        /// Divides.
        divide: f64,
        /// Stands for a missing number, in the column's units; without it such a row cannot be used.
        fill: Option<f64>,
        /// Whether an input says that the number is missing.
        indicator: bool,
    },
    /// One input a category; or one for all, the number of the category, which the net embeds.
    Category {
        /// In the order of the inputs.
        values: Vec<String>,
        /// What stands for a missing field.
        missing: MissingCategory,
        /// What is done about others.
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
        /// What an input says.
        count: Counting,
        /// Of TF-IDF, each word's rarity.
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

/// What stands for a missing category.
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

/// What was done about a field that is not plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treated {
    /// Nothing had to be.
    Plain,
    /// It was missing and was filled in.
    Missing,
    /// It was a category that training did not have.
    Unseen,
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

    /// What is done to it, for people; and what to missing fields, where there are any.
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

/// What makes rows into inputs; made from a [`TablePreprocess`].
pub struct Encoder {
    layout: Layout,
    columns: Vec<(FittedColumn, HashMap<String, usize>)>,
    num_inputs: usize,
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

    /// What makes rows into inputs.
    pub fn encoder(&self) -> Encoder {
        let columns = self.columns.iter().map(|column| {
            let index = match &column.kind {
                ColumnKind::Category { values, .. } => {
                    let numbered = values.iter().enumerate();
                    numbered
                        .map(|(index, value)| (value.clone(), index))
                        .collect()
                }
                ColumnKind::Text { tokenizer, .. } => tokenizer.index(),
                ColumnKind::Numeric { .. } | ColumnKind::Date { .. } => HashMap::new(),
            };
            (column.clone(), index)
        });
        Encoder {
            layout: self.layout.clone(),
            columns: columns.collect(),
            num_inputs: self.shape().num_elements(),
        }
    }

    /// Checks what a file from a stranger says.
    ///
    /// # Errors
    /// What is impossible, in words that follow "preprocessing".
    pub fn check(&self) -> Result<(), String> {
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
                return Err(format!("of column {:?} is impossible", column.name));
            }
        }
        Ok(())
    }
}

impl Encoder {
    /// The number of columns that are used.
    pub fn num_columns(&self) -> usize {
        self.columns.len()
    }

    /// Inputs of the net.
    pub fn num_inputs(&self) -> usize {
        self.num_inputs
    }

    /// Writes a row's inputs. `field` gives the text of a column, by its place among those that are used;
    /// `treated` is told of every field that is not plain.
    ///
    /// # Errors
    /// A field that cannot be used, with its column.
    pub fn write<'a>(
        &self,
        field: impl Fn(usize) -> std::borrow::Cow<'a, str>,
        out: &mut [f32],
        mut treated: impl FnMut(usize, Treated),
    ) -> Result<(), String> {
        out.fill(0.0);
        let mut at = 0;
        for (number, (column, index)) in self.columns.iter().enumerate() {
            let width = column.inputs();
            let part = &mut out[at..at + width];
            let done = self
                .write_field(column, index, &field(number), part)
                .map_err(|message| format!("column {:?} {message}", column.name))?;
            if done != Treated::Plain {
                treated(number, done);
            }
            at += width;
        }
        Ok(())
    }

    fn write_field(
        &self,
        column: &FittedColumn,
        index: &HashMap<String, usize>,
        field: &str,
        out: &mut [f32],
    ) -> Result<Treated, String> {
        let missing = self.layout.is_missing_in(&column.name, field);
        match &column.kind {
            ColumnKind::Numeric {
                offset,
                divide,
                fill,
                indicator,
                ..
            } => {
                let number = match (missing, fill) {
                    (true, None) => return Err("is missing".into()),
                    (true, Some(fill)) => *fill,
                    (false, _) => finite_number(&self.layout, &column.name, field)?,
                };
                out[0] = ((number - offset) / divide) as f32;
                if !out[0].is_finite() {
                    return Err(format!("is {field:?}, too far from the training rows"));
                }
                if *indicator {
                    out[1] = f32::from(missing);
                }
                Ok(if missing {
                    Treated::Missing
                } else {
                    Treated::Plain
                })
            }
            ColumnKind::Category {
                values,
                missing: filled,
                unseen,
                embedding,
            } => {
                let hold = |out: &mut [f32], category: usize| match embedding {
                    Some(_) => out[0] = (category + 1) as f32,
                    None => out[category] = 1.0,
                };
                let known = if missing { None } else { index.get(field) };
                if let Some(&value) = known {
                    hold(out, value);
                    return Ok(Treated::Plain);
                }
                if !missing && *unseen == Unseen::Error {
                    return Err(format!(
                        "is {field:?}, which training did not have; it had {}",
                        super::scan::listed(values)
                    ));
                }
                if missing || *unseen == Unseen::Missing {
                    match filled {
                        MissingCategory::Own => hold(out, values.len()),
                        MissingCategory::Value(value) => hold(out, *value),
                        MissingCategory::None => {}
                        MissingCategory::Refuse => return Err("is missing".into()),
                    }
                }
                Ok(if missing {
                    Treated::Missing
                } else {
                    Treated::Unseen
                })
            }
            ColumnKind::Date { parts, .. } => {
                // Missing: the mean of numbers, the middle of circles.
                let format = self.layout.formats.get(&column.name);
                let moment = format
                    .filter(|_| !missing)
                    .and_then(|format| format.moment(field));
                let Some(moment) = moment else {
                    return Ok(Treated::Missing);
                };
                let mut out = out.iter_mut();
                for FittedPart {
                    part,
                    offset,
                    divide,
                } in parts
                {
                    let number = (part.of(moment) - offset) / divide;
                    let values = match part.period() {
                        Some(_) => {
                            let (sin, cos) = (number * std::f64::consts::TAU).sin_cos();
                            [Some(sin), Some(cos)]
                        }
                        None => [Some(number), None],
                    };
                    values
                        .into_iter()
                        .flatten()
                        .zip(&mut out)
                        .for_each(|(value, out)| *out = value as f32);
                }
                Ok(Treated::Plain)
            }
            ColumnKind::Text {
                tokenizer,
                count,
                weights,
            } => {
                if missing {
                    return Ok(Treated::Missing);
                }
                for word in tokenizer.words(field) {
                    if let Some(&word) = index.get(&*word) {
                        out[word] += 1.0;
                    }
                }
                match count {
                    Counting::Count => {}
                    Counting::Binary => out.iter_mut().for_each(|x| *x = x.min(1.0)),
                    Counting::TfIdf => weigh(out, weights),
                }
                Ok(Treated::Plain)
            }
        }
    }
}

/// Counts times rarities, then a length of 1.
fn weigh(out: &mut [f32], weights: &[f64]) {
    let mut squares = 0.0;
    for (value, weight) in out.iter_mut().zip(weights) {
        let weighed = f64::from(*value) * weight;
        squares += weighed * weighed;
        *value = weighed as f32;
    }
    if squares > 0.0 {
        let length = squares.sqrt() as f32;
        out.iter_mut().for_each(|value| *value /= length);
    }
}

/// The number of a field that is not missing.
///
/// # Errors
/// A word, or a number that is not finite, in words that follow the column's name.
pub fn finite_number(layout: &Layout, column: &str, field: &str) -> Result<f64, String> {
    let number = layout
        .number_in(column, field)
        .ok_or_else(|| format!("is {field:?}, expected a number"))?;
    if !number.is_finite() || number.abs() > f64::from(f32::MAX) {
        return Err(format!("is {field:?}, expected a finite number"));
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn preprocess() -> TablePreprocess {
        let numeric = ColumnKind::Numeric {
            scale: Scaling::Standardize,
            offset: 10.0,
            divide: 2.0,
            fill: Some(12.0),
            indicator: true,
        };
        let category = ColumnKind::Category {
            values: vec!["a".into(), "b".into()],
            missing: MissingCategory::Own,
            unseen: Unseen::Ignore,
            embedding: None,
        };
        let column = |name: &str, kind| FittedColumn {
            name: name.into(),
            kind,
        };
        TablePreprocess {
            layout: Layout::default(),
            columns: vec![column("n", numeric), column("c", category)],
            targets: vec!["y".into()],
        }
    }

    fn encode(fields: [&'static str; 2]) -> Result<(Vec<f32>, Vec<Treated>), String> {
        let encoder = preprocess().encoder();
        let mut out = vec![9.0; encoder.num_inputs()];
        let mut all = Vec::new();
        encoder.write(
            |column| Cow::Borrowed(fields[column]),
            &mut out,
            |_, treated| all.push(treated),
        )?;
        Ok((out, all))
    }

    #[test]
    fn fields_become_inputs() {
        let plain = encode(["14", "b"]).expect("plain");
        assert_eq!(plain, (vec![2.0, 0.0, 0.0, 1.0, 0.0], vec![]));
        let missing = encode(["", "NA"]).expect("filled in");
        assert_eq!(missing.0, [1.0, 1.0, 0.0, 0.0, 1.0]);
        assert_eq!(missing.1, [Treated::Missing, Treated::Missing]);
        let unseen = encode(["10", "z"]).expect("unseen");
        assert_eq!(unseen, (vec![0.0; 5], vec![Treated::Unseen]));
    }

    #[test]
    fn an_embedded_category_is_one_input_its_number() {
        let mut preprocess = preprocess();
        let ColumnKind::Category { embedding, .. } = &mut preprocess.columns[1].kind else {
            panic!("a category");
        };
        *embedding = Some(serde_json::json!({"dim": 4}));
        let embedded = preprocess.embedded();
        assert_eq!((embedded[0].at, embedded[0].categories), (2, 3));
        assert_eq!(preprocess.shape(), Shape::Flat { features: 3 });
        let encoder = preprocess.encoder();
        for (field, number) in [("a", 1.0), ("b", 2.0), ("NA", 3.0), ("z", 0.0)] {
            let mut out = vec![9.0; 3];
            let fields = ["10", field];
            let done = encoder.write(|column| Cow::Borrowed(fields[column]), &mut out, |_, _| {});
            done.expect("inputs");
            assert_eq!(out, [0.0, 0.0, number], "{field}");
        }
    }

    #[test]
    fn what_is_no_number_is_told_with_its_column() {
        let error = encode(["ten", "a"]).expect_err("a word");
        assert_eq!(error, "column \"n\" is \"ten\", expected a number");
        let error = encode(["inf", "a"]).expect_err("infinite");
        assert!(error.contains("expected a finite number"), "{error}");
    }
}
