//! The table of what a file of weights has other than a backbone needs.

use crate::console::visible;
use crate::data::short_name;

/// A tensor that is missing, has other sizes, or belongs to nothing.
pub struct Difference {
    tensor: String,
    expected: String,
    found: String,
}

impl Difference {
    /// `expected` and `found` are sizes, or "nothing".
    pub fn new(tensor: &str, expected: &str, found: String) -> Difference {
        Difference {
            tensor: short_name(&visible(tensor)).into_owned(),
            expected: expected.to_string(),
            found,
        }
    }
}

/// `[64, 3, 7, 7]`
pub fn sizes(shape: &[usize]) -> String {
    format!("{shape:?}")
}

/// The most lines of a table.
const MOST_ROWS: usize = 20;

/// The differences, a line each; the first of them where there are many.
pub fn table(rows: &[Difference]) -> String {
    let longest = |of: fn(&Difference) -> &str, head: &str| {
        let lengths = rows.iter().map(|row| of(row).chars().count());
        lengths.chain([head.len()]).max().unwrap_or(0)
    };
    let first = longest(|row| &row.tensor, "tensor");
    let second = longest(|row| &row.expected, "expected");
    let line = |a: &str, b: &str, c: &str| format!("  {a:<first$}  {b:<second$}  {c}");
    let mut lines = vec![line("tensor", "expected", "found")];
    let shown = rows.iter().take(MOST_ROWS);
    lines.extend(shown.map(|row| line(&row.tensor, &row.expected, &row.found)));
    if rows.len() > MOST_ROWS {
        lines.push(format!("  and {} more", rows.len() - MOST_ROWS));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_table_is_cut() {
        let row = |index: usize| Difference::new(&format!("p{index}"), "[1]", "nothing".into());
        let rows: Vec<Difference> = (0..30).map(row).collect();
        let table = table(&rows);
        assert_eq!(table.lines().count(), 1 + MOST_ROWS + 1);
        assert!(table.ends_with("and 10 more"), "{table}");
    }
}
