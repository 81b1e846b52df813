//! Encodes rows of a table as inputs of the network, column by column.

use std::collections::HashMap;

use super::calendar::Moment;
use super::layout::Layout;
use super::options::{Counting, Unseen};
use super::preprocess::{ColumnKind, FittedColumn, FittedPart, MissingCategory, TablePreprocess};
use super::row_error::{FieldError, RowError};
use super::scan::listed;

/// How a missing or unseen value was treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treated {
    /// A regular value.
    Plain,
    /// A missing value that was imputed.
    Missing,
    /// A category that training did not have.
    Unseen,
}

/// Encodes rows as inputs; made from a [`TablePreprocess`].
pub struct Encoder {
    pub(super) layout: Layout,
    pub(super) columns: Vec<(FittedColumn, HashMap<String, usize>)>,
    pub(super) num_inputs: usize,
}

impl TablePreprocess {
    /// The encoder of rows.
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

    /// Writes a row's inputs. `field` gives the text of a used column by its index; `treated` is called for every missing or
    /// unseen value.
    ///
    /// # Errors
    /// A field that cannot be used, with its column.
    pub fn write<'a>(
        &self,
        field: impl Fn(usize) -> std::borrow::Cow<'a, str>,
        out: &mut [f32],
        mut treated: impl FnMut(usize, Treated),
    ) -> Result<(), RowError> {
        out.fill(0.0);
        let mut at = 0;
        for (number, (column, index)) in self.columns.iter().enumerate() {
            let width = column.inputs();
            let part = &mut out[at..at + width];
            let done = self
                .write_field(column, index, &field(number), part)
                .map_err(|error| RowError::Input {
                    column: column.name.clone(),
                    error,
                })?;
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
    ) -> Result<Treated, FieldError> {
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
                    (true, None) => return Err(FieldError::Missing),
                    (true, Some(fill)) => *fill,
                    (false, _) => finite_number(&self.layout, &column.name, field)?,
                };
                out[0] = ((number - offset) / divide) as f32;
                if !out[0].is_finite() {
                    return Err(FieldError::Far(field.to_string()));
                }
                if *indicator {
                    out[1] = f32::from(missing);
                }
                Ok(treated_if(missing, Treated::Missing))
            }
            ColumnKind::Category { .. } => {
                let field = (!missing).then_some(field);
                write_category(&column.kind, index, field, out)
            }
            ColumnKind::Date { parts, .. } => {
                // Missing: the mean of numbers, the middle of circles.
                let format = self.layout.formats.get(&column.name);
                let moment = format
                    .filter(|_| !missing)
                    .and_then(|format| format.moment(field));
                if let Some(moment) = moment {
                    write_date(parts, moment, out);
                }
                Ok(treated_if(moment.is_none(), Treated::Missing))
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

fn treated_if(is: bool, treated: Treated) -> Treated {
    if is { treated } else { Treated::Plain }
}

/// Writes a category as its index, if the network embeds it, else one-hot; `field` is `None` if it is missing.
fn write_category(
    column: &ColumnKind,
    index: &HashMap<String, usize>,
    field: Option<&str>,
    out: &mut [f32],
) -> Result<Treated, FieldError> {
    let ColumnKind::Category {
        values,
        missing,
        unseen,
        embedding,
    } = column
    else {
        unreachable!("called for categories")
    };
    let mut hold = |category: usize| match embedding {
        Some(_) => out[0] = (category + 1) as f32,
        None => out[category] = 1.0,
    };
    if let Some(&value) = field.and_then(|field| index.get(field)) {
        hold(value);
        return Ok(Treated::Plain);
    }
    if let Some(field) = field.filter(|_| *unseen == Unseen::Error) {
        return Err(FieldError::Unseen {
            field: field.to_string(),
            known: listed(values),
        });
    }
    if field.is_none() || *unseen == Unseen::Missing {
        match missing {
            MissingCategory::Own => hold(values.len()),
            MissingCategory::Value(value) => hold(*value),
            MissingCategory::None => {}
            MissingCategory::Refuse => return Err(FieldError::Missing),
        }
    }
    Ok(match field {
        None => Treated::Missing,
        Some(_) => Treated::Unseen,
    })
}

/// Writes the parts of a date: a cyclic one, such as the hour, as sine and cosine, others as one number.
fn write_date(parts: &[FittedPart], moment: Moment, out: &mut [f32]) {
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
}

/// TF-IDF: counts times inverse document frequencies, normalized to length 1.
pub fn weigh(out: &mut [f32], weights: &[f64]) {
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
/// A word, or a number that is not finite.
pub fn finite_number(layout: &Layout, column: &str, field: &str) -> Result<f64, FieldError> {
    let number = layout
        .number_in(column, field)
        .ok_or_else(|| FieldError::NotNumber(field.to_string()))?;
    if !number.is_finite() || number.abs() > f64::from(f32::MAX) {
        return Err(FieldError::NotFinite(field.to_string()));
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::data::Shape;
    use crate::data::table::options::Scaling;

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

    fn encode(fields: [&'static str; 2]) -> Result<(Vec<f32>, Vec<Treated>), RowError> {
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
    fn what_is_no_number_is_reported_with_its_column() {
        let error = encode(["ten", "a"]).expect_err("a word").to_string();
        assert_eq!(error, "column \"n\" is \"ten\", expected a number");
        let error = encode(["inf", "a"]).expect_err("infinite").to_string();
        assert!(error.contains("expected a finite number"), "{error}");
    }
}
