//! Enum values that are chosen by name, with or without options: `"elu"` or `{ elu = { alpha = 1.5 } }`; and aliases from
//! other libraries.

use schemars::Schema;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};

/// Reads a name alone as the name with every option at its default, where the variant has options.
pub fn by_name<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    read: fn(Value) -> Result<T, serde_json::Error>,
) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let read_bare = |error| match &value {
        Value::String(name) => read(json!({ (name): {} })).map_err(|_| error),
        _ => Err(error),
    };
    read(value.clone())
        .or_else(read_bare)
        .map_err(de::Error::custom)
}

/// Adds to a schema of variants the names of those that need no options.
pub fn bare_names(schema: &mut Schema) {
    let Some(variants) = variants(schema) else {
        return;
    };
    let bare: Vec<Value> = variants.iter().filter_map(bare_name).collect();
    variants.extend(bare);
}

/// The name of a variant with options of which none is required, as an alternative.
fn bare_name(variant: &Value) -> Option<Value> {
    let (name, options) = variant.get("properties")?.as_object()?.iter().next()?;
    let about = variant.get("description").cloned().unwrap_or_default();
    let optional = options.get("required").is_none();
    optional.then(|| json!({"description": about, "type": "string", "const": name}))
}

/// Lets a schema of variants accept other names for some of them: (name, other name).
pub fn other_names(schema: &mut Schema, names: &[(&str, &str)]) {
    for variant in variants(schema).into_iter().flatten() {
        let Some(name) = variant.get("const").and_then(Value::as_str) else {
            continue;
        };
        let others = names.iter().filter(|(of, _)| *of == name);
        let all: Vec<&str> = std::iter::once(name)
            .chain(others.map(|(_, other)| *other))
            .collect();
        if all.len() > 1 {
            let all = json!(all);
            let variant = variant.as_object_mut();
            variant.map(|variant| (variant.remove("const"), variant.insert("enum".into(), all)));
        }
    }
}

fn variants(schema: &mut Schema) -> Option<&mut Vec<Value>> {
    schema.get_mut("oneOf")?.as_array_mut()
}
