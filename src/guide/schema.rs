//! The JSON schema of experiments, put together from every family's table, and the table of what `style` sets.

use serde_json::{Map, Value, json};

use crate::config::{Experiment, Member, Setting, family_schema, schema_of, without_styles};
use crate::data::SOURCES;
use crate::data::image::augment;
use crate::model::{LAYERS, LOSSES};
use crate::train::{OPTIMIZERS, SCHEDULES, style_settings};

/// The defaults that a `style` sets, as a table in Markdown; members with the same defaults share a row.
pub fn styles_table() -> String {
    let mut rows: Vec<(Setting, Vec<String>)> = Vec::new();
    for setting in style_settings() {
        let same = |(row, _): &&mut (Setting, _)| {
            let of = |s: &Setting| (s.family, s.option.clone(), s.keras.clone(), s.torch.clone());
            of(row) == of(&setting)
        };
        let member = setting.member.clone();
        match rows.iter_mut().find(same) {
            Some((_, members)) => members.push(member),
            None => rows.push((setting, vec![member])),
        }
    }
    let head = "| members | option | keras | torch |\n|---|---|---|---|\n".to_string();
    rows.iter().fold(head, |table, (setting, members)| {
        let part = match setting.family {
            "activations" => " as a layer's `activation`",
            _ => "",
        };
        let (members, option) = (members.join(", "), &setting.option);
        let (keras, torch) = (shown(&setting.keras), shown(&setting.torch));
        format!("{table}| {members}{part} | {option} | `{keras}` | `{torch}` |\n")
    })
}

/// A default as people write it: small numbers with an exponent.
fn shown(value: &Value) -> String {
    match value.as_f64() {
        Some(number) if number > 0.0 && number < 0.01 => format!("{number:e}"),
        _ => value.to_string(),
    }
}

/// The JSON schema of an experiment file, with the options of every family's members.
pub fn experiment_schema() -> Value {
    let mut schema = schema_of::<Experiment>();
    fill(&mut schema);
    without_styles(&mut schema);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Kiln experiment");
    schema
}

/// Puts each family's schema where the experiment leaves room for it.
fn fill(schema: &mut Value) {
    if let Value::Object(object) = schema {
        let family = object.remove("x-family");
        match family.as_ref().and_then(Value::as_str) {
            Some("layers") => {
                object.insert("items".into(), family_schema(LAYERS));
            }
            Some("heads") => {
                let layers = json!({"type": "array", "items": family_schema(LAYERS)});
                object.insert("additionalProperties".into(), layers);
            }
            Some("losses") => replace(object, family_schema(LOSSES)),
            Some("optimizers") => replace(object, family_schema(OPTIMIZERS)),
            Some("schedules") => replace(object, family_schema(SCHEDULES)),
            Some("augment") => replace(object, augment::schema()),
            Some("data") => replace(object, sources()),
            _ => object.values_mut().for_each(fill),
        }
    } else if let Value::Array(items) = schema {
        items.iter_mut().for_each(fill);
    }
}

/// Takes the family's schema; description and default stay.
fn replace(object: &mut Map<String, Value>, schema: Value) {
    object.retain(|key, _| key == "description" || key == "default");
    if let Value::Object(more) = schema {
        for (key, value) in more {
            object.entry(key).or_insert(value);
        }
    }
}

/// `[data]`: the options of each kind, with the kind itself among them.
fn sources() -> Value {
    let with_kind = |member: &Member<_>| {
        let mut schema = (member.schema)();
        schema["properties"]["kind"] = json!({"const": member.name});
        if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
            required.insert(0, json!("kind"));
        }
        schema
    };
    json!({"anyOf": SOURCES.iter().map(with_kind).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Path, Style, validate};

    #[test]
    fn every_setting_fits_its_option() {
        let layer = |name: &str| LAYERS.iter().find(|m| m.name == name).map(|m| m.schema);
        let rule = |name: &str| OPTIMIZERS.iter().find(|m| m.name == name).map(|m| m.schema);
        let settings = style_settings();
        assert!(settings.len() > 50, "{}", settings.len());
        for setting in settings {
            let name = &setting.member;
            let schema = match setting.family {
                "optimizers" => rule(name),
                _ => layer(name),
            };
            let schema = schema.unwrap_or_else(|| panic!("{name} is no member"))();
            let option = &schema["properties"][&setting.option];
            assert!(option.is_object(), "{name} has no {}", setting.option);
            for style in [Style::Keras, Style::Torch] {
                let faults = validate(setting.value(style), option, &Path::default());
                assert!(faults.is_empty(), "{name}.{}: {faults:?}", setting.option);
            }
            assert_ne!(setting.value(Style::Keras), setting.value(Style::Torch));
        }
    }
}
