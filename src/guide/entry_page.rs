//! An entry of the reference as Markdown: its text, type, range, default and options.

use serde_json::{Value, json};

use super::entry::{Entry, alternatives, children};
use crate::config::describe;

impl Entry<'_> {
    /// What it does, its type, range and default, and its options.
    pub fn markdown(&self) -> String {
        let mut page = format!("# `{}`\n\n", self.path);
        page.push_str(&self.text.replace("\n# ", "\n## "));
        page.push_str("\n\n");
        if let Some(better) = self.node.get("x-metric").and_then(Value::as_str) {
            return page + better + "\n";
        }
        let options = children(self);
        let is_value = self.node.get("type").is_some() && self.node["type"] != "object"
            || self.node.get("enum").is_some()
            || alternatives(self.node).next().is_some() && options.is_empty();
        if is_value {
            page.push_str(&format!("**Value:** {}.", describe(self.node)));
            match self.node.get("default") {
                Some(default) if !default.is_null() => {
                    page.push_str(&format!(" **Default:** `{}`.", toml(default)))
                }
                _ if self.required => page.push_str(" Required."),
                _ => {}
            }
            page.push_str("\n\n");
        }
        if let Some(example) = self.example() {
            page.push_str(&format!("```toml\n{example}\n```\n\n"));
        }
        if !options.is_empty() {
            page.push_str(&table(&options));
        }
        page
    }

    /// What `--json` prints.
    pub fn json(&self) -> Value {
        json!({"path": self.path, "required": self.required, "schema": self.node})
    }

    /// How a member of a family is written in the experiment, with the options that it cannot do without.
    fn example(&self) -> Option<String> {
        let (family, name) = self.path.rsplit_once('.')?;
        let families = [
            "model.layers",
            "train.loss",
            "train.optimizer",
            "train.schedule",
        ];
        if !families.contains(&family) {
            return None;
        }
        let required = children(self).into_iter().filter(|option| option.required);
        let written: Vec<String> = required
            .map(|option| format!("{} = {}", last(&option.path), sample(option.node)))
            .collect();
        let spec = match written.as_slice() {
            [] => format!("{{ {name} = {{}} }}"),
            written => format!("{{ {name} = {{ {} }} }}", written.join(", ")),
        };
        let (_, key) = family.rsplit_once('.').unwrap_or(("", family));
        Some(match key {
            "layers" => format!("layers = [{spec}]"),
            key => format!("{key} = {spec}"),
        })
    }
}

/// A value that fits a schema, to show how it is written.
pub fn sample(node: &Value) -> String {
    if let Some(default) = node.get("default").filter(|default| !default.is_null()) {
        return toml(default);
    }
    if let Some(first) = alternatives(node).next() {
        return sample(first);
    }
    match node.get("type").and_then(Value::as_str) {
        Some("integer") => node
            .get("minimum")
            .and_then(Value::as_u64)
            .unwrap_or(1)
            .max(8)
            .to_string(),
        Some("number") => "0.1".to_string(),
        Some("boolean") => "true".to_string(),
        Some("array") => "[...]".to_string(),
        _ => "...".to_string(),
    }
}

fn first_paragraph(text: &str) -> String {
    let first = text.split("\n\n").next().unwrap_or_default();
    first.replace('\n', " ")
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn table(entries: &[Entry<'_>]) -> String {
    let members = entries
        .iter()
        .all(|entry| entry.node.get("default").is_none() && !entry.required);
    let members = members
        && entries
            .iter()
            .any(|entry| entry.node.get("properties").is_some());
    let mut out = match members {
        true => "| name | what it is |\n|---|---|\n".to_string(),
        false => "| key | value | default | what it is |\n|---|---|---|---|\n".to_string(),
    };
    for entry in entries {
        let text = cell(&first_paragraph(entry.text));
        let name = last(&entry.path);
        if members {
            out.push_str(&format!("| {name} | {text} |\n"));
            continue;
        }
        let default = match entry.node.get("default") {
            Some(Value::Null) | None if entry.required => "required".to_string(),
            Some(Value::Null) | None => String::new(),
            Some(default) => toml(default),
        };
        let value = cell(&short(&describe(entry.node)));
        out.push_str(&format!(
            "| {name} | {value} | {} | {text} |\n",
            cell(&default)
        ));
    }
    out
}

/// The description of a value, without the names of a long list.
pub fn short(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", text[..end].trim_end()),
        None => text.to_string(),
    }
}

/// As a cell of a table in Markdown holds it.
pub fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// A default as it is written in an experiment.
pub fn toml(value: &Value) -> String {
    match value {
        Value::Object(table) => {
            let pairs: Vec<String> = table
                .iter()
                .map(|(key, value)| format!("{key} = {}", toml(value)))
                .collect();
            match pairs.as_slice() {
                [] => "{}".to_string(),
                pairs => format!("{{ {} }}", pairs.join(", ")),
            }
        }
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(toml).collect::<Vec<_>>().join(", ")
        ),
        other => other.to_string(),
    }
}
