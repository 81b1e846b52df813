//! Hints at columns to leave out: row numbers, copies of the target, parts of a sum that is the target.

use std::collections::HashMap;

use super::audit::Pairs;
use super::column_scan::{ColumnScan, is_id};
use super::error::TableError;
use super::options::Role;
use super::reader::TableFile;
use crate::data::core::task::Task;

/// The most rows that are read, from the beginning.
const ROWS: usize = 20_000;
/// Rows of which a sum has to hold.
const SUM_ROWS: usize = 1000;
/// The fewest rows that allow a hint.
const FEWEST: usize = 10;
/// A correlation with the target from which a column is a copy of it.
const COPY: f64 = 0.999;
/// The most columns among which sums are looked for.
const SUMMED: usize = 60;
/// Words in the names of columns that legitimately count upward, such as years.
const TIMES: [&str; 12] = [
    "year", "month", "day", "week", "hour", "minute", "second", "time", "date", "age", "quarter",
    "step",
];

/// A hint on one or several columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The column, or several.
    pub columns: Vec<String>,
    /// Why, in words that follow the name.
    pub why: String,
    /// Whether the column should be left out.
    pub leave_out: bool,
}

fn leave_out(name: &str, why: impl Into<String>) -> Hint {
    Hint {
        columns: vec![name.to_string()],
        why: why.into(),
        leave_out: true,
    }
}

/// Columns that only identify rows.
pub fn identifiers(columns: &[(String, Role)], scans: &[ColumnScan], target: &str) -> Vec<Hint> {
    let columns = columns.iter().zip(scans);
    let others = columns.filter(|((name, _), scan)| name != target && scan.present() >= FEWEST);
    let hint = |((name, role), scan): (&(String, Role), &ColumnScan)| {
        let lower = name.to_lowercase();
        let time = TIMES.iter().any(|time| lower.contains(time));
        let [least, most] = scan.range;
        match role {
            Role::Numeric if scan.is_sequence() && !time => Some(leave_out(
                name,
                format!("the numbers {least} to {most}, each in one row"),
            )),
            Role::Numeric if scan.whole && is_id(name) && scan.all_different() && !scan.is_date => {
                Some(leave_out(
                    name,
                    "another whole number in each row, and called an identifier",
                ))
            }
            Role::Category if scan.all_different() => {
                Some(leave_out(name, "another value in each row"))
            }
            _ => None,
        }
    };
    others.filter_map(hint).collect()
}

/// What was read of a column.
enum Values {
    Numbers(Vec<f64>),
    /// Of each value, the class it comes with; `None` if a value comes with several.
    Classes(Option<HashMap<String, String>>),
    Nothing,
}

/// Columns that are copies of the target, or that sum up to it.
///
/// # Errors
/// A file that cannot be read any more.
pub fn copies(
    table: &TableFile,
    columns: &[(String, Role)],
    scans: &[ColumnScan],
    target: &str,
    task: &Task,
) -> Result<Vec<Hint>, TableError> {
    let Some(place) = columns.iter().position(|(name, _)| name == target) else {
        return Ok(Vec::new());
    };
    let numbers = matches!(task, Task::Regression(_));
    let (values, rows) = read_values(table, columns, scans, (target, place), numbers)?;
    if rows < FEWEST {
        return Ok(Vec::new());
    }
    let mut hints = Vec::new();
    let mut numeric: Vec<(&str, &[f64])> = Vec::new();
    let of_target: &[f64] = match &values[place] {
        Values::Numbers(numbers) => numbers,
        _ => &[],
    };
    for ((name, _), values) in columns
        .iter()
        .zip(&values)
        .filter(|((name, _), _)| name != target)
    {
        match values {
            Values::Numbers(numbers) => match correlation(numbers, of_target) {
                Some(r) if r.abs() >= COPY => {
                    hints.push(leave_out(
                        name,
                        format!("nearly a copy of {target}: their correlation is {r:.5}"),
                    ));
                }
                _ => numeric.push((name, numbers)),
            },
            Values::Classes(Some(known)) if is_one_to_one(known) => {
                hints.push(leave_out(
                    name,
                    format!("a copy of {target}: each of its values means one of the classes"),
                ));
            }
            _ => {}
        }
    }
    hints.extend(sum(&numeric, of_target, target));
    Ok(hints)
}

/// What the first rows with a target hold in each column, and how many rows these are; `numbers` says whether the target
/// is a number.
fn read_values(
    table: &TableFile,
    columns: &[(String, Role)],
    scans: &[ColumnScan],
    (target, place): (&str, usize),
    numbers: bool,
) -> Result<(Vec<Values>, usize), TableError> {
    let mut values: Vec<Values> = columns
        .iter()
        .zip(scans)
        .map(|((name, role), scan)| match (role, numbers) {
            _ if name == target && numbers => Values::Numbers(Vec::new()),
            _ if name == target => Values::Nothing,
            (Role::Numeric, true) => Values::Numbers(Vec::new()),
            (Role::Numeric | Role::Category, false) if scan.num_values().is_some() => {
                Values::Classes(Some(HashMap::new()))
            }
            _ => Values::Nothing,
        })
        .collect();
    let mut rows = 0;
    table.for_each(|row| {
        if rows == ROWS {
            return Ok(());
        }
        let class = row.field(place);
        if table.layout.is_missing_in(target, &class) {
            return Ok(());
        }
        rows += 1;
        for (column, ((name, _), values)) in columns.iter().zip(&mut values).enumerate() {
            let field = || row.field(column);
            match values {
                Values::Numbers(numbers) => {
                    let field = field();
                    let missing = table.layout.is_missing_in(name, &field);
                    let number = table.layout.number_in(name, &field).filter(|_| !missing);
                    numbers.push(number.unwrap_or(f64::NAN));
                }
                Values::Classes(known) => {
                    let clash = known.as_mut().is_some_and(|known| {
                        let entry = known.entry(field().into_owned());
                        *entry.or_insert_with(|| class.to_string()) != *class
                    });
                    if clash {
                        *known = None;
                    }
                }
                Values::Nothing => {}
            }
        }
        Ok(())
    })?;
    Ok((values, rows))
}

fn correlation(one: &[f64], other: &[f64]) -> Option<f64> {
    let mut pairs = Pairs::default();
    let both = one
        .iter()
        .zip(other)
        .filter(|(x, y)| x.is_finite() && y.is_finite());
    both.for_each(|(x, y)| pairs.add(*x, *y));
    pairs.correlation()
}

fn is_one_to_one(known: &HashMap<String, String>) -> bool {
    let mut classes: Vec<&String> = known.values().collect();
    classes.sort_unstable();
    classes.dedup();
    classes.len() == known.len() && known.len() >= 2
}

/// Columns of which the target is the sum or the product.
fn sum(columns: &[(&str, &[f64])], target: &[f64], name: &str) -> Option<Hint> {
    let count = target.len().min(SUM_ROWS);
    let varies = |values: &[f64]| values.iter().any(|value| *value != values[0]);
    if count < FEWEST || !varies(&target[..count]) {
        return None;
    }
    let columns: Vec<(&str, &[f64])> = columns
        .iter()
        .filter(|(_, values)| varies(&values[..count]))
        .map(|(name, values)| (*name, &values[..count]))
        .take(SUMMED)
        .collect();
    let near = |found: f64, y: f64, scale: f64| (found - y).abs() <= 1e-9 * scale.max(1e-9);
    // A missing part makes the sum NaN, which is near to nothing.
    let holds = |found: &dyn Fn(usize) -> f64| {
        (0..count).all(|row| {
            near(
                found(row),
                target[row],
                target[row].abs() + found(row).abs(),
            )
        })
    };
    let hint = |parts: &[usize], what: &str| {
        let names: Vec<String> = parts
            .iter()
            .map(|&part| columns[part].0.to_string())
            .collect();
        let why = format!("give {name} away: it is their {what}");
        Some(Hint {
            columns: names,
            why,
            leave_out: false,
        })
    };
    let at = |column: usize, row: usize| columns[column].1[row];
    for one in 0..columns.len() {
        for two in one + 1..columns.len() {
            if holds(&|row| at(one, row) + at(two, row)) {
                return hint(&[one, two], "sum");
            }
            if holds(&|row| at(one, row) * at(two, row)) {
                return hint(&[one, two], "product");
            }
            if holds(&|row| (at(one, row) - at(two, row)).abs()) {
                return hint(&[one, two], "difference");
            }
            for three in two + 1..columns.len() {
                if holds(&|row| at(one, row) + at(two, row) + at(three, row)) {
                    return hint(&[one, two, three], "sum");
                }
            }
        }
        // Columns side by side.
        for end in one + 4..=columns.len() {
            if holds(&|row| (one..end).map(|column| at(column, row)).sum()) {
                return hint(&(one..end).collect::<Vec<_>>(), "sum");
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_that_give_the_target_are_found() {
        let a: Vec<f64> = (0..40).map(|i| f64::from(i * 7 % 11)).collect();
        let b: Vec<f64> = (0..40).map(|i| f64::from(i * 5 % 13)).collect();
        let c: Vec<f64> = (0..40).map(|i| f64::from(i * 3 % 17)).collect();
        let of = |f: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..40).map(f).collect() };
        let columns = [("a", &a[..]), ("b", &b[..]), ("c", &c[..])];
        let message =
            |target: Vec<f64>| sum(&columns, &target, "y").map(|hint| (hint.columns, hint.why));
        let both = message(of(&|i| a[i] + c[i])).expect("a sum");
        assert_eq!(both.0, ["a", "c"]);
        assert!(both.1.contains("sum"));
        assert_eq!(
            message(of(&|i| a[i] + b[i] + c[i])).expect("a sum").0.len(),
            3
        );
        assert!(
            message(of(&|i| a[i] * b[i]))
                .expect("a product")
                .1
                .contains("product")
        );
        assert_eq!(message(of(&|i| a[i] + 0.5 * c[i])), None);
    }
}
