//! Parses TOML and JSON into a tree of [`Node`]s.

use std::collections::HashSet;
use std::ops::Range;

use jsonc_parser::ast;
use serde_json::{Number, Value};
use toml_edit::{Document, Item, Table, Value as TomlValue};

use super::node::{Kind, Node, Origin};

/// A syntax error of TOML or JSON, with its position.
pub struct SyntaxFault {
    /// The parser's message.
    pub message: String,
    /// The byte range in the text.
    pub span: Option<Range<usize>>,
}

/// Parses TOML.
pub fn parse_toml(text: &str) -> Result<Node, SyntaxFault> {
    let document = Document::parse(text).map_err(|error| SyntaxFault {
        message: error.message().trim().replace('\n', ", "),
        span: error.span(),
    })?;
    Ok(toml_table(document.as_table()))
}

/// Parses JSON; comments and trailing commas are accepted.
pub fn parse_json(text: &str) -> Result<Node, SyntaxFault> {
    let options = jsonc_parser::ParseOptions {
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
        ..Default::default()
    };
    let parsed =
        jsonc_parser::parse_to_ast(text, &Default::default(), &options).map_err(|error| {
            let range = error.range();
            SyntaxFault {
                message: error.kind().to_string(),
                span: Some(range.start..range.end),
            }
        })?;
    match parsed.value {
        Some(value) => json_node(value),
        None => Ok(Node::empty()),
    }
}

fn origin(span: Option<Range<usize>>) -> Origin {
    span.map_or(Origin::Unknown, Origin::File)
}

fn toml_table(table: &Table) -> Node {
    let entries = table
        .iter()
        .filter_map(|(key, item)| {
            let key_span = table.key(key).and_then(|key| key.span());
            Some((key.to_string(), origin(key_span), toml_item(item)?))
        })
        .collect();
    Node {
        kind: Kind::Table(entries),
        origin: origin(table.span()),
    }
}

fn toml_item(item: &Item) -> Option<Node> {
    match item {
        Item::None => None,
        Item::Value(value) => Some(toml_value(value)),
        Item::Table(table) => Some(toml_table(table)),
        Item::ArrayOfTables(tables) => Some(Node {
            kind: Kind::List(tables.iter().map(toml_table).collect()),
            origin: origin(tables.span()),
        }),
    }
}

/// One TOML value; dates become strings, numbers without a JSON form (`nan`, `inf`) too.
pub fn toml_value(value: &TomlValue) -> Node {
    let kind = match value {
        TomlValue::String(text) => Kind::Scalar(Value::String(text.value().clone())),
        TomlValue::Integer(number) => Kind::Scalar(Value::from(*number.value())),
        TomlValue::Float(number) => Kind::Scalar(
            Number::from_f64(*number.value())
                .map_or_else(|| Value::String(number.value().to_string()), Value::Number),
        ),
        TomlValue::Boolean(flag) => Kind::Scalar(Value::Bool(*flag.value())),
        TomlValue::Datetime(date) => Kind::Scalar(Value::String(date.value().to_string())),
        TomlValue::Array(items) => Kind::List(items.iter().map(toml_value).collect()),
        TomlValue::InlineTable(table) => Kind::Table(
            table
                .iter()
                .map(|(key, value)| {
                    let span = table.key(key).and_then(|key| key.span());
                    (key.to_string(), origin(span), toml_value(value))
                })
                .collect(),
        ),
    };
    Node {
        kind,
        origin: origin(value.span()),
    }
}

fn json_node(value: ast::Value<'_>) -> Result<Node, SyntaxFault> {
    let range = jsonc_parser::common::Ranged::range(&value);
    let span = range.start..range.end;
    let kind = match value {
        ast::Value::StringLit(text) => Kind::Scalar(Value::String(text.value.into_owned())),
        ast::Value::NumberLit(number) => Kind::Scalar(json_number(number.value, &span)?),
        ast::Value::BooleanLit(flag) => Kind::Scalar(Value::Bool(flag.value)),
        ast::Value::NullKeyword(_) => Kind::Scalar(Value::Null),
        ast::Value::Array(array) => Kind::List(
            array
                .elements
                .into_iter()
                .map(json_node)
                .collect::<Result<_, _>>()?,
        ),
        ast::Value::Object(object) => Kind::Table(json_entries(object)?),
    };
    Ok(Node {
        kind,
        origin: Origin::File(span),
    })
}

fn json_number(text: &str, span: &Range<usize>) -> Result<Value, SyntaxFault> {
    serde_json::from_str(text).map_err(|_| SyntaxFault {
        message: format!("`{text}` is not a number"),
        span: Some(span.clone()),
    })
}

fn json_entries(object: ast::Object<'_>) -> Result<Vec<(String, Origin, Node)>, SyntaxFault> {
    let mut seen = HashSet::new();
    let mut entries = Vec::new();
    for property in object.properties {
        let range = jsonc_parser::common::Ranged::range(&property.name);
        let span = range.start..range.end;
        let name = property.name.into_string();
        if !seen.insert(name.clone()) {
            return Err(SyntaxFault {
                message: format!("duplicate key `{name}`"),
                span: Some(span),
            });
        }
        entries.push((name, Origin::File(span), json_node(property.value)?));
    }
    Ok(entries)
}
