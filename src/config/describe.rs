//! Describes JSON schemas in words, for messages.

use serde_json::Value;

/// The schemas of `anyOf` or `oneOf`.
pub fn alternatives(schema: &Value) -> Option<&Vec<Value>> {
    schema
        .get("anyOf")
        .or_else(|| schema.get("oneOf"))
        .and_then(Value::as_array)
}

/// The names that a schema allows.
pub fn names_of(schema: &Value) -> Vec<&str> {
    if let Some(options) = alternatives(schema) {
        return options.iter().flat_map(names_of).collect();
    }
    let listed = schema.get("enum").and_then(Value::as_array);
    listed
        .into_iter()
        .flatten()
        .chain(schema.get("const"))
        .filter_map(Value::as_str)
        .collect()
}

/// Whether only names are allowed.
fn is_names(schema: &Value) -> bool {
    match alternatives(schema) {
        Some(options) => options
            .iter()
            .all(|option| is_names(option) || types(option) == ["null"]),
        None => !names_of(schema).is_empty(),
    }
}

/// The JSON types that a schema allows; empty where it allows any.
pub fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A value as the user wrote it, shortened.
pub fn show(value: &Value) -> String {
    match value {
        Value::Object(_) => "a table".to_string(),
        Value::Array(items) => format!("a list of {}", items.len()),
        other => {
            let text = other.to_string();
            if text.chars().count() <= 60 {
                return text;
            }
            format!("{}...", text.chars().take(60).collect::<String>())
        }
    }
}

/// What a schema expects, in words.
pub fn describe(schema: &Value) -> String {
    if let Some(only) = schema.get("const") {
        return show(only);
    }
    if let Some(options) = schema.get("enum").and_then(Value::as_array) {
        let names: Vec<String> = options.iter().filter(|o| !o.is_null()).map(show).collect();
        return format!("one of {}", names.join(", "));
    }
    if let Some(options) = alternatives(schema) {
        let options = options.iter().filter(|option| types(option) != ["null"]);
        let names = options.clone().filter(|option| is_names(option));
        let names: Vec<&str> = names.flat_map(names_of).collect();
        let listed = names.len() > 2;
        let mut words = Vec::new();
        if listed {
            let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
            words.push(format!("one of {}", names.join(", ")));
        }
        for option in options.filter(|option| !(listed && is_names(option))) {
            let word = describe(option);
            if !words.contains(&word) {
                words.push(word);
            }
        }
        return words.join(" or ");
    }
    let range = describe_range(schema);
    match types(schema).first() {
        Some(&"integer") => format!("an integer{range}"),
        Some(&"number") => format!("a number{range}"),
        Some(&"string") => "a string".to_string(),
        Some(&"boolean") => "true or false".to_string(),
        Some(&"object") => "a table".to_string(),
        Some(&"array") => describe_list(schema),
        _ => "another value".to_string(),
    }
}

fn describe_range(schema: &Value) -> String {
    let bound = |key: &str| {
        schema
            .get(key)
            .and_then(Value::as_f64)
            .map(|n| n.to_string())
    };
    let low = bound("minimum")
        .map(|n| format!("of at least {n}"))
        .or_else(|| bound("exclusiveMinimum").map(|n| format!("above {n}")));
    let high = bound("maximum")
        .map(|n| format!("at most {n}"))
        .or_else(|| bound("exclusiveMaximum").map(|n| format!("below {n}")));
    match (low, high) {
        (Some(low), Some(high)) => format!(" {low} and {high}"),
        (Some(low), None) => format!(" {low}"),
        (None, Some(high)) => format!(" {high}"),
        (None, None) => String::new(),
    }
}

fn describe_list(schema: &Value) -> String {
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
    let count = match (bound("minItems"), bound("maxItems")) {
        (Some(min), Some(max)) if min == max => format!("a list of {min}"),
        (Some(min), Some(max)) => format!("a list of {min} to {max}"),
        (Some(min), None) => format!("a list of at least {min}"),
        (None, Some(max)) => format!("a list of at most {max}"),
        (None, None) => "a list".to_string(),
    };
    match schema.get("items").map(describe) {
        Some(item) => format!("{count} (each {item})"),
        None => count,
    }
}
