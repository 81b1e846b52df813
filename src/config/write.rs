//! Writes an experiment as readable TOML that can be loaded again.

use serde_json::{Map, Value};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value as TomlValue, value};

use super::experiment::Experiment;

/// The experiment as TOML: one key per line, one layer per line.
pub fn to_toml(experiment: &Experiment) -> String {
    let json = serde_json::to_value(experiment).unwrap_or_default();
    let mut document = DocumentMut::new();
    let empty = Map::new();
    for (key, part) in json.as_object().unwrap_or(&empty) {
        match part {
            Value::Object(entries) if entries.is_empty() => {}
            Value::Object(entries) => {
                document.insert(key, Item::Table(section(entries)));
            }
            other => {
                document.insert(key, value(to_value(other)));
            }
        }
    }
    document.to_string()
}

fn section(entries: &Map<String, Value>) -> Table {
    let mut table = Table::new();
    for (key, entry) in entries.iter().filter(|(_, entry)| !entry.is_null()) {
        let mut item = to_value(entry);
        if let (true, TomlValue::Array(list)) = (has_tables(entry), &mut item) {
            for element in list.iter_mut() {
                element.decor_mut().set_prefix("\n  ");
            }
            list.set_trailing("\n");
            list.set_trailing_comma(true);
        }
        table.insert(key, value(item));
    }
    table
}

fn has_tables(entry: &Value) -> bool {
    matches!(entry, Value::Array(items) if items.iter().any(Value::is_object))
}

fn to_value(json: &Value) -> TomlValue {
    match json {
        Value::Null => TomlValue::from(""),
        Value::Bool(flag) => TomlValue::from(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => TomlValue::from(integer),
            None => TomlValue::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => TomlValue::from(text.as_str()),
        Value::Array(items) => TomlValue::Array(items.iter().map(to_value).collect::<Array>()),
        Value::Object(entries) => TomlValue::InlineTable(
            entries
                .iter()
                .filter(|(_, entry)| !entry.is_null())
                .map(|(key, entry)| (key.as_str(), to_value(entry)))
                .collect::<InlineTable>(),
        ),
    }
}
