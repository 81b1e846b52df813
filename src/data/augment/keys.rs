//! The keys of `[augment]`: those of the family and a few more.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::mix::{Cutmix, Mixup};
use super::{AUGMENTS, FillMode, Preset, fill};
use crate::config::{Fault, Path, schema_of, unknown_key, validate};

/// Whether a value switches its key off.
pub fn is_off(value: &Value) -> bool {
    *value == Value::Bool(false)
}

/// The options of a member: `true` stands for all its defaults where it has some.
pub fn options(value: &Value, schema: &Value) -> Value {
    if *value == Value::Bool(true) && schema["type"] == "object" {
        return json!({});
    }
    value.clone()
}

/// Checks names and values.
///
/// # Errors
/// Unknown keys and impossible values.
pub fn check_keys(table: &BTreeMap<String, Value>, path: &Path) -> Result<(), Vec<Fault>> {
    let known: serde_json::Map<String, Value> = keys().into_iter().collect();
    let mut faults = Vec::new();
    for (key, value) in table {
        match known.get(key) {
            Some(_) if is_off(value) => {}
            Some(schema) => {
                let options = options(value, schema);
                faults.extend(validate(&options, schema, &path.key(key)));
            }
            None => faults.push(unknown_key(key, &known, path)),
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// Every key of `[augment]` with its schema.
pub fn keys() -> Vec<(String, Value)> {
    let mut keys = vec![("preset".to_string(), schema_of::<Preset>())];
    keys.extend(
        AUGMENTS
            .iter()
            .map(|member| (member.name.to_string(), (member.schema)())),
    );
    keys.push(("mixup".to_string(), schema_of::<Mixup>()));
    keys.push(("cutmix".to_string(), schema_of::<Cutmix>()));
    keys.push(("fill".to_string(), schema_of::<FillMode>()));
    keys.push(("fill_value".to_string(), schema_of::<fill::FillValue>()));
    keys
}

/// The JSON schema of `[augment]`.
pub fn schema() -> Value {
    let or_off = |(key, schema): (String, Value)| {
        let switch = match schema["type"].as_str() {
            Some("boolean") => return (key, schema),
            Some("object") => json!({"type": "boolean"}),
            _ => json!({"const": false}),
        };
        let description = schema["description"].clone();
        let both = json!({"description": description, "anyOf": [schema, switch]});
        (key, both)
    };
    let properties: serde_json::Map<String, Value> = keys().into_iter().map(or_off).collect();
    json!({
        "type": "object",
        "description": "What is done to training samples only, drawn anew each epoch.",
        "properties": properties,
        "additionalProperties": false,
    })
}
