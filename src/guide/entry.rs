//! Entries of the reference: what a node of the JSON schema is called, and what is below it.

use serde_json::Value;

/// Something that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<'a> {
    /// Its path: `train.optimizer.adam`.
    pub path: String,
    pub(super) node: &'a Value,
    /// Its docstring.
    pub(super) text: &'a str,
    pub(super) required: bool,
    /// Whether the node is taken as the table that it is, although it is the schema of a `data.kind`.
    pub(super) is_kind: bool,
}

/// The entry called `segment` below another.
pub fn child<'a>(entry: &Entry<'a>, segment: &str) -> Option<Entry<'a>> {
    let all = children(entry);
    let name = |entry: &Entry<'_>| entry.path.rsplit('.').next().map(str::to_string);
    all.into_iter()
        .find(|entry| name(entry).as_deref() == Some(segment))
}

/// The keys of a table, the members of a family, the names that a value can be.
pub fn children<'a>(entry: &Entry<'a>) -> Vec<Entry<'a>> {
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
pub fn names_of(node: &Value) -> Vec<&str> {
    let only = node.get("const").and_then(Value::as_str);
    let listed = node.get("enum").and_then(Value::as_array);
    let listed = listed.filter(|_| !docstring(node).is_empty());
    let listed = listed.into_iter().flatten().filter_map(Value::as_str);
    only.into_iter().chain(listed).collect()
}

/// The `data.kind` that a schema of options is of.
pub fn kind_of(node: &Value) -> Option<&str> {
    node.pointer("/properties/kind/const")?.as_str()
}

/// The schemas of `anyOf` and `oneOf`.
pub fn alternatives(node: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["anyOf", "oneOf"]
        .into_iter()
        .filter_map(|key| node.get(key));
    lists.filter_map(Value::as_array).flatten()
}
