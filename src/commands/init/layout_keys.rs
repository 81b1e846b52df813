//! Writes the keys of a table's layout that differ from the defaults, as TOML.

use std::collections::BTreeSet;

use super::words::quoted;
use crate::data::table::Layout;

/// The keys of a layout that are not the usual ones, and the tables among them.
pub(super) fn layout_keys(
    layout: &Layout,
    given: &BTreeSet<String>,
    nominal: bool,
) -> (String, String) {
    let (usual, layout) = (to_json(&Layout::default()), to_json(layout));
    let (mut keys, mut tables) = (String::new(), String::new());
    if nominal {
        keys.push_str("task = \"classification\"          # the file lists the classes\n");
    }
    let remarks = [
        (
            "header",
            "the first line is a row; columns are called column_1, column_2, ...",
        ),
        ("delimiter", "between two fields"),
        ("quote", "what stands around fields: nothing"),
        ("encoding", "the text is not UTF-8"),
        ("comment", "lines that begin with it are no rows"),
    ];
    for (key, value) in &layout {
        let said = given.contains(key);
        if let serde_json::Value::Object(entries) = value {
            let remark = match key.as_str() {
                "formats" => "how fields are written that are no plain numbers",
                _ => "fields that stand for a missing value",
            };
            tables.push_str(&format!("{:<33}# {remark}\n", format!("[data.{key}]")));
            for (column, value) in entries {
                let column = toml_edit::Key::new(column).display_repr().into_owned();
                tables.push_str(&format!("{column} = {}\n", to_toml(value)));
            }
            tables.push('\n');
        } else if usual.get(key) != Some(value) || said {
            let remark = remarks.iter().find(|(name, _)| name == key);
            let line = format!("{key} = {}", to_toml(value));
            keys.push_str(&match remark {
                Some((_, remark)) if usual.get(key) != Some(value) => {
                    format!("{line:<33}# {remark}\n")
                }
                _ => format!("{line}\n"),
            });
        }
    }
    (keys, tables)
}

pub(super) fn to_json(layout: &Layout) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(layout) {
        Ok(serde_json::Value::Object(keys)) => keys,
        _ => serde_json::Map::new(),
    }
}

pub(super) fn to_toml(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => quoted(text),
        serde_json::Value::Array(items) => {
            let items: Vec<String> = items.iter().map(to_toml).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}
