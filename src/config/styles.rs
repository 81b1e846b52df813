//! `style`: the defaults of Keras and of PyTorch, where they differ. They are declared beside the options that they are
//! for, as `x-style` in the option's schema:
//!
//! ```text
//! #[schemars(extend("x-style" = {"keras": 0.99, "torch": 0.9}))]
//! momentum: f64,
//! ```
//!
//! An option that the experiment sets always wins. The defaults of the style are written into its layers and optimizer
//! before those are read, so that a model file, and `experiment.toml` in the run folder, hold every option in full.

use serde_json::{Map, Value, json};

use super::experiment::{Experiment, Style};
use super::family::Member;

/// The key of an option's schema that holds both libraries' defaults.
const KEY: &str = "x-style";

/// An option whose default differs between the libraries.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The family of the member: "layers", "activations" (as an option of a layer) or "optimizers".
    pub family: &'static str,
    /// The member that has the option.
    pub member: String,
    /// The option.
    pub option: String,
    /// Keras's default.
    pub keras: Value,
    /// PyTorch's default.
    pub torch: Value,
}

impl Setting {
    /// The library's default.
    pub fn value(&self, style: Style) -> &Value {
        match style {
            Style::Keras => &self.keras,
            Style::Torch => &self.torch,
        }
    }
}

/// The settings that the members of a family declare.
pub fn settings_of<T: ?Sized>(family: &'static str, members: &[Member<T>]) -> Vec<Setting> {
    let settings = members
        .iter()
        .flat_map(|member| settings_in(family, member.name, &(member.schema)()));
    settings.collect()
}

/// The settings that the variants of an enum declare, which is picked by name: `{ leaky_relu = { slope = 0.2 } }`.
pub fn settings_of_variants(family: &'static str, schema: &Value) -> Vec<Setting> {
    let variants = schema["oneOf"].as_array().into_iter().flatten();
    let named = variants.filter_map(|variant| variant["properties"].as_object()?.iter().next());
    named
        .flat_map(|(name, options)| settings_in(family, name, options))
        .collect()
}

fn settings_in(family: &'static str, member: &str, schema: &Value) -> Vec<Setting> {
    let options = schema["properties"].as_object().into_iter().flatten();
    let settings = options.filter_map(|(option, schema)| {
        let style = schema.get(KEY)?;
        Some(Setting {
            family,
            member: member.to_string(),
            option: option.clone(),
            keras: style["keras"].clone(),
            torch: style["torch"].clone(),
        })
    });
    settings.collect()
}

/// Removes the declarations from a schema that is published: they are internal.
pub fn without_styles(schema: &mut Value) {
    match schema {
        Value::Object(table) => {
            table.remove(KEY);
            table.values_mut().for_each(without_styles);
        }
        Value::Array(items) => items.iter_mut().for_each(without_styles),
        _ => {}
    }
}

/// A style's defaults, as they are filled in.
#[derive(Clone, Copy)]
struct Fill<'a> {
    style: Style,
    settings: &'a [Setting],
}

/// Writes the style's defaults into the experiment's layers and optimizer.
pub fn apply_style(experiment: &mut Experiment, settings: &[Setting]) {
    let Some(style) = experiment.style else {
        return;
    };
    let fill = Fill { style, settings };
    let rewrite = |value: Result<Value, _>, change: &dyn Fn(&mut Value)| {
        let mut value = value.ok()?;
        change(&mut value);
        Some(value)
    };
    let model = rewrite(serde_json::to_value(&experiment.model), &|value| {
        fill.nets(value)
    });
    if let Some(model) = model.and_then(|value| serde_json::from_value(value).ok()) {
        experiment.model = model;
    }
    if let Some(columns) = experiment.data.get_mut("columns") {
        fill.columns(columns);
    }
    let optimizer = serde_json::to_value(&experiment.train.optimizer);
    let optimizer = rewrite(optimizer, &|value| fill.pick(value, "optimizers"));
    if let Some(optimizer) = optimizer.and_then(|value| serde_json::from_value(value).ok()) {
        experiment.train.optimizer = optimizer;
    }
}

impl Fill<'_> {
    /// Fills in every layer below: in lists called `layers`, in those of the heads, and where a layer holds one as
    /// its `layer`.
    fn nets(self, value: &mut Value) {
        match value {
            Value::Object(table) => {
                for (key, value) in table {
                    match (&**key, &mut *value) {
                        ("layers", Value::Array(layers)) => {
                            let layers = layers.iter_mut();
                            layers.for_each(|layer| self.pick(layer, "layers"));
                        }
                        ("heads", Value::Object(heads)) => {
                            let lists = heads.values_mut().filter_map(Value::as_array_mut);
                            lists.flatten().for_each(|layer| self.pick(layer, "layers"));
                        }
                        ("layer", layer) => self.pick(layer, "layers"),
                        ("activation", activation) => self.pick(activation, "activations"),
                        _ => {}
                    }
                    self.nets(value);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.nets(item)),
            _ => {}
        }
    }

    /// Fills in the options of the table's columns that are embedded, a length alone becoming options.
    fn columns(self, columns: &mut Value) {
        let columns = columns.as_object_mut().into_iter().flatten();
        let embeddings = columns.filter_map(|(_, column)| column.get_mut("embedding"));
        for embedding in embeddings {
            let options = match embedding.take() {
                Value::Number(dim) => json!({ "dim": dim }),
                options => options,
            };
            let mut pick = json!({ "embedding": options });
            self.pick(&mut pick, "layers");
            *embedding = pick["embedding"].take();
        }
    }

    /// Adds defaults to a member given by name, or by name and options.
    fn pick(self, pick: &mut Value, family: &str) {
        let name = match &*pick {
            Value::String(name) => name.clone(),
            Value::Object(table) if table.len() == 1 => table.keys().cloned().collect(),
            _ => return,
        };
        let settings = self
            .settings
            .iter()
            .filter(|setting| setting.family == family && setting.member == name);
        for setting in settings {
            if pick.is_string() {
                let options = Value::Object(Map::new());
                *pick = Value::Object(Map::from_iter([(name.clone(), options)]));
            }
            if let Some(options) = pick[&name].as_object_mut() {
                let option = options.entry(setting.option.clone());
                option.or_insert_with(|| setting.value(self.style).clone());
            }
        }
    }
}
