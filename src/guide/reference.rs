//! The reference of every key, layer, loss, optimizer, schedule, augmentation, initializer, activation and metric, as
//! Markdown. It is read out of the JSON schema, which holds the docstrings, types, ranges and defaults of the code: there
//! is no second list.

use serde_json::{Map, Value, json};

use super::schema::experiment_schema;
use crate::config::{describe, schema_of};
use crate::metrics::regression::REGRESSION_METRICS;
use crate::metrics::{LABEL_METRICS, METRICS};
use crate::model::{Activation, Init};

/// Everything that `kiln guide` can explain beside its pages.
pub struct Reference {
    root: Value,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<'a> {
    /// Where it stands: `train.optimizer.adam`.
    pub path: String,
    node: &'a Value,
    /// Its docstring.
    text: &'a str,
    required: bool,
    /// Whether the node is taken as the table that it is, although it is the schema of a `data.kind`.
    is_kind: bool,
}

/// Families by a name that is not the path of their key.
const GROUPS: [(&str, &str); 4] = [
    ("layers", "model.layers"),
    ("losses", "train.loss"),
    ("optimizers", "train.optimizer"),
    ("schedules", "train.schedule"),
];

impl Default for Reference {
    fn default() -> Self {
        let mut root = experiment_schema();
        root["properties"]["activations"] = named(schema_of::<Activation>(), "activation");
        root["properties"]["initializers"] = named(schema_of::<Init>(), "weight_init");
        root["properties"]["metrics"] = metrics();
        Reference { root }
    }
}

/// A schema of names under a description that says where they are used.
fn named(mut schema: Value, option: &str) -> Value {
    schema["description"] = json!(format!(
        "What the option `{option}` of layers takes: a name, or a table with options."
    ));
    schema
}

fn metrics() -> Value {
    let mut all = Map::new();
    let classes = METRICS
        .iter()
        .map(|m| (m.name, m.about, m.higher_is_better));
    let labels = LABEL_METRICS
        .iter()
        .map(|m| (m.name, m.about, m.higher_is_better));
    let numbers = REGRESSION_METRICS
        .iter()
        .map(|m| (m.name, m.about, m.higher_is_better));
    let tasks = [
        ("classes", Vec::from_iter(classes)),
        ("multi-label", Vec::from_iter(labels)),
        ("regression", Vec::from_iter(numbers)),
    ];
    for (task, metrics) in tasks {
        for (name, about, higher) in metrics {
            let better = if higher {
                "Higher is better."
            } else {
                "Lower is better."
            };
            let text = format!("Of {task}: {about}");
            let entry = all
                .entry(name)
                .or_insert_with(|| json!({"x-metric": better, "description": ""}));
            let before = entry["description"].as_str().unwrap_or_default();
            let gap = if before.is_empty() { "" } else { " " };
            entry["description"] = json!(format!("{before}{gap}{text}"));
        }
    }
    json!({
        "description": "Figures of a split: `valid_NAME` in `history.jsonl` and as `train.monitor`; with several heads \
                        `valid_HEAD_NAME`.",
        "properties": all,
    })
}

impl Reference {
    /// What stands at a path of the experiment (`train.optimizer.adam.beta1`), or has that name anywhere (`adam`,
    /// `conv2d`, `f1`, `valid_f1`): the entries with the shortest path first. Empty where there is nothing.
    pub fn find(&self, name: &str) -> Vec<Entry<'_>> {
        let name = strip_indices(name.trim());
        let group = GROUPS.iter().find(|(group, _)| *group == name);
        let path = group.map_or(name.as_str(), |(_, path)| path);
        if let Some(entry) = self.at(path) {
            return vec![entry];
        }
        let metric = name.strip_prefix("valid_").or(name.strip_prefix("train_"));
        if let Some(entry) = metric.and_then(|metric| self.at(&format!("metrics.{metric}"))) {
            return vec![entry];
        }
        let suffix = format!(".{name}");
        let mut found: Vec<Entry<'_>> = self.all();
        found.retain(|entry| entry.path.ends_with(&suffix));
        let depth = |entry: &Entry<'_>| entry.path.matches('.').count();
        found.sort_by_key(depth);
        // A name of a family is that member; an option that many members have is shown for each.
        if let Some(first) = found.first().map(depth) {
            found.retain(|entry| depth(entry) == first);
        }
        found
    }

    /// The name nearest to one that is not known.
    pub fn nearest(&self, name: &str) -> Option<String> {
        let entries = self.all();
        let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_string();
        let names = entries
            .iter()
            .flat_map(|entry| [entry.path.clone(), last(&entry.path)]);
        let topics = super::TOPICS.iter().map(|topic| topic.name.to_string());
        names
            .chain(topics)
            .map(|known| (strsim::jaro_winkler(name, &known), known))
            .filter(|(score, _)| *score > 0.8)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, known)| known)
    }

    fn at(&self, path: &str) -> Option<Entry<'_>> {
        let start = Entry {
            path: String::new(),
            node: &self.root,
            text: "",
            required: false,
            is_kind: false,
        };
        path.split('.')
            .try_fold(start, |entry, segment| child(&entry, segment))
    }

    /// Every entry, those above before those below.
    fn all(&self) -> Vec<Entry<'_>> {
        let mut all = vec![Entry {
            path: String::new(),
            node: &self.root,
            text: "",
            required: false,
            is_kind: false,
        }];
        let mut next = 0;
        while next < all.len() {
            let more = children(&all[next]);
            all.extend(more);
            next += 1;
        }
        all.remove(0);
        all
    }
}

/// `model.layers[2].conv2d` is explained as `model.layers.conv2d`.
fn strip_indices(path: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

fn child<'a>(entry: &Entry<'a>, segment: &str) -> Option<Entry<'a>> {
    let all = children(entry);
    let name = |entry: &Entry<'_>| entry.path.rsplit('.').next().map(str::to_string);
    all.into_iter()
        .find(|entry| name(entry).as_deref() == Some(segment))
}

/// The keys of a table, the members of a family, the names that a value can be.
fn children<'a>(entry: &Entry<'a>) -> Vec<Entry<'a>> {
    let mut found = Vec::new();
    if entry.is_kind {
        properties(entry.node, &entry.path, &mut found);
    } else {
        collect(entry.node, &entry.path, &mut found);
    }
    let mut seen: Vec<String> = Vec::new();
    found.retain(|child: &Entry<'_>| {
        let new = !seen.contains(&child.path);
        seen.push(child.path.clone());
        new
    });
    found
}

fn docstring(node: &Value) -> &str {
    let text = node.get("description").and_then(Value::as_str);
    text.unwrap_or_default()
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_string(),
        path => format!("{path}.{name}"),
    }
}

fn properties<'a>(node: &'a Value, path: &str, found: &mut Vec<Entry<'a>>) {
    let required = node.get("required").and_then(Value::as_array);
    let properties = node.get("properties").and_then(Value::as_object);
    // A variant with options: the docstring stands at the table around them.
    let around = properties.filter(|properties| properties.len() == 1);
    let around = around.map_or("", |_| docstring(node));
    for (name, node) in properties.into_iter().flatten() {
        let own = docstring(node);
        found.push(Entry {
            path: join(path, name),
            node,
            text: if own.is_empty() { around } else { own },
            required: required.is_some_and(|listed| listed.iter().any(|key| key == name)),
            is_kind: false,
        });
    }
}

fn collect<'a>(node: &'a Value, path: &str, found: &mut Vec<Entry<'a>>) {
    if let Some(kind) = kind_of(node) {
        found.push(Entry {
            path: join(path, kind),
            node,
            text: docstring(node),
            required: false,
            is_kind: true,
        });
        return;
    }
    properties(node, path, found);
    for alternative in alternatives(node) {
        let names = names_of(alternative);
        if names.is_empty() {
            collect(alternative, path, found);
        }
        found.extend(names.into_iter().map(|name| Entry {
            path: join(path, name),
            node: alternative,
            text: docstring(alternative),
            required: false,
            is_kind: false,
        }));
    }
    if let Some(items) = node.get("items") {
        collect(items, path, found);
    }
    let free = node.get("additionalProperties");
    if let Some(more) = free.filter(|more| more.is_object()) {
        collect(more, &join(path, "NAME"), found);
    }
}

/// The names that a variant without options goes by; none of a bare list of a family's names.
fn names_of(node: &Value) -> Vec<&str> {
    let only = node.get("const").and_then(Value::as_str);
    let listed = node.get("enum").and_then(Value::as_array);
    let listed = listed.filter(|_| !docstring(node).is_empty());
    let listed = listed.into_iter().flatten().filter_map(Value::as_str);
    only.into_iter().chain(listed).collect()
}

/// The `data.kind` that a schema of options is of.
fn kind_of(node: &Value) -> Option<&str> {
    node.pointer("/properties/kind/const")?.as_str()
}

fn alternatives(node: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["anyOf", "oneOf"]
        .into_iter()
        .filter_map(|key| node.get(key));
    lists.filter_map(Value::as_array).flatten()
}

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
fn sample(node: &Value) -> String {
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
fn short(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", text[..end].trim_end()),
        None => text.to_string(),
    }
}

/// As a cell of a table in Markdown holds it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// A default as the experiment says it.
fn toml(value: &Value) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::SOURCES;
    use crate::model::{LAYERS, LOSSES};
    use crate::train::{OPTIMIZERS, SCHEDULES};

    fn only(name: &str) -> String {
        let reference = Reference::default();
        let found = reference.find(name);
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        found[0].markdown()
    }

    #[test]
    fn a_path_shows_type_range_default_and_text() {
        let page = only("train.optimizer.adam.beta1");
        assert!(page.starts_with("# `train.optimizer.adam.beta1`"), "{page}");
        assert!(
            page.contains("a number of at least 0 and below 1"),
            "{page}"
        );
        assert!(page.contains("**Default:** `0.9`"), "{page}");
        let page = only("model.layers[3].dense");
        assert!(
            page.contains("layers = [{ dense = { units = 8 } }]"),
            "{page}"
        );
        assert!(
            page.contains("| units | an integer of at least 1 | required |"),
            "{page}"
        );
        assert!(only("data.csv.target").contains("data.csv.target"));
        assert!(only("train.early_stopping").contains("patience"));
    }

    #[test]
    fn every_member_of_every_family_is_found_by_its_name_alone() {
        let reference = Reference::default();
        let names = |family: &[&str]| family.iter().map(|n| n.to_string()).collect::<Vec<_>>();
        let mut all = names(&LAYERS.iter().map(|m| m.name).collect::<Vec<_>>());
        all.extend(LOSSES.iter().map(|m| m.name.to_string()));
        all.extend(OPTIMIZERS.iter().map(|m| m.name.to_string()));
        all.extend(SCHEDULES.iter().map(|m| m.name.to_string()));
        all.extend(SOURCES.iter().map(|m| m.name.to_string()));
        all.extend(METRICS.iter().map(|m| m.name.to_string()));
        all.extend(
            [
                "relu",
                "glorot_uniform",
                "mixup",
                "random_erasing",
                "r2",
                "exact_match",
            ]
            .map(String::from),
        );
        for name in all {
            let found = reference.find(&name);
            let text = found.first().map_or("", |entry| entry.text);
            assert!(text.len() > 2, "{name}");
        }
        for group in [
            "layers",
            "losses",
            "optimizers",
            "schedules",
            "augment",
            "metrics",
            "data",
            "initializers",
            "activations",
        ] {
            assert!(only(group).lines().count() > 6, "{group}");
        }
        assert_eq!(reference.find("valid_f1")[0].path, "metrics.f1");
    }

    #[test]
    fn every_key_has_a_docstring_and_an_unknown_one_a_neighbour() {
        let reference = Reference::default();
        let bare: Vec<String> = reference
            .all()
            .into_iter()
            .filter(|entry| entry.text.is_empty() && !entry.path.ends_with(".kind"))
            .map(|entry| entry.path)
            .collect();
        assert!(bare.is_empty(), "without a docstring: {bare:?}");
        assert_eq!(
            reference.nearest("lerning_rate").as_deref(),
            Some("learning_rate")
        );
        assert_eq!(reference.nearest("zzzz"), None);
    }
}
