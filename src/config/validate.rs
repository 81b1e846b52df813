//! Checks a value against the JSON schema that its Rust type derives, so that the type, the
//! published schema and the error messages can never disagree.
//!
//! Understands what schemars emits with inlined subschemas: `type`, `properties`, `required`,
//! `additionalProperties: false`, `items`, `minItems`, `maxItems`, `enum`, `const`, `anyOf`,
//! `oneOf`, `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`.

use serde_json::{Map, Value};

use super::describe::{alternatives, describe, names_of, show, types};
use super::fault::Fault;
use super::node::Path;

/// Every mistake of `value` against `schema`, in the order of the file.
pub fn validate(value: &Value, schema: &Value, path: &Path) -> Vec<Fault> {
    let mut faults = Vec::new();
    check(value, schema, path, &mut faults);
    faults
}

fn check(value: &Value, schema: &Value, path: &Path, faults: &mut Vec<Fault>) {
    if let Some(options) = alternatives(schema) {
        return check_alternatives(value, schema, options, path, faults);
    }
    if !has_type(value, schema) || !is_listed(value, schema) || !in_range(value, schema) {
        faults.push(mismatch(value, schema, path));
        return;
    }
    match value {
        Value::Object(table) => check_table(table, schema, path, faults),
        Value::Array(items) => check_list(items, schema, path, faults),
        _ => {}
    }
}

fn mismatch(value: &Value, schema: &Value, path: &Path) -> Fault {
    let fault = Fault::new(
        path.clone(),
        format!(
            "is {}, expected {}{}",
            show(value),
            describe(schema),
            largest(value, schema)
        ),
    );
    match (value, schema.get("enum").and_then(Value::as_array)) {
        (Value::String(text), Some(options)) => {
            let names: Vec<&str> = options.iter().filter_map(Value::as_str).collect();
            with_nearest(fault, text, &names)
        }
        _ => fault,
    }
}

fn check_table(table: &Map<String, Value>, schema: &Value, path: &Path, faults: &mut Vec<Fault>) {
    let empty = Map::new();
    let properties = schema
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    // Of tables whose keys are the user's: what every value is.
    let more = schema.get("additionalProperties").unwrap_or(&Value::Null);
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    for (key, value) in table {
        match properties.get(key) {
            Some(property) => check(value, property, &path.key(key), faults),
            None if closed => faults.push(unknown_key(key, properties, path)),
            None => check(value, more, &path.key(key), faults),
        }
    }
    for key in schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if !table.contains_key(key) {
            let expected = properties.get(key).map_or_else(String::new, |property| {
                format!(", expected {}", describe(property))
            });
            faults.push(Fault::new(path.key(key), format!("is missing{expected}")));
        }
    }
}

/// The fault of a key that `properties` does not name, with the nearest name.
pub fn unknown_key(key: &str, properties: &Map<String, Value>, path: &Path) -> Fault {
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    let expected = if names.is_empty() {
        "no keys are expected here".to_string()
    } else {
        format!("expected one of {}", names.join(", "))
    };
    let fault = Fault::new(path.key(key), format!("is not a known key; {expected}")).at_key();
    with_nearest(fault, key, &names)
}

/// Adds "did you mean" where a name is near enough.
pub fn with_nearest(fault: Fault, found: &str, names: &[&str]) -> Fault {
    let nearest = names
        .iter()
        .map(|name| {
            (
                strsim::jaro_winkler(&found.to_lowercase(), &name.to_lowercase()),
                name,
            )
        })
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((_, name)) => fault.hint(format!("did you mean `{name}`?")),
        None => fault,
    }
}

fn check_list(items: &[Value], schema: &Value, path: &Path, faults: &mut Vec<Fault>) {
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64).map(|n| n as usize);
    let short = bound("minItems").is_some_and(|min| items.len() < min);
    let long = bound("maxItems").is_some_and(|max| items.len() > max);
    if short || long {
        let message = format!("has {} items, expected {}", items.len(), describe(schema));
        faults.push(Fault::new(path.clone(), message));
        return;
    }
    if let Some(item_schema) = schema.get("items") {
        for (index, item) in items.iter().enumerate() {
            check(item, item_schema, &path.index(index), faults);
        }
    }
}

/// Accepts any alternative. Where none fits but one has the right type, its faults are more specific
/// than "expected this or that".
fn check_alternatives(
    value: &Value,
    schema: &Value,
    options: &[Value],
    path: &Path,
    faults: &mut Vec<Fault>,
) {
    let tried: Vec<Vec<Fault>> = options.iter().map(|s| validate(value, s, path)).collect();
    if tried.iter().any(Vec::is_empty) {
        return;
    }
    if let Some(table) = value.as_object()
        && check_variants(table, options, path, faults)
    {
        return;
    }
    let container = value.is_object() || value.is_array();
    let fitting = options
        .iter()
        .zip(tried)
        .find(|(option, _)| container && may_have_type(value, option));
    match fitting {
        Some((_, inner)) => faults.extend(inner),
        None => {
            let fault = Fault::new(
                path.clone(),
                format!(
                    "is {}, expected {}{}",
                    show(value),
                    describe(schema),
                    largest(value, schema)
                ),
            );
            let names: Vec<&str> = options.iter().flat_map(names_of).collect();
            faults.push(match value {
                Value::String(text) => with_nearest(fault, text, &names),
                _ => fault,
            });
        }
    }
}

/// Checks `{ name = { ... } }` against variants that differ by name, where there are several; whether
/// it was such a value.
fn check_variants(
    table: &Map<String, Value>,
    options: &[Value],
    path: &Path,
    faults: &mut Vec<Fault>,
) -> bool {
    let variants: Vec<(&str, &Value)> = options.iter().flat_map(variants_of).collect();
    let Some((name, _)) = table.iter().next().filter(|_| variants.len() > 1) else {
        return false;
    };
    let bare: Vec<&str> = options.iter().flat_map(names_of).collect();
    if table.len() == 1
        && let Some((_, variant)) = variants.iter().find(|(known, _)| known == name)
    {
        check(&Value::Object(table.clone()), variant, path, faults);
    } else if table.len() == 1 && bare.contains(&&**name) {
        let message = format!("takes no options, expected the name alone, {name:?}");
        faults.push(Fault::new(path.key(name), message).at_key());
    } else if table.len() == 1 {
        let mut names = bare;
        names.extend(variants.iter().map(|(known, _)| *known));
        names.sort_unstable();
        names.dedup();
        let message = format!("is not a known name; expected one of {}", names.join(", "));
        faults.push(with_nearest(
            Fault::new(path.key(name), message).at_key(),
            name,
            &names,
        ));
    } else {
        return false;
    }
    true
}

/// The variants with options among alternatives, by their names.
fn variants_of(schema: &Value) -> Vec<(&str, &Value)> {
    if let Some(options) = alternatives(schema) {
        return options.iter().flat_map(variants_of).collect();
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let only = properties.filter(|properties| properties.len() == 1);
    let name = only.and_then(|properties| properties.keys().next());
    let required = |name: &&String| {
        let required = schema.get("required").and_then(Value::as_array);
        required.is_some_and(|required| required.iter().any(|key| key == name.as_str()))
    };
    name.filter(required)
        .map(|name| (name.as_str(), schema))
        .into_iter()
        .collect()
}

/// Whether the type fits one of the alternatives of a schema, or the schema.
fn may_have_type(value: &Value, schema: &Value) -> bool {
    match alternatives(schema) {
        Some(options) => options.iter().any(|option| may_have_type(value, option)),
        None => has_type(value, schema),
    }
}

fn has_type(value: &Value, schema: &Value) -> bool {
    let types = types(schema);
    types.is_empty()
        || types.iter().any(|name| match *name {
            "integer" => value.is_i64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => value.is_null(),
        })
}

/// The largest integer there is, where a value is larger: TOML, in which run folders keep their experiment, ends there.
fn largest(value: &Value, schema: &Value) -> String {
    let integer = |schema: &Value| types(schema).contains(&"integer");
    let integer =
        integer(schema) || alternatives(schema).is_some_and(|all| all.iter().any(integer));
    let larger = value
        .as_f64()
        .is_some_and(|number| number >= i64::MAX as f64);
    match integer && larger {
        true => format!(" (at most {})", i64::MAX),
        false => String::new(),
    }
}

fn is_listed(value: &Value, schema: &Value) -> bool {
    let listed = schema.get("enum").and_then(Value::as_array);
    listed.is_none_or(|options| options.contains(value) || value.is_null())
        && schema.get("const").is_none_or(|only| only == value)
}

fn in_range(value: &Value, schema: &Value) -> bool {
    let Some(number) = value.as_f64() else {
        return true;
    };
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    bound("minimum").is_none_or(|min| number >= min)
        && bound("maximum").is_none_or(|max| number <= max)
        && bound("exclusiveMinimum").is_none_or(|min| number > min)
        && bound("exclusiveMaximum").is_none_or(|max| number < max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn messages(value: Value, schema: Value) -> Vec<String> {
        validate(&value, &schema, &Path::parse("train"))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn names_the_bound_that_a_number_breaks() {
        let schema = json!({"type": "integer", "minimum": 1});
        assert_eq!(
            messages(json!(0), schema.clone()),
            ["train is 0, expected an integer of at least 1"]
        );
        assert!(messages(json!(1), schema).is_empty());
    }

    #[test]
    fn integers_end_where_those_of_toml_do() {
        let schema = json!({"type": "integer", "minimum": 0});
        assert!(messages(json!(i64::MAX), schema.clone()).is_empty());
        let message = "expected an integer of at least 0 (at most 9223372036854775807)";
        for number in [json!(1u64 << 63), json!(u64::MAX)] {
            let expected = format!("train is {number}, {message}");
            assert_eq!(messages(number, schema.clone()), [expected]);
        }
        let either = json!({"anyOf": [schema, {"type": "null"}]});
        assert!(messages(json!(u64::MAX), either)[0].contains("at most 9223372036854775807"));
        assert!(messages(json!(u64::MAX), json!({"type": "number"})).is_empty());
    }

    #[test]
    fn suggests_the_nearest_key() {
        let schema = json!({"type": "object", "additionalProperties": false,
            "properties": {"epochs": {"type": "integer"}, "loss": {}}});
        assert_eq!(
            messages(json!({"epoch": 3}), schema),
            [
                "train.epoch is not a known key; expected one of epochs, loss\n\
                 hint: did you mean `epochs`?"
            ]
        );
    }

    #[test]
    fn accepts_any_alternative_and_names_all_of_them_otherwise() {
        let schema = json!({"anyOf": [{"type": "integer", "minimum": 1}, {"const": "all"}]});
        assert!(messages(json!("all"), schema.clone()).is_empty());
        assert_eq!(
            messages(json!(0), schema),
            ["train is 0, expected an integer of at least 1 or \"all\""]
        );
    }

    #[test]
    fn lists_names_together_and_says_what_else_fits() {
        let schema = json!({"oneOf": [{"const": "a"}, {"const": "b"}, {"type": "object"}, {"type": "object"},
            {"anyOf": [{"enum": ["c", "d"]}, {"type": "null"}]}]});
        assert_eq!(
            messages(json!(0), schema),
            ["train is 0, expected one of \"a\", \"b\", \"c\", \"d\" or a table"]
        );
    }

    #[test]
    fn a_variant_keeps_the_path_of_its_mistakes_and_other_names_get_a_hint() {
        let variant = |name: &str, key: &str| {
            json!({"type": "object", "required": [name], "additionalProperties": false, "properties": {name:
                {"type": "object", "additionalProperties": false, "properties": {key: {"type": "number"}}}}})
        };
        let schema = json!({"oneOf": [variant("uniform", "min"), variant("normal", "std"), {"const": "zeros"}]});
        let message = |value: Value| messages(value, schema.clone()).join("\n");
        assert!(message(json!({"normal": {"std": 1}})).is_empty());
        assert_eq!(
            message(json!({"normal": {"stdd": 1}})),
            "train.normal.stdd is not a known key; expected one of std\nhint: did you mean `std`?"
        );
        assert_eq!(
            message(json!({"norml": {"std": 1}})),
            "train.norml is not a known name; expected one of normal, uniform, zeros\nhint: did you mean `normal`?"
        );
        assert_eq!(
            message(json!({"zeros": {"a": 1}})),
            "train.zeros takes no options, expected the name alone, \"zeros\""
        );
    }

    #[test]
    fn reports_every_missing_key() {
        let schema = json!({"type": "object", "required": ["a", "b"], "properties": {}});
        assert_eq!(messages(json!({}), schema).len(), 2);
    }
}
