//! Reports skipped files and rows, the same way after every command.

use serde_json::{Value, json};

use super::numbers::grouped;
use crate::data::{LeftOut, Summary, short_name};

/// How many names were left out, and for each reason the first of them; `None` if there are none. `what` they
/// are is said in singular and plural.
pub fn left_out(left_out: &LeftOut, [one, many]: [&str; 2]) -> Option<String> {
    if left_out.is_empty() {
        return None;
    }
    let count = left_out.count();
    let what = if count == 1 { one } else { many };
    let mut text = format!("left out {} {what}:", grouped(count as u64));
    for reason in left_out.reasons() {
        let names: Vec<_> = reason.first.iter().map(|name| short_name(name)).collect();
        let more = reason.count - names.len();
        let more = match more {
            0 => String::new(),
            more => format!(" and {} more", grouped(more as u64)),
        };
        let (count, reason) = (grouped(reason.count as u64), &reason.reason);
        text.push_str(&format!(
            "\n  {count}: {reason}: {}{more}",
            names.join(", ")
        ));
    }
    Some(text)
}

/// The same of a dataset that was listed.
pub fn left_out_of(summary: &Summary) -> Option<String> {
    left_out(
        &summary.left_out,
        if summary.of_rows { ROWS } else { FILES },
    )
}

/// The same for programs: a list of reasons with counts and first names.
pub fn left_out_json(left_out: &LeftOut) -> Value {
    json!(left_out)
}

/// Files that are skipped, in singular and plural.
pub const FILES: [&str; 2] = ["file", "files"];
/// Rows that are skipped.
pub const ROWS: [&str; 2] = ["row", "rows"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_count_and_first_names() {
        let mut found = LeftOut::default();
        assert_eq!(left_out(&found, FILES), None);
        for number in 0..7 {
            found.add("hidden", || format!(".{number}"));
        }
        found.add("HEIC", || "a.heic".to_string());
        let text = left_out(&found, FILES).expect("something");
        assert_eq!(
            text,
            "left out 8 files:\n  7: hidden: .0, .1, .2, .3, .4 and 2 more\n  1: HEIC: a.heic"
        );
    }
}
