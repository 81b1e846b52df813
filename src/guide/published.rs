//! The JSON schema of experiments as editors read it: [`experiment_schema`], and what `kiln check` asks beyond the type of
//! a single key. (`kiln check` does not read these parts; it asks them itself, with messages of its own.)

use serde_json::{Map, Value, json};

use super::schema::experiment_schema;
use crate::config::{Spec, family_schema, schema_of};
use crate::metrics::known_metrics;
use crate::model::{LAYERS, LOSSES};

/// The schema of an experiment file, as strict as a JSON schema can be. Layers within layers and losses of heads are
/// checked like those outside.
pub fn published_schema() -> Value {
    let mut schema = experiment_schema();
    schema["$defs"] = json!({
        "layer": nested(family_schema(LAYERS), "#/$defs/layer"),
        "loss": nested(family_schema(LOSSES), "#/$defs/loss"),
    });
    let model = &mut schema["properties"]["model"]["properties"];
    model["layers"]["items"] = json!({"$ref": "#/$defs/layer"});
    model["heads"]["additionalProperties"]["items"] = json!({"$ref": "#/$defs/layer"});
    let loss = &mut schema["properties"]["train"]["properties"]["loss"];
    *loss = json!({"description": loss["description"], "$ref": "#/$defs/loss"});
    for kind in schema["properties"]["data"]["anyOf"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        let splits = one_validation_split(&kind["properties"]);
        kind["allOf"] = json!([splits]);
    }
    schema["allOf"] = json!([known_figures(), no_images()]);
    bound_integers(&mut schema);
    schema
}

/// A family's schema in which every pick from the family itself is a reference to it.
fn nested(mut schema: Value, reference: &str) -> Value {
    let pick = schema_of::<Spec>()["anyOf"].take();
    replace_picks(&mut schema, &pick, reference);
    schema
}

fn replace_picks(schema: &mut Value, pick: &Value, reference: &str) {
    match schema {
        Value::Object(table) if table.get("anyOf") == Some(pick) => {
            table.remove("anyOf");
            table.insert("$ref".into(), json!(reference));
        }
        Value::Object(table) => {
            let values = table.values_mut();
            values.for_each(|value| replace_picks(value, pick, reference));
        }
        Value::Array(items) => {
            let items = items.iter_mut();
            items.for_each(|item| replace_picks(item, pick, reference));
        }
        _ => {}
    }
}

/// `valid` or `valid_fraction`, not both; neither is required if tables or lists give the splits.
fn one_validation_split(properties: &Value) -> Value {
    let has = |key: &&str| properties.get(key).is_some();
    let by_table = ["split", "valid_label_files"].into_iter().filter(has);
    let mut ways =
        vec![json!({"oneOf": [{"required": ["valid"]}, {"required": ["valid_fraction"]}]})];
    ways.extend(by_table.map(|key| json!({"required": [key]})));
    json!({"anyOf": ways})
}

/// The metrics that may be monitored; metrics of heads have user-defined names.
fn known_figures() -> Value {
    let valid = known_metrics().into_iter();
    let valid = valid.map(|metric| format!("valid_{}", metric.name));
    let train = ["train_loss", "train_accuracy"].map(String::from);
    let figure = json!({"enum": valid.chain(train).collect::<Vec<_>>()});
    let stopping = json!({"properties": {"monitor": figure}});
    json!({
        "if": {"properties": {"model": {"required": ["heads"]}}},
        "else": {"properties": {"train": {"properties": {"monitor": figure, "early_stopping": stopping}}}},
    })
}

/// Rows of tables and texts have no pixels: nothing to scale, nothing to change.
fn no_images() -> Value {
    json!({
        "if": {"properties": {"data": {
            "properties": {"kind": {"enum": ["csv", "text", "text-folder"]}},
            "required": ["kind"],
        }}},
        "then": {"properties": {
            "preprocess": {"maxProperties": 0},
            "augment": {"additionalProperties": {"const": false}},
        }},
    })
}

/// Integers end where those of TOML do.
fn bound_integers(schema: &mut Value) {
    let is_integer = |table: &Map<String, Value>| match table.get("type") {
        Some(Value::Array(types)) => types.contains(&json!("integer")),
        kind => kind == Some(&json!("integer")),
    };
    match schema {
        Value::Object(table) => {
            if is_integer(table) {
                table.entry("maximum").or_insert(json!(i64::MAX));
            }
            table.values_mut().for_each(bound_integers);
        }
        Value::Array(items) => items.iter_mut().for_each(bound_integers),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reference of a schema.
    fn references(schema: &Value, found: &mut Vec<String>) {
        match schema {
            Value::Object(table) => {
                let reference = table.get("$ref").and_then(Value::as_str);
                found.extend(reference.map(String::from));
                table.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn layers_within_layers_and_losses_of_heads_are_references_that_exist() {
        let schema = published_schema();
        let mut found = Vec::new();
        references(&schema["$defs"], &mut found);
        // A residual block's layers and a bidirectional layer; a head's loss, alone and with a weight.
        found.sort_unstable();
        let (layer, loss) = ("#/$defs/layer", "#/$defs/loss");
        assert_eq!(found, [layer, layer, loss, loss]);
        references(&schema["properties"], &mut found);
        assert_eq!(found.len(), 4 + 3);
        for reference in found {
            let target = schema.pointer(reference.trim_start_matches('#'));
            assert!(target.is_some_and(Value::is_object), "{reference}");
        }
    }
}
