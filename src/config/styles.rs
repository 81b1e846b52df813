//! `style`: the defaults of Keras and of PyTorch, where they differ, as one table. What the experiment says of an
//! option always holds; the others are written into its layers and optimizer before those are read, so that
//! a model file, and `experiment.toml` in the run folder, say in full what was trained.

use serde_json::{Map, Value, json};

use super::experiment::{Experiment, Style};

/// An option whose default differs between the libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The family of the members: "layers", "activations" (as an option of a layer) or "optimizers".
    pub family: &'static str,
    /// The members that have the option.
    pub members: &'static [&'static str],
    /// The option.
    pub option: &'static str,
    /// Keras's default, as JSON.
    pub keras: &'static str,
    /// PyTorch's default, as JSON.
    pub torch: &'static str,
}

impl Setting {
    /// The library's default.
    pub fn value(&self, style: Style) -> Value {
        let text = match style {
            Style::Keras => self.keras,
            Style::Torch => self.torch,
        };
        serde_json::from_str(text).expect("every default of the table is JSON")
    }
}

/// Layers with a weight and a bias.
const WEIGHTED: &[&str] = &[
    "dense",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "depthwise_conv1d",
    "depthwise_conv2d",
    "separable_conv1d",
    "separable_conv2d",
];

const fn layers(
    members: &'static [&'static str],
    option: &'static str,
    keras: &'static str,
    torch: &'static str,
) -> Setting {
    Setting {
        family: "layers",
        members,
        option,
        keras,
        torch,
    }
}

const fn optimizers(
    members: &'static [&'static str],
    option: &'static str,
    keras: &'static str,
    torch: &'static str,
) -> Setting {
    Setting {
        family: "optimizers",
        ..layers(members, option, keras, torch)
    }
}

/// Every default that differs: Keras 3.15, PyTorch 2.15.
pub const STYLES: &[Setting] = &[
    layers(
        WEIGHTED,
        "weight_init",
        r#""glorot_uniform""#,
        r#""torch_uniform""#,
    ),
    layers(WEIGHTED, "bias_init", r#""zeros""#, r#""torch_uniform""#),
    layers(
        &["embedding"],
        "weight_init",
        r#""uniform""#,
        r#"{"normal":{"std":1}}"#,
    ),
    layers(
        &["lstm", "gru"],
        "weight_init",
        r#""glorot_uniform""#,
        r#""torch_uniform""#,
    ),
    layers(
        &["lstm", "gru"],
        "recurrent_init",
        r#""orthogonal""#,
        r#""torch_uniform""#,
    ),
    layers(
        &["lstm"],
        "bias_init",
        r#""forget_one""#,
        r#""torch_uniform""#,
    ),
    layers(&["gru"], "bias_init", r#""zeros""#, r#""torch_uniform""#),
    layers(&["lstm"], "recurrent_bias", "false", "true"),
    layers(&["batch_norm"], "momentum", "0.99", "0.9"),
    layers(&["batch_norm"], "unbiased", "false", "true"),
    layers(
        &["batch_norm", "layer_norm", "group_norm"],
        "epsilon",
        "1e-3",
        "1e-5",
    ),
    layers(
        &["avg_pool1d", "avg_pool2d"],
        "count_padding",
        "false",
        "true",
    ),
    layers(&["leaky_relu"], "slope", "0.3", "0.01"),
    Setting {
        family: "activations",
        ..layers(&["leaky_relu"], "slope", "0.2", "0.01")
    },
    optimizers(&["sgd"], "learning_rate", "1e-2", "1e-3"),
    optimizers(&["rmsprop"], "learning_rate", "1e-3", "1e-2"),
    optimizers(&["adagrad"], "learning_rate", "1e-3", "1e-2"),
    optimizers(&["nadam"], "learning_rate", "1e-3", "2e-3"),
    optimizers(&["rmsprop"], "rho", "0.9", "0.99"),
    optimizers(&["adagrad"], "initial_accumulator", "0.1", "0"),
    optimizers(&["nadam"], "momentum_decay", "1", "4e-3"),
    optimizers(
        &["adam", "adamw", "nadam", "rmsprop"],
        "epsilon",
        "1e-7",
        "1e-8",
    ),
    optimizers(&["adagrad"], "epsilon", "1e-7", "1e-10"),
    optimizers(
        &["adam", "adamw", "rmsprop", "adagrad"],
        "epsilon_form",
        r#""keras""#,
        r#""torch""#,
    ),
    optimizers(
        &["sgd", "rmsprop"],
        "momentum_form",
        r#""keras""#,
        r#""torch""#,
    ),
    optimizers(&["adamw"], "weight_decay", "4e-3", "1e-2"),
];

/// Writes the style's defaults into the experiment's layers and optimizer.
pub(super) fn apply(experiment: &mut Experiment) {
    let Some(style) = experiment.style else {
        return;
    };
    let rewrite = |value: Result<Value, _>, change: fn(&mut Value, Style)| {
        let mut value = value.ok()?;
        change(&mut value, style);
        Some(value)
    };
    let model = rewrite(serde_json::to_value(&experiment.model), nets);
    if let Some(model) = model.and_then(|value| serde_json::from_value(value).ok()) {
        experiment.model = model;
    }
    if let Some(columns) = experiment.data.get_mut("columns") {
        columns_of(columns, style);
    }
    let optimizer = serde_json::to_value(&experiment.train.optimizer);
    let optimizer = rewrite(optimizer, |value, style| fill(value, "optimizers", style));
    if let Some(optimizer) = optimizer.and_then(|value| serde_json::from_value(value).ok()) {
        experiment.train.optimizer = optimizer;
    }
}

/// Fills in every layer below: in lists called `layers`, in those of the heads, and where a layer holds one as
/// its `layer`.
fn nets(value: &mut Value, style: Style) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                match (&**key, &mut *value) {
                    ("layers", Value::Array(layers)) => {
                        let layers = layers.iter_mut();
                        layers.for_each(|layer| fill(layer, "layers", style));
                    }
                    ("heads", Value::Object(heads)) => {
                        let lists = heads.values_mut().filter_map(Value::as_array_mut);
                        lists
                            .flatten()
                            .for_each(|layer| fill(layer, "layers", style));
                    }
                    ("layer", layer) => fill(layer, "layers", style),
                    ("activation", activation) => fill(activation, "activations", style),
                    _ => {}
                }
                nets(value, style);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| nets(item, style)),
        _ => {}
    }
}

/// Fills in the options of the table's columns that are embedded, a length alone becoming options.
fn columns_of(columns: &mut Value, style: Style) {
    let columns = columns.as_object_mut().into_iter().flatten();
    let embeddings = columns.filter_map(|(_, column)| column.get_mut("embedding"));
    for embedding in embeddings {
        let options = match embedding.take() {
            Value::Number(dim) => json!({ "dim": dim }),
            options => options,
        };
        let mut pick = json!({ "embedding": options });
        fill(&mut pick, "layers", style);
        *embedding = pick["embedding"].take();
    }
}

/// Adds what a pick from a family leaves out: a name, or a table of one.
fn fill(pick: &mut Value, family: &str, style: Style) {
    let name = match &*pick {
        Value::String(name) => name.clone(),
        Value::Object(table) if table.len() == 1 => table.keys().cloned().collect(),
        _ => return,
    };
    let settings = STYLES
        .iter()
        .filter(|setting| setting.family == family && setting.members.contains(&&*name));
    for setting in settings {
        if pick.is_string() {
            let options = Value::Object(Map::new());
            *pick = Value::Object(Map::from_iter([(name.clone(), options)]));
        }
        if let Some(options) = pick[&name].as_object_mut() {
            let option = options.entry(setting.option);
            option.or_insert_with(|| setting.value(style));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn styled(style: Value, layers: Value, optimizer: Value) -> Experiment {
        let mut experiment: Experiment = serde_json::from_value(json!({
            "style": style,
            "data": {"kind": "image-folder"},
            "model": {"layers": layers},
            "train": {"epochs": 1, "loss": "mse", "optimizer": optimizer},
        }))
        .expect("an experiment");
        apply(&mut experiment);
        experiment
    }

    #[test]
    fn fills_in_what_the_experiment_leaves_out_also_within_layers() {
        let layers = json!([
            {"residual": {"layers": [{"conv2d": {"filters": 2, "kernel": 1, "bias_init": "ones"}}, "batch_norm"]}},
            {"bidirectional": {"layer": {"gru": {"units": 2}}}},
            {"dense": {"units": 1, "activation": "leaky_relu"}},
            "leaky_relu",
            "flatten",
        ]);
        let torch = styled(json!("torch"), layers.clone(), json!("adam"));
        let expected = json!([
            {"residual": {"layers": [
                {"conv2d": {"filters": 2, "kernel": 1, "bias_init": "ones", "weight_init": "torch_uniform"}},
                {"batch_norm": {"momentum": 0.9, "unbiased": true, "epsilon": 1e-5}},
            ]}},
            {"bidirectional": {"layer": {"gru": {"units": 2, "weight_init": "torch_uniform",
                "recurrent_init": "torch_uniform", "bias_init": "torch_uniform"}}}},
            {"dense": {"units": 1, "activation": {"leaky_relu": {"slope": 0.01}}, "weight_init": "torch_uniform",
                "bias_init": "torch_uniform"}},
            {"leaky_relu": {"slope": 0.01}},
            "flatten",
        ]);
        assert_eq!(json!(torch.model.layers), expected);
        assert_eq!(torch.train.optimizer.options()["epsilon"], json!(1e-8));
        let keras = styled(json!("keras"), layers, json!({"adamw": {"epsilon": 1e-3}}));
        let layers = json!(keras.model.layers);
        assert_eq!(layers[2]["dense"]["activation"]["leaky_relu"]["slope"], 0.2);
        assert_eq!(layers[3]["leaky_relu"]["slope"], 0.3);
        let options = keras.train.optimizer.options();
        assert_eq!(
            (&options["epsilon"], &options["weight_decay"]),
            (&json!(1e-3), &json!(4e-3))
        );
        let mut again = keras.clone();
        apply(&mut again);
        assert_eq!(again, keras);
    }

    #[test]
    fn fills_in_the_layers_of_heads() {
        let mut experiment = styled(json!("torch"), json!(["flatten"]), json!("adam"));
        let heads = json!({"price": [{"dense": {"units": 1, "bias_init": "zeros"}}]});
        experiment.model.heads = serde_json::from_value(heads).expect("heads");
        apply(&mut experiment);
        let dense = json!({"units": 1, "bias_init": "zeros", "weight_init": "torch_uniform"});
        assert_eq!(
            json!(experiment.model.heads["price"][0]),
            json!({"dense": dense})
        );
    }

    #[test]
    fn fills_in_embedded_columns() {
        let mut experiment = styled(json!("torch"), json!(["flatten"]), json!("adam"));
        let columns = json!({"place": {"embedding": 8}, "size": "numeric", "street": {"embedding": {"dim": 2,
            "weight_init": "zeros"}}});
        experiment.data.insert("columns".into(), columns);
        apply(&mut experiment);
        let expected = json!({"place": {"embedding": {"dim": 8, "weight_init": {"normal": {"std": 1}}}},
            "size": "numeric", "street": {"embedding": {"dim": 2, "weight_init": "zeros"}}});
        assert_eq!(experiment.data["columns"], expected);
    }

    #[test]
    fn changes_nothing_where_no_style_is_named() {
        let layers = json!(["batch_norm", {"dense": {"units": 1}}]);
        let plain = styled(Value::Null, layers.clone(), json!("adam"));
        assert_eq!(json!(plain.model.layers), layers);
        assert_eq!(json!(plain.train.optimizer), json!("adam"));
    }
}
