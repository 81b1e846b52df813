//! Reports the findings of an audit, as text and as JSON.

use serde_json::{Value, json};

use super::left_out_json;
use super::numbers::grouped;
use super::tables::{print, table};
use crate::console::visible;
use crate::data::audit::{Audit, Named, Pair, SplitFigures, num_others};
use crate::data::short_name;
use crate::data::table::{InspectedColumn, Role, TableAudit};

/// Names that are printed of each finding; `--json` has all of them.
const SHOWN: usize = 10;
/// Columns of a file by itself that are printed.
const COLUMNS_SHOWN: usize = 50;

const SPLITS: [&str; 3] = ["train", "valid", "test"];

/// Counts and sizes of each split.
pub fn figures(audit: &Audit) -> String {
    if let Some(table) = &audit.table {
        return table_figures(table);
    }
    let mut header = vec![""];
    header.extend(&SPLITS[..audit.splits.len()]);
    let mut table = table(&header, &[1, 2, 3]);
    let mut row = |name: &str, value: &dyn Fn(&SplitFigures) -> String| {
        let values = audit.splits.iter().map(value);
        table.add_row(std::iter::once(name.to_string()).chain(values));
    };
    row("images", &|split| grouped(split.num_samples as u64));
    for (class, name) in audit.classes.iter().enumerate() {
        row(&format!("  {}", short_name(name)), &|split| {
            grouped(split.counts[class] as u64)
        });
    }
    let spread = |values: &[u32; 3]| format!("{} / {} / {}", values[0], values[1], values[2]);
    row("height: least / median / most", &|split| {
        spread(&split.heights)
    });
    row("width: least / median / most", &|split| {
        spread(&split.widths)
    });
    row("stored in grey", &|split| grouped(split.num_grey as u64));
    print(&table)
}

/// The validation images that are also in training; `None` if there are none.
pub fn leaks(audit: &Audit) -> Option<String> {
    if let Some(table) = &audit.table {
        return table.is_leak().then(|| shared(table));
    }
    let found: Vec<String> = [1, 2]
        .into_iter()
        .filter_map(|split| leaks_of(audit, split))
        .collect();
    (!found.is_empty()).then(|| found.join("\n"))
}

/// The images of a split that an earlier one has, too: counted each once, however many copies there are.
fn leaks_of(audit: &Audit, split: usize) -> Option<String> {
    let leaks = audit.leaks().filter(|pair| pair.other.split == split);
    let pairs: Vec<String> = leaks.map(describe).collect();
    let all = audit.splits.get(split).map_or(0, |split| split.num_samples);
    let (what, also) = match split {
        1 => ("validation", "in training"),
        _ => ("test", "in training or validation"),
    };
    let what = counted(
        audit.num_leaked(split),
        &format!("{what} image is also {also}"),
        &format!("{what} images are also {also}"),
    );
    (!pairs.is_empty()).then(|| paragraph(&format!("{what} (of {})", grouped(all as u64)), &pairs))
}

/// The findings, one paragraph per kind, the most severe first; empty if there are none.
pub fn findings(audit: &Audit) -> Vec<String> {
    if let Some(table) = &audit.table {
        return table_findings(audit, table);
    }
    let conflicts: Vec<&Pair> = audit.conflicts().filter(|pair| !pair.is_leak()).collect();
    let within: Vec<&Pair> = audit
        .pairs
        .iter()
        .filter(|pair| !pair.is_leak() && !pair.is_conflict())
        .collect();
    let mut found: Vec<String> = leaks(audit).into_iter().collect();
    let mut add = |what: String, names: Vec<String>| {
        if !names.is_empty() {
            found.push(paragraph(&what, &names));
        }
    };
    let pairs = |pairs: &[&Pair]| pairs.iter().map(|pair| describe(pair)).collect::<Vec<_>>();
    let names = |named: &[Named]| named.iter().map(full_name).collect::<Vec<_>>();
    add(
        counted(
            num_others(conflicts.iter().copied()),
            "image has",
            "images have",
        ) + " two labels",
        pairs(&conflicts),
    );
    let unusable = audit
        .unusable
        .iter()
        .map(|s| format!("{}: {}", s.name, s.reason));
    add(
        counted(audit.unusable.len(), "file", "files") + " cannot be used",
        unusable.collect(),
    );
    add(
        counted(audit.blank.len(), "image has", "images have") + " one colour only",
        names(&audit.blank),
    );
    add(
        counted(num_others(within.iter().copied()), "image is", "images are") + " there twice",
        pairs(&within),
    );
    add(
        counted(audit.misnamed.len(), "file is", "files are")
            + " of another format than the name says",
        names(&audit.misnamed),
    );
    if let Some(deep) = audit.deep.filter(|_| !audit.narrow.is_empty()) {
        let what = counted(audit.narrow.len(), "image has", "images have");
        let range = deep.range().map_or([0, u16::MAX], |range| range.bounds());
        add(
            format!(
                "{what} 16 bits a channel, and those of training use the values {} to {} only, which become 0 to 255",
                range[0], range[1]
            ),
            names(&audit.narrow),
        );
    }
    found.extend(audit.warnings.iter().cloned());
    if let Some(ratio) = audit.imbalance() {
        let text = "the most frequent class of training is {} times as frequent as the rarest";
        found.push(text.replace("{}", &format!("{ratio:.1}")));
    }
    for (split, name) in audit.splits.iter().zip(SPLITS) {
        let unseen = split.num_samples - split.num_seen;
        if unseen > 0 {
            found.push(format!(
                "{unseen} images of {name} were not decoded: neither data.cache_memory nor \
                 data.cache_disk holds them; look-alikes were not looked for among them"
            ));
        }
    }
    found
}

fn table_as_json(audit: &Audit, table: &TableAudit) -> Value {
    let unusable = audit.unusable.iter();
    let pairs = |pairs: &[(String, String)], keys: [&str; 2]| -> Vec<Value> {
        let pairs = pairs.iter();
        pairs
            .map(|(one, other)| json!({keys[0]: one, keys[1]: other}))
            .collect()
    };
    let missing = table.missing.iter();
    let left_out = left_out_json(&audit.left_out);
    if !table.columns.is_empty() {
        let columns = table.columns.iter().map(|column| {
            json!({
                "name": column.name, "role": role(column), "values": column.values, "missing": column.missing,
            })
        });
        return json!({
            "rows": table.rows[0],
            "columns": columns.collect::<Vec<_>>(),
            "unclear": table.unclear,
            "repeated": table.num_repeated,
            "left_out": left_out,
        });
    }
    json!({
        "rows": {"train": table.rows[0], "valid": table.rows[1]},
        "leaks": table.num_shared,
        "is_leak": table.is_leak(),
        "shared": pairs(&table.shared, ["train", "valid"]),
        "repeated": table.num_repeated,
        "missing": missing.map(|(name, share)| json!({"column": name, "share": share})).collect::<Vec<_>>(),
        "not_used": pairs(&table.ignored, ["column", "reason"]),
        "gives_target_away": pairs(&table.leaked, ["column", "reason"]),
        "out_of_range": table.out_of_range,
        "unusable": unusable.map(|s| json!({"name": s.name, "reason": s.reason})).collect::<Vec<_>>(),
        "left_out": left_out,
    })
}

/// Rows of each split.
fn table_figures(audit: &TableAudit) -> String {
    if !audit.columns.is_empty() {
        return columns(audit);
    }
    let mut rows = table(&["", "train", "valid"], &[1, 2]);
    let [train, valid] = audit.rows.map(|count| grouped(count as u64));
    rows.add_row(vec!["rows".to_string(), train, valid]);
    print(&rows)
}

/// The rows of a single file, and the inferred role of each column; at most fifty columns.
fn columns(audit: &TableAudit) -> String {
    let mut columns = table(&["column", "role", "values", "missing"], &[2, 3]);
    for column in audit.columns.iter().take(COLUMNS_SHOWN) {
        columns.add_row(vec![
            column.name.clone(),
            role(column),
            column
                .values
                .map_or("many".into(), |count| grouped(count as u64)),
            grouped(column.missing as u64),
        ]);
    }
    let mut text = format!(
        "rows: {}\n\n{}",
        grouped(audit.rows[0] as u64),
        print(&columns)
    );
    if audit.columns.len() > COLUMNS_SHOWN {
        let more = audit.columns.len() - COLUMNS_SHOWN;
        text.push_str(&format!("and {more} more columns\n"));
    }
    text
}

fn role(column: &InspectedColumn) -> String {
    match &column.role {
        Ok((Role::Numeric, _)) => "numeric".into(),
        Ok((Role::Category, _)) => "category".into(),
        Ok((Role::Text, _)) => "text".into(),
        Ok((Role::Date, _)) => "date".into(),
        Ok((Role::Ignore, why)) => format!("ignored: {why}"),
        Err(_) => "unclear".into(),
    }
}

fn shared(audit: &TableAudit) -> String {
    let what = counted(audit.num_shared, "validation row is", "validation rows are");
    let pairs = audit.shared.iter();
    let pairs: Vec<String> = pairs
        .map(|(one, other)| format!("{other} is {one}"))
        .collect();
    let mut text = paragraph(&(what + " also in training"), &pairs);
    if audit.num_shared > pairs.len() {
        text.push_str(" (and others)");
    }
    text
}

/// The gravest first.
fn table_findings(audit: &Audit, table: &TableAudit) -> Vec<String> {
    let mut found = Vec::new();
    let mut add = |what: String, names: Vec<String>| {
        if !names.is_empty() {
            found.push(paragraph(&what, &names));
        }
    };
    let named = |pairs: &[(String, String)]| -> Vec<String> {
        let pairs = pairs.iter();
        pairs.map(|(name, why)| format!("{name}: {why}")).collect()
    };
    add(
        counted(table.leaked.len(), "column gives", "columns give") + " the target away",
        named(&table.leaked),
    );
    if !table.leaked.is_empty() {
        found.push(
            "a column may rightly say all of the target, so this is no failure; data.columns.NAME = \"ignore\" \
             leaves it out"
                .to_string(),
        );
    }
    let mut add = |what: String, names: Vec<String>| {
        if !names.is_empty() {
            found.push(paragraph(&what, &names));
        }
    };
    add(
        counted(table.unclear.len(), "column has", "columns have") + " odd values",
        table.unclear.clone(),
    );
    let unusable = audit.unusable.iter();
    add(
        counted(audit.unusable.len(), "row", "rows") + " cannot be used",
        unusable
            .map(|s| format!("{} {}", s.name, s.reason))
            .collect(),
    );
    add(
        "targets lie beyond those of training".into(),
        table.out_of_range.clone(),
    );
    let missing = table.missing.iter();
    add(
        counted(table.missing.len(), "column has", "columns have") + " missing values",
        missing
            .map(|(name, share)| format!("{name}: {:.1}% of the rows", 100.0 * share))
            .collect(),
    );
    add(
        counted(table.ignored.len(), "column is", "columns are") + " not used",
        named(&table.ignored),
    );
    if table.num_repeated > 0 {
        let [one, many] = match table.columns.is_empty() {
            true => ["training row is", "training rows are"],
            false => ["row is", "rows are"],
        };
        found.push(counted(table.num_repeated, one, many) + " there before");
    }
    if table.num_shared > 0 {
        found.insert(0, shared(table));
    }
    found
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        grouped(count as u64),
        if count == 1 { one } else { many }
    )
}

fn paragraph(what: &str, names: &[String]) -> String {
    let mut text = format!("{what}:");
    for name in names.iter().take(SHOWN) {
        text.push_str("\n  ");
        text.push_str(&visible(name));
    }
    if names.len() > SHOWN {
        text.push_str(&format!("\n  and {} more", names.len() - SHOWN));
    }
    text
}

fn full_name(named: &Named) -> String {
    format!("{}/{}", SPLITS[named.split.min(2)], named.name)
}

fn describe(pair: &Pair) -> String {
    let how = if pair.same_bytes {
        "the same file".to_string()
    } else {
        format!("looks the same, {:.1}%", 100.0 * pair.similarity)
    };
    format!(
        "{} = {} ({how})",
        full_name(&pair.one),
        full_name(&pair.other)
    )
}

/// Everything, as one object.
pub fn as_json(audit: &Audit) -> Value {
    if let Some(table) = &audit.table {
        return table_as_json(audit, table);
    }
    let named = |named: &Named| json!({"split": SPLITS[named.split.min(2)], "name": named.name, "class": audit.classes[named.class]});
    let all = |list: &[Named]| list.iter().map(named).collect::<Vec<_>>();
    let splits: serde_json::Map<String, Value> = audit
        .splits
        .iter()
        .zip(SPLITS)
        .map(|(split, name)| {
            let figures = json!({
                "samples": split.num_samples,
                "decoded": split.num_seen,
                "counts": split.counts,
                "height": split.heights,
                "width": split.widths,
                "grey": split.num_grey,
            });
            (name.to_string(), figures)
        })
        .collect();
    let pairs: Vec<Value> = audit
        .pairs
        .iter()
        .map(|pair| {
            json!({
                "one": named(&pair.one),
                "other": named(&pair.other),
                "same_bytes": pair.same_bytes,
                "similarity": pair.similarity,
                "leak": pair.is_leak(),
                "two_labels": pair.is_conflict(),
            })
        })
        .collect();
    let unusable = audit.unusable.iter();
    json!({
        "classes": audit.classes,
        "splits": splits,
        "leaks": audit.num_leaked(1) + audit.num_leaked(2),
        "two_labels": num_others(audit.conflicts()),
        "pairs": pairs,
        "unusable": unusable.map(|s| json!({"name": s.name, "reason": s.reason})).collect::<Vec<_>>(),
        "misnamed": all(&audit.misnamed),
        "blank": all(&audit.blank),
        "sixteen_bit": all(&audit.narrow),
        "sixteen_bit_range": audit.deep.and_then(|deep| deep.range()),
        "warnings": audit.warnings,
        "left_out": left_out_json(&audit.left_out),
        "imbalance": audit.imbalance(),
    })
}
