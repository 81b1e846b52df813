//! Families: the tables from which an experiment picks by name (layers, losses, optimizers,
//! sources of data, ...). One table gives the tag in the file, the dispatch, the listing, the
//! JSON schema and the error messages.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::fault::Fault;
use super::node::Path;
use super::validate::{validate, with_nearest};

/// The choice of a member of a family, its options not parsed yet: `{ dense = { units = 1 } }` or `"relu"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Spec {
    /// The name alone, every option at its default.
    Name(String),
    /// The name with its options.
    Options(BTreeMap<String, Value>),
}

impl JsonSchema for Spec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Spec".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> Schema {
        schemars::json_schema!({"anyOf": [
            {"type": "string"},
            {"type": "object", "minProperties": 1, "maxProperties": 1},
        ]})
    }
}

impl Spec {
    /// The member's name; empty where the table is not of one key.
    pub fn name(&self) -> &str {
        match self {
            Spec::Name(name) => name,
            Spec::Options(map) if map.len() == 1 => map.keys().next().map_or("", String::as_str),
            Spec::Options(_) => "",
        }
    }

    /// The member's options; an empty table where only the name was given.
    pub fn options(&self) -> Value {
        match self {
            Spec::Options(map) if map.len() == 1 => {
                map.values().next().cloned().unwrap_or_default()
            }
            _ => Value::Object(Map::new()),
        }
    }
}

/// A member of a family: a name, and the type that reads its options.
pub struct Member<T: ?Sized> {
    /// The tag in the experiment.
    pub name: &'static str,
    /// The JSON schema of the options.
    pub schema: fn() -> Value,
    /// Reads options that fit the schema.
    pub read: fn(Value) -> Result<Box<T>, serde_json::Error>,
}

impl<T: ?Sized> Clone for Member<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Member<T> {}

/// Declares the table of a family: `family! { dyn Layer: "dense" => Dense, ... }`.
#[macro_export]
macro_rules! family {
    ($kind:ty: $($name:literal => $member:ty),* $(,)?) => {
        &[$($crate::config::Member::<$kind> {
            name: $name,
            schema: $crate::config::schema_of::<$member>,
            read: |options| Ok(Box::new(serde_json::from_value::<$member>(options)?)),
        }),*]
    };
}

/// The JSON schema of a type, subschemas inlined.
pub fn schema_of<T: JsonSchema>() -> Value {
    let mut schema = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    close(&mut schema);
    schema
}

/// Sets `additionalProperties: false` for every table with listed keys: unknown keys are mistakes everywhere, also
/// within the variants of an enum.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(table) => {
            let is_listed = table.get("properties").is_some_and(Value::is_object);
            if is_listed && table.get("type").is_some_and(|kind| kind == "object") {
                table
                    .entry("additionalProperties")
                    .or_insert(Value::Bool(false));
            }
            table.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// Reads a value into a type after checking it against the type's schema.
///
/// # Errors
/// Every mistake, as faults below `path`.
pub fn read<T: JsonSchema + DeserializeOwned>(value: Value, path: &Path) -> Result<T, Vec<Fault>> {
    let faults = validate(&value, &schema_of::<T>(), path);
    if !faults.is_empty() {
        return Err(faults);
    }
    serde_json::from_value(value)
        .map_err(|error| vec![Fault::new(path.clone(), format!("does not fit: {error}"))])
}

/// Reads one pick from a family. `what` names the family in messages ("layer").
///
/// # Errors
/// An unknown name, or every mistake of the options.
pub fn read_member<T: ?Sized>(
    members: &[Member<T>],
    what: &str,
    spec: &Spec,
    path: &Path,
) -> Result<Box<T>, Vec<Fault>> {
    let member = find_member(members, what, spec.name(), path)?;
    let inner = match spec {
        Spec::Name(_) => path.clone(),
        Spec::Options(_) => path.key(member.name),
    };
    read_options(member, spec.options(), &inner)
}

/// Reads the options of a known member.
pub fn read_options<T: ?Sized>(
    member: &Member<T>,
    options: Value,
    path: &Path,
) -> Result<Box<T>, Vec<Fault>> {
    let faults = validate(&options, &(member.schema)(), path);
    if !faults.is_empty() {
        return Err(faults);
    }
    (member.read)(options)
        .map_err(|error| vec![Fault::new(path.clone(), format!("does not fit: {error}"))])
}

/// The member called `name`.
///
/// # Errors
/// A fault that lists the names there are and suggests the nearest.
pub fn find_member<'a, T: ?Sized>(
    members: &'a [Member<T>],
    what: &str,
    name: &str,
    path: &Path,
) -> Result<&'a Member<T>, Vec<Fault>> {
    if let Some(member) = members.iter().find(|member| member.name == name) {
        return Ok(member);
    }
    let names: Vec<&str> = members.iter().map(|member| member.name).collect();
    let found = if name.is_empty() {
        format!(
            "must hold exactly one {what}, as in {{ {} = {{}} }}",
            names[0]
        )
    } else {
        format!("is `{name}`, which is no {what}")
    };
    let message = format!("{found}; expected one of {}", names.join(", "));
    Err(vec![with_nearest(
        Fault::new(path.clone(), message),
        name,
        &names,
    )])
}

/// The schema of a pick from a family, for editors.
pub fn family_schema<T: ?Sized>(members: &[Member<T>]) -> Value {
    let names: Vec<&str> = members.iter().map(|member| member.name).collect();
    let mut options = vec![json!({"type": "string", "enum": names})];
    for member in members {
        options.push(json!({
            "type": "object",
            "properties": {member.name: (member.schema)()},
            "required": [member.name],
            "additionalProperties": false,
        }));
    }
    json!({"anyOf": options})
}

/// The first paragraph of a schema's description: that of the member's docstring.
pub fn about(schema: &Value) -> &str {
    schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .split("\n\n")
        .next()
        .unwrap_or_default()
}
