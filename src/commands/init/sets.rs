//! `kiln init --set`: keys that override those of the starter, among them the layout of a table.

use std::collections::BTreeSet;

use anyhow::{Context, anyhow, bail};
use serde_json::{Map, Value as Json};
use toml_edit::{DocumentMut, Item, Table, Value};

use crate::config::{Path, Step};
use crate::data::table::{Layout, Role};

/// Keys of `[data]` for the layout of a table.
const LAYOUT: [&str; 9] = [
    "delimiter",
    "quote",
    "header",
    "encoding",
    "decimal",
    "missing",
    "comment",
    "missing_in",
    "formats",
];

/// One `KEY=VALUE`; the value is TOML where it parses as such, else a plain string.
fn parse(flag: &str) -> anyhow::Result<(Vec<String>, Value)> {
    let (key, text) = flag
        .split_once('=')
        .ok_or_else(|| anyhow!("--set {flag} has no `=`, expected KEY=VALUE"))?;
    let steps = Path::parse(key.trim())
        .0
        .into_iter()
        .map(|step| match step {
            Step::Key(key) => Ok(key),
            Step::Index(_) => {
                bail!("--set {flag}: `kiln init` sets whole keys, not items of lists")
            }
        });
    let steps: Vec<String> = steps.collect::<anyhow::Result<_>>()?;
    if steps.is_empty() {
        bail!("--set {flag} has no key, expected KEY=VALUE");
    }
    let value = text
        .trim()
        .parse::<Value>()
        .unwrap_or_else(|_| Value::from(text));
    Ok((steps, value))
}

/// The layout given by the flags, and the names of the keys that they set.
///
/// # Errors
/// A flag that is no `KEY=VALUE`, a value that the layout does not know.
pub fn layout(
    flags: &[String],
    header: Option<bool>,
) -> anyhow::Result<(Layout, BTreeSet<String>)> {
    let mut said = Map::new();
    let mut given = BTreeSet::new();
    for flag in flags {
        let (steps, value) = parse(flag)?;
        let [data, key, rest @ ..] = &steps[..] else {
            continue;
        };
        if data != "data" || !LAYOUT.contains(&&**key) {
            continue;
        }
        given.insert(key.clone());
        let value = json(&value);
        match rest {
            [] => said.insert(key.clone(), value),
            [column] => match said
                .entry(key.clone())
                .or_insert_with(|| Json::Object(Map::new()))
            {
                Json::Object(columns) => columns.insert(column.clone(), value),
                _ => bail!("--set {flag}: data.{key} is given whole by another --set"),
            },
            _ => bail!("--set {flag}: data.{key} has no keys so deep"),
        };
    }
    if let Some(header) = header {
        said.insert("header".to_string(), Json::Bool(header));
        given.insert("header".to_string());
    }
    let layout = serde_json::from_value(Json::Object(said));
    let layout = layout.map_err(|error| anyhow!("--set data: {error}"))?;
    Ok((layout, given))
}

/// The keys of `[data]` that the flags set.
///
/// # Errors
/// A flag that is no `KEY=VALUE`.
pub fn data(flags: &[String]) -> anyhow::Result<Map<String, Json>> {
    let mut said = Map::new();
    for flag in flags {
        let (steps, value) = parse(flag)?;
        if let [data, key] = &steps[..]
            && data == "data"
        {
            said.insert(key.clone(), json(&value));
        }
    }
    Ok(said)
}

/// The column roles that the flags set.
///
/// # Errors
/// A flag that is no `KEY=VALUE`.
pub fn roles(flags: &[String]) -> anyhow::Result<Vec<(String, Role)>> {
    let mut roles = Vec::new();
    for flag in flags {
        let (steps, value) = parse(flag)?;
        let role = serde_json::from_value(json(&value));
        if let ([data, columns, name], Ok(role)) = (&steps[..], role)
            && data == "data"
            && columns == "columns"
        {
            roles.push((name.clone(), role));
        }
    }
    Ok(roles)
}

fn json(value: &Value) -> Json {
    match value {
        Value::String(text) => Json::from(text.value().as_str()),
        Value::Integer(number) => Json::from(*number.value()),
        Value::Float(number) => Json::from(*number.value()),
        Value::Boolean(value) => Json::from(*value.value()),
        Value::Datetime(moment) => Json::from(moment.value().to_string()),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::InlineTable(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (key.to_string(), json(value)));
            Json::Object(entries.collect())
        }
    }
}

/// The starter with the keys that the flags set.
///
/// # Errors
/// A flag that is no `KEY=VALUE`, or that sets a key below one that is no table.
pub fn apply(text: &str, flags: &[String]) -> anyhow::Result<String> {
    if flags.is_empty() {
        return Ok(text.to_string());
    }
    let mut document: DocumentMut = text
        .parse()
        .context("the starter is no TOML; please report it")?;
    for flag in flags {
        let (steps, mut value) = parse(flag)?;
        let Some((last, before)) = steps.split_last() else {
            continue;
        };
        let mut table: &mut dyn toml_edit::TableLike = document.as_table_mut();
        for step in before {
            let item = table
                .entry(step)
                .or_insert_with(|| Item::Table(Table::new()));
            table = item
                .as_table_like_mut()
                .ok_or_else(|| anyhow!("--set {flag}: {step} is no table"))?;
        }
        // The comment behind the key stays.
        if let Some(old) = table.get(last).and_then(Item::as_value) {
            *value.decor_mut() = old.decor().clone();
        }
        table.insert(last, Item::Value(value));
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(flags: &[&str]) -> Vec<String> {
        flags.iter().map(|flag| (*flag).to_string()).collect()
    }

    #[test]
    fn keys_are_set_and_comments_stay() {
        let text = "name = \"x\"\n\n[train]\nepochs = 30 # many\n";
        let sets = flags(&["train.epochs=5", "data.encoding=latin1"]);
        let text = apply(text, &sets).expect("applied");
        assert!(text.contains("epochs = 5 # many"), "{text}");
        assert!(text.contains("[data]\nencoding = \"latin1\""), "{text}");
        assert!(apply("a = 1", &flags(&["a.b=2"])).is_err());
        assert!(apply("a = 1", &flags(&["a"])).is_err());
    }

    #[test]
    fn a_layout_is_what_the_flags_say() {
        let sets = flags(&[
            "data.delimiter=;",
            "data.missing_in.age=[\"-9\"]",
            "train.epochs=3",
        ]);
        let (layout, given) = layout(&sets, Some(false)).expect("a layout");
        assert!(!layout.header && layout.missing_in["age"] == ["-9"]);
        assert_eq!(
            given.into_iter().collect::<Vec<_>>(),
            ["delimiter", "header", "missing_in"]
        );
        assert!(super::layout(&flags(&["data.header=maybe"]), None).is_err());
    }
}
