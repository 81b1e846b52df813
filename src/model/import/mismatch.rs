//! Compares the tensors that a net needs with those of a file, and tells all differences at once, as a table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::tensor::TensorInfo;
use crate::console::visible;
use crate::data::short_name;

/// Rows of the table that are shown.
const MAX_ROWS: usize = 20;

/// A tensor that a net needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The net's parameter, as `model.0.conv1.weight`.
    pub parameter: String,
    /// Its name in the file.
    pub name: String,
    /// Its shape in the file.
    pub shape: Vec<usize>,
}

/// Checks that a file with these tensors has every wanted one in its shape, and none beside them but those that
/// `left_out` names: the old classifier, counters.
///
/// # Errors
/// All differences, as one table.
pub fn compare(
    tensors: &[TensorInfo],
    wanted: &[Wanted],
    left_out: impl Fn(&str) -> bool,
) -> Result<(), Mismatch> {
    let there: BTreeMap<&str, &TensorInfo> = tensors
        .iter()
        .map(|tensor| (&*tensor.name, tensor))
        .collect();
    let mut rows = Vec::new();
    for want in wanted {
        let found = there.get(&*want.name);
        if found.is_some_and(|found| found.shape == want.shape) {
            continue;
        }
        rows.push([
            want.parameter.clone(),
            format!("{} {:?}", want.name, want.shape),
            found.map_or("missing".into(), |found| format!("{:?}", found.shape)),
        ]);
    }
    let names: BTreeSet<&str> = wanted.iter().map(|want| &*want.name).collect();
    for tensor in tensors {
        if !names.contains(&*tensor.name) && !left_out(&tensor.name) {
            let found = format!("{} {:?}", short_name(&visible(&tensor.name)), tensor.shape);
            rows.push(["none".into(), "nothing".into(), found]);
        }
    }
    match rows.is_empty() {
        true => Ok(()),
        false => Err(Mismatch {
            rows,
            wanted: wanted.len(),
        }),
    }
}

/// Tensors of a file that are not those of a net.
#[derive(Debug)]
pub struct Mismatch {
    /// Parameter, expected, in the file.
    rows: Vec<[String; 3]>,
    wanted: usize,
}

impl std::error::Error for Mismatch {}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "its tensors are not those of the net ({} differences, {} tensors are needed)",
            self.rows.len(),
            self.wanted
        )?;
        let heads = ["parameter", "expected", "in the file"];
        let shown = &self.rows[..self.rows.len().min(MAX_ROWS)];
        let width = |column: usize| {
            let cells = shown.iter().map(|row| row[column].chars().count());
            cells.chain([heads[column].len()]).max().unwrap_or_default()
        };
        let (first, second) = (width(0), width(1));
        write!(
            f,
            "  {:first$}  {:second$}  {}",
            heads[0], heads[1], heads[2]
        )?;
        for [parameter, expected, found] in shown {
            write!(f, "\n  {parameter:first$}  {expected:second$}  {found}")?;
        }
        if self.rows.len() > MAX_ROWS {
            write!(f, "\n  and {} more", self.rows.len() - MAX_ROWS)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::number_type::NumberType;
    use super::*;

    fn tensor(name: &str, shape: &[usize]) -> TensorInfo {
        TensorInfo {
            name: name.into(),
            shape: shape.to_vec(),
            dtype: NumberType::F32,
        }
    }

    fn want(parameter: &str, name: &str, shape: &[usize]) -> Wanted {
        Wanted {
            parameter: parameter.into(),
            name: name.into(),
            shape: shape.to_vec(),
        }
    }

    #[test]
    fn all_differences_are_told_at_once() {
        let wanted = [
            want("model.0.weight", "conv1.weight", &[8, 3, 3, 3]),
            want("model.0.bias", "conv1.bias", &[8]),
            want("model.1.gamma", "bn1.weight", &[8]),
        ];
        let there = [
            tensor("conv1.weight", &[8, 3, 7, 7]),
            tensor("bn1.weight", &[8]),
            tensor("bn1.num_batches_tracked", &[]),
            tensor("extra", &[2]),
        ];
        let left_out = |name: &str| name.ends_with("num_batches_tracked");
        let told = compare(&there, &wanted, left_out).expect_err("differences");
        assert_eq!(
            told.to_string(),
            "its tensors are not those of the net (3 differences, 3 tensors are needed)\n\
             \x20 parameter       expected                   in the file\n\
             \x20 model.0.weight  conv1.weight [8, 3, 3, 3]  [8, 3, 7, 7]\n\
             \x20 model.0.bias    conv1.bias [8]             missing\n\
             \x20 none            nothing                    extra [2]"
        );
        compare(&there[1..3], &wanted[2..], left_out).expect("the same");
    }

    #[test]
    fn a_long_table_is_cut() {
        let wanted: Vec<Wanted> = (0..30).map(|n| want(&format!("p{n}"), "x", &[1])).collect();
        let told = compare(&[], &wanted, |_| false).expect_err("differences");
        let told = told.to_string();
        assert_eq!(told.lines().count(), 2 + MAX_ROWS + 1);
        assert!(told.ends_with("and 10 more"), "{told}");
    }
}
