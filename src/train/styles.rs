//! Loads an experiment with the defaults of its style: the layers and the optimizers declare them.

use std::path::Path as FilePath;

use crate::config::{Setting, Source, apply_style, schema_of, settings_of, settings_of_variants};
use crate::console::{path_text, text_path};
use crate::model::import::find_weights;
use crate::model::{Activation, LAYERS, visit_weights};

use super::optimizers::OPTIMIZERS;
use super::weights_preset::apply_preset;

/// Every default that differs between the libraries: Keras 3.15, PyTorch 2.15.
pub fn style_settings() -> Vec<Setting> {
    let mut settings = settings_of("layers", LAYERS);
    settings.extend(settings_of_variants(
        "activations",
        &schema_of::<Activation>(),
    ));
    settings.extend(settings_of("optimizers", OPTIMIZERS));
    settings
}

/// Reads an experiment, makes the paths of its data absolute, and fills in the defaults of its style.
///
/// # Errors
/// As [`data::load`](crate::data::load).
pub fn load(file: &FilePath, sets: &[String]) -> anyhow::Result<Source> {
    let mut source = crate::data::load(file, sets)?;
    resolve_weights(&mut source)?;
    if source.experiment.style.is_some() {
        apply_style(&mut source.experiment, &style_settings());
    }
    apply_preset(&mut source)?;
    Ok(source)
}

/// Makes the paths of trained weights absolute: relative to the experiment, or of a file by that name in one of the folders
/// where weights lie. A name of which there is no file stays as it is.
fn resolve_weights(source: &mut Source) -> anyhow::Result<()> {
    let mut experiment = source.experiment.clone();
    let mut resolved = Ok(());
    visit_weights(&mut experiment, &mut |path, weights| {
        let beside = source.resolved(path, weights);
        match beside {
            Ok(beside) if text_path(&beside).exists() => *weights = beside,
            Ok(_) => {
                if let Ok(found) = find_weights(weights, source.folder()) {
                    *weights = path_text(&found).into_owned();
                }
            }
            Err(error) => resolved = Err(error),
        }
    });
    source.experiment = experiment;
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Experiment;
    use serde_json::{Value, json};

    fn styled(style: Value, layers: Value, optimizer: Value) -> Experiment {
        let mut experiment: Experiment = serde_json::from_value(json!({
            "style": style,
            "data": {"kind": "image-folder"},
            "model": {"layers": layers},
            "train": {"epochs": 1, "loss": "mse", "optimizer": optimizer},
        }))
        .expect("an experiment");
        apply_style(&mut experiment, &style_settings());
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
        apply_style(&mut again, &style_settings());
        assert_eq!(again, keras);
    }

    #[test]
    fn fills_in_the_layers_of_heads() {
        let mut experiment = styled(json!("torch"), json!(["flatten"]), json!("adam"));
        let heads = json!({"price": [{"dense": {"units": 1, "bias_init": "zeros"}}]});
        experiment.model.heads = serde_json::from_value(heads).expect("heads");
        apply_style(&mut experiment, &style_settings());
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
        apply_style(&mut experiment, &style_settings());
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
