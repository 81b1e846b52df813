//! The audit of a table: missing values, constant columns, columns that leak the target, duplicate rows, targets beyond
//! the range of training.

use std::collections::HashMap;

use super::error::FilesError;
use super::preprocess::{ColumnKind, TablePreprocess};
use super::rows::Rows;
use crate::data::audit::TableAudit;
use crate::data::core::dataset::Column;
use crate::data::core::task::Task;

/// The correlation with the target from which a column is reported as a leak.
const GIVES_AWAY: f64 = 0.999_99;
/// Different values of a column that are compared with the classes.
const MOST_VALUES: usize = 1000;
/// Pairs of rows that are kept by name.
const NAMED: usize = 100;

/// Sums of pairs, for a correlation.
#[derive(Clone, Default)]
pub struct Pairs {
    count: f64,
    sums: [f64; 2],
    squares: [f64; 2],
    products: f64,
    first: Option<(f64, f64)>,
}

impl Pairs {
    /// One more pair, taken against the first, so that a large offset costs no digits.
    pub fn add(&mut self, x: f64, y: f64) {
        let (x0, y0) = *self.first.get_or_insert((x, y));
        let (x, y) = (x - x0, y - y0);
        self.count += 1.0;
        self.sums[0] += x;
        self.sums[1] += y;
        self.squares[0] += x * x;
        self.squares[1] += y * y;
        self.products += x * y;
    }

    /// Pearson's correlation, of ten pairs or more that vary.
    pub fn correlation(&self) -> Option<f64> {
        let n = self.count;
        let spread = |i: usize| n * self.squares[i] - self.sums[i] * self.sums[i];
        let both = n * self.products - self.sums[0] * self.sums[1];
        let scale = (spread(0) * spread(1)).sqrt();
        (n >= 10.0 && scale > 0.0).then(|| both / scale)
    }
}

/// What is known of a column against the targets.
enum Against {
    Number(Vec<Pairs>),
    /// For each value, the only class that occurs with it; `None` if several occur.
    Values(Option<HashMap<String, u32>>),
    Nothing,
}

/// Audits both splits.
///
/// # Errors
/// A file that cannot be read any more.
pub fn audit_tables(
    train: &Rows,
    valid: &Rows,
    preprocess: &TablePreprocess,
    task: &Task,
    columns: &[Column],
) -> Result<TableAudit, FilesError> {
    let mut audit = TableAudit {
        rows: [train.len(), valid.len()],
        ..TableAudit::default()
    };
    for column in columns {
        let all = (train.len() + valid.len()).max(1);
        if column.missing > 0 {
            let share = column.missing as f64 / all as f64;
            audit.missing.push((column.name.clone(), share.min(1.0)));
        }
        if let Some(why) = &column.ignored {
            audit.ignored.push((column.name.clone(), why.clone()));
        }
    }
    find_leaked(&mut audit, train, preprocess, task)?;
    find_shared(&mut audit, train, valid);
    find_range(&mut audit, train, valid, task);
    Ok(audit)
}

fn find_leaked(
    audit: &mut TableAudit,
    train: &Rows,
    preprocess: &TablePreprocess,
    task: &Task,
) -> Result<(), FilesError> {
    let compared = ordered_targets(task, 0);
    let (num_targets, width) = (compared.len(), train.width());
    let mut against: Vec<Against> = preprocess
        .columns
        .iter()
        .map(|column| match (&column.kind, task) {
            (ColumnKind::Numeric { .. }, _) => Against::Number(vec![Pairs::default(); num_targets]),
            (ColumnKind::Category { values, .. }, Task::Classes(_))
                if values.len() < MOST_VALUES =>
            {
                Against::Values(Some(HashMap::new()))
            }
            _ => Against::Nothing,
        })
        .collect();
    train.visit(|index, row, part| {
        let target = |number: usize| match task {
            Task::Classes(_) => f64::from(train.classes[index]),
            _ => train.numbers[index * width + compared[number]],
        };
        for (number, against) in against.iter_mut().enumerate() {
            let field = row.field(part.columns[number]);
            let (layout, name) = (&part.table.layout, &preprocess.columns[number].name);
            if layout.is_missing_in(name, &field) {
                continue;
            }
            match against {
                Against::Number(pairs) => {
                    if let Some(x) = layout.number_in(name, &field) {
                        let numbered = pairs.iter_mut().enumerate();
                        numbered.for_each(|(number, pairs)| pairs.add(x, target(number)));
                    }
                }
                Against::Values(known) => {
                    let class = train.classes[index];
                    let clash = known.as_mut().is_some_and(|known| {
                        *known.entry(field.into_owned()).or_insert(class) != class
                    });
                    if clash {
                        *known = None;
                    }
                }
                Against::Nothing => {}
            }
        }
        Ok(())
    })?;
    for (column, against) in preprocess.columns.iter().zip(against) {
        let how = match against {
            Against::Number(pairs) => pairs.iter().zip(&compared).find_map(|(p, &target)| {
                let r = p.correlation().filter(|r| r.abs() >= GIVES_AWAY)?;
                let name = &preprocess.targets[target];
                Some(format!("its correlation with {name} is {r:.5}"))
            }),
            // Few values that each mean one class; many may do so at random.
            Against::Values(Some(known)) if known.len() >= 2 && known.len() * 10 <= train.len() => {
                Some("each of its values comes with one class only".to_string())
            }
            Against::Values(_) | Against::Nothing => None,
        };
        if let Some(how) = how {
            audit.leaked.push((column.name.clone(), how));
        }
    }
    Ok(())
}

/// The columns of targets, counted from `first`, whose values have an order: not those of three classes or more.
fn ordered_targets(task: &Task, first: usize) -> Vec<usize> {
    match task {
        Task::Classes(classes) if classes.len() > 2 => Vec::new(),
        Task::Classes(_) | Task::MultiLabel(_) | Task::Regression(_) => {
            (first..first + task.target_width()).collect()
        }
        Task::Heads(heads) => {
            let numbered = heads.iter().zip(first..);
            numbered
                .flat_map(|(head, column)| ordered_targets(&head.task, column))
                .collect()
        }
    }
}

fn find_shared(audit: &mut TableAudit, train: &Rows, valid: &Rows) {
    let mut sorted = train.digests.clone();
    sorted.sort_unstable();
    audit.num_repeated = sorted.windows(2).filter(|pair| pair[0] == pair[1]).count();
    let mut named = Vec::new();
    for (index, digest) in valid.digests.iter().enumerate() {
        if sorted.binary_search(digest).is_ok() {
            audit.num_shared += 1;
            if named.len() < NAMED {
                named.push((*digest, index));
            }
        }
    }
    // Only these are looked for by their place: a table of all would take more than the rows themselves.
    let mut twins: HashMap<u64, Option<usize>> = named.iter().map(|pair| (pair.0, None)).collect();
    for (index, digest) in train.digests.iter().enumerate() {
        if let Some(twin) = twins.get_mut(digest) {
            twin.get_or_insert(index);
        }
    }
    for (digest, index) in named {
        if let Some(Some(twin)) = twins.get(&digest) {
            audit.shared.push((train.name(*twin), valid.name(index)));
        }
    }
}

/// Targets of validation that lie beyond the range of training by more than that range.
fn find_range(audit: &mut TableAudit, train: &Rows, valid: &Rows, task: &Task) {
    let scales = task.target_scales();
    let numbers = scales.iter().enumerate();
    for (number, output) in numbers.filter_map(|(number, scale)| Some((number, (*scale)?))) {
        let values = |rows: &Rows| {
            let numbers = rows.numbers.iter().skip(number).step_by(scales.len());
            numbers.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], &x| {
                [low.min(x), high.max(x)]
            })
        };
        let ([low, high], [least, most]) = (values(train), values(valid));
        let range = high - low;
        if least < low - range || most > high + range {
            audit.out_of_range.push(format!(
                "{} lies between {least} and {most} in validation, between {low} and {high} in \
                 training",
                output.name
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlation_does_not_suffer_from_offsets() {
        let mut pairs = Pairs::default();
        (0..100).for_each(|i| pairs.add(1e9 + f64::from(i), 5.0 - 2.0 * f64::from(i)));
        let r = pairs.correlation().expect("defined");
        assert!((r + 1.0).abs() < 1e-12, "{r}");
        let mut constant = Pairs::default();
        (0..100).for_each(|i| constant.add(1.0, f64::from(i)));
        assert_eq!(constant.correlation(), None);
    }
}
