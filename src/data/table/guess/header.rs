//! Infers whether the first row of a table is a header.

use std::collections::BTreeSet;

use super::field_kind::{MOSTLY, is_date, is_missing, is_number};

/// Why the first row is not a header, if so: it has a number or a date where the rows below have, it names two
/// columns the same, or its words are among those below.
pub fn no_header(rows: &[Vec<String>]) -> Option<String> {
    let (first, rest) = rows.split_first()?;
    let rest: Vec<&Vec<String>> = rest.iter().filter(|row| row.len() == first.len()).collect();
    if rest.is_empty() || are_numbered(first) {
        return None;
    }
    // For and against names, column by column.
    let (mut names, mut values) = (0, 0);
    let mut example = None;
    for (column, field) in first.iter().enumerate() {
        let below: Vec<&str> = rest
            .iter()
            .map(|row| &*row[column])
            .filter(|f| !is_missing(f))
            .collect();
        if below.is_empty() {
            continue;
        }
        let mostly = |is: &dyn Fn(&str) -> bool| {
            below.iter().filter(|field| is(field)).count() as f64 >= MOSTLY * below.len() as f64
        };
        let typed = [is_number as fn(&str) -> bool, is_date]
            .into_iter()
            .find(|is| mostly(is));
        match typed {
            Some(is) if is(field) => {
                values += 1;
                example.get_or_insert(field);
            }
            Some(_) if is_missing(field) && !field.is_empty() => values += 1,
            Some(_) => names += 1,
            // A word that comes again below is a value; one that is new where few words come often is a name.
            None if field.is_empty() => {}
            None if below.contains(&&**field) => {
                values += 1;
                example.get_or_insert(field);
            }
            None => {
                let different: BTreeSet<&&str> = below.iter().collect();
                names += usize::from(different.len() * 2 <= below.len());
            }
        }
    }
    let twice: BTreeSet<&String> = first.iter().filter(|field| !field.is_empty()).collect();
    let repeated = twice.len() < first.iter().filter(|field| !field.is_empty()).count();
    if values > names || (repeated && values > 0) {
        let example = example.map_or("", |field| field.as_str());
        return Some(match example {
            "" => "its first line is like those below".to_string(),
            example => format!("{example:?} in its first line is a value like those below"),
        });
    }
    None
}

/// Whether names are numbers in a row, as pandas writes them and as years are: 0, 1, 2.
fn are_numbered(first: &[String]) -> bool {
    let numbers: Vec<i64> = first
        .iter()
        .filter_map(|field| field.parse().ok())
        .collect();
    numbers.len() >= 3
        && numbers.len() + 2 >= first.len()
        && numbers
            .windows(2)
            .all(|pair| pair[1] == pair[0].wrapping_add(1))
}
