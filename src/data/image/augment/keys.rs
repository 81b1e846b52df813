//! The keys of `[augment]`: the augmentations, and the options of all of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::mix::{Cutmix, Mixup};
use super::{AUGMENTS, FillMode, Preset, fill};
use crate::config::{Fault, Path, schema_of, unknown_key, validate};
use crate::data::core::batch::Shape;
use crate::data::image::augment::options::{is_off, options};

/// How many augmented versions of each training sample there are, drawn once and used in turn, epoch after epoch;
/// default: a new one each epoch. What frozen layers make of a version is computed once and kept.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Views(#[schemars(range(min = 1, max = 4096))] pub u64);

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

/// Checks that no key is without effect on samples of this shape.
///
/// # Errors
/// Every key on what is no image; what lies beyond the edge, where nothing shows it.
pub fn check_shape(table: &BTreeMap<String, Value>, shape: Shape) -> Result<(), Vec<Fault>> {
    let path = Path::parse("augment");
    let given = || {
        table
            .iter()
            .filter(|(_, value)| !is_off(value))
            .map(|(key, _)| &**key)
    };
    let fault = |key: &str, why: &str| {
        Fault::new(path.key(key), why)
            .at_key()
            .hint("remove the key")
    };
    let faults: Vec<Fault> = if let Shape::Image { .. } = shape {
        let uncovers = table.contains_key("preset") || given().any(|key| uncovers(key, table));
        let constant = table.get("fill").is_some_and(|fill| fill == "constant");
        let idle = given().filter_map(|key| match key {
            "fill" | "fill_value" if !uncovers => Some(fault(
                key,
                "is for what lies beyond an image's edge, which no augmentation here shows",
            )),
            "fill_value" if !constant => Some(fault(key, "is for fill = \"constant\"")),
            _ => None,
        });
        idle.collect()
    } else {
        let all = given().map(|key| fault(key, "is for images, which the samples are not"));
        all.collect()
    };
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// Whether a key is that of an augmentation that may show what lies beyond the edge.
fn uncovers(key: &str, table: &BTreeMap<String, Value>) -> bool {
    let member = AUGMENTS.iter().find(|member| member.name == key);
    let augment = member.zip(table.get(key)).and_then(|(member, value)| {
        let options = options(value, &(member.schema)());
        (member.read)(options).ok()
    });
    augment.is_some_and(|augment| augment.uncovers())
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
    keys.push(("views".to_string(), schema_of::<Views>()));
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
