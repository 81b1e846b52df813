//! `style = "keras"` and `style = "torch"` against the libraries: how layers start, and what three steps with
//! default options make of a net (`tests/reference/styles_reference.py` recorded both).

use burn::tensor::Device;
use kiln::config::{Experiment, Path, Source, Spec, read_member};
use kiln::data::{HostBatch, HostTargets, Shape};
use kiln::model::{Compute, LOSSES, Layers, Loss, Network, upload};
use kiln::train::{OPTIMIZERS, Stepper, load, training_device};
use serde_json::{Value as Json, json};

use crate::support::recorded::{floats, wave};

const STYLES: [&str; 2] = ["keras", "torch"];

fn recorded(style: &str, what: &str) -> Vec<Json> {
    let all: Json = serde_json::from_str(include_str!("../reference/styles.json")).expect("JSON");
    all[style][what].as_array().expect("a list").clone()
}

/// The experiment as the program reads it from a file.
fn styled(style: &str, layers: &Json, optimizer: &Json) -> Experiment {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("experiment.json");
    let experiment = json!({
        "style": style,
        "data": {"kind": "image-folder", "train": ".", "valid_fraction": 0.5, "size": [8, 8]},
        "model": {"layers": layers},
        "train": {"epochs": 1, "loss": "binary_cross_entropy", "optimizer": optimizer},
    });
    std::fs::write(&file, experiment.to_string()).expect("written");
    let source = load(&file, &[]);
    source
        .unwrap_or_else(|error| panic!("{error:#}"))
        .experiment
}

fn network(layers: &[Spec], shape: Shape) -> (Network, Box<dyn Loss>) {
    let loss = Spec::Name("binary_cross_entropy".into());
    let loss = read_member(LOSSES, "loss", &loss, &Path::default()).expect("a loss");
    let layers = Layers::read(layers).expect("layers");
    let network = Network::plan(layers, shape, &*loss).expect("shapes that fit");
    (network, loss)
}

fn number(json: &Json, key: &str) -> f64 {
    json[key].as_f64().expect("a number")
}

/// Least and largest value, and standard deviation.
fn spread(values: &[f32]) -> (f64, f64, f64) {
    let values = || values.iter().map(|&value| f64::from(value));
    let count = values().count() as f64;
    let mean = values().sum::<f64>() / count;
    let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (
        values().fold(f64::MAX, f64::min),
        values().fold(f64::MIN, f64::max),
        variance.sqrt(),
    )
}

fn starts_alike(style: &str, case: &Json) {
    let shape = match serde_json::from_value::<Vec<usize>>(case["shape"].clone()) {
        Err(_) => Shape::Tokens {
            length: 3,
            vocabulary: 200,
        },
        Ok(sizes) => match sizes[..] {
            [height, width, channels] => Shape::Image {
                height,
                width,
                channels,
            },
            [length, features] => Shape::Sequence { length, features },
            _ => Shape::Flat { features: sizes[0] },
        },
    };
    let layers = json!([case["layer"], "flatten"]);
    let experiment = styled(style, &layers, &json!("adam"));
    let (network, _) = network(&experiment.model.layers, shape);
    let params = network.init(1, &Device::flex()).params;
    let expected = case["params"].as_array().expect("parameters");
    assert_eq!(params.len(), expected.len(), "{style}: {}", case["layer"]);
    for (param, expected) in params.iter().zip(expected) {
        let what = format!("{style}: {} {}", case["layer"], param.name);
        let values = floats(param.tensor.clone());
        assert_eq!(values.len() as f64, number(expected, "count"), "{what}");
        let (least, most, std) = spread(&values);
        let wanted = number(expected, "std");
        if wanted == 0.0 {
            let value = number(expected, "min");
            assert!(least == value && most == value, "{what}: {least} to {most}");
            continue;
        }
        // Few values are further from their limits, and vary more.
        let few = values.len() < 1000;
        let error = (std / wanted - 1.0).abs();
        assert!(
            error < if few { 0.25 } else { 0.03 },
            "{what}: {std}, not {wanted}"
        );
        // A uniform distribution ends at sqrt(3) deviations; others have no limit to compare.
        let limit = number(expected, "max");
        if limit < 1.8 * wanted {
            let error = most.max(-least) / limit - 1.0;
            assert!(
                error.abs() < if few { 0.1 } else { 0.01 },
                "{what}: {most}, not {limit}"
            );
        }
    }
}

#[test]
fn layers_start_as_in_the_library() {
    for style in STYLES {
        let cases = recorded(style, "starts");
        assert_eq!(cases.len(), 10);
        cases.iter().for_each(|case| starts_alike(style, case));
    }
}

/// Every parameter and running average after three steps.
fn three_steps(style: &str, case: &Json) -> Vec<(String, Vec<f32>)> {
    let device = Device::flex();
    let shape = Shape::Flat { features: 6 };
    let experiment = styled(style, &case["net"], &case["optimizer"]);
    let (network, loss) = network(&experiment.model.layers, shape);
    let mut params = network.init(1, &device);
    for (key, param) in params.params.iter_mut().enumerate() {
        if param.trainable {
            let count = param.shape.iter().product();
            param.tensor = upload(wave(count, key, 1.0), &device);
        }
    }
    let rule = &experiment.train.optimizer;
    let rule = read_member(OPTIMIZERS, "optimizer", rule, &Path::default()).expect("options");
    let mut stepper = Stepper::new(&network, &*loss, rule, params, 1, Compute::F32);
    for _ in 0..3 {
        let batch = HostBatch {
            input: wave(24, 50, 0.02),
            ids: (0..4).collect(),
            targets: HostTargets::Classes(vec![1, 0, 0, 1]),
            ..HostBatch::default()
        };
        stepper.step(batch.to_device(shape, &training_device(&device)), 0);
    }
    let params = stepper.params.params.into_iter();
    params
        .map(|param| (param.name, floats(param.tensor)))
        .collect()
}

#[test]
fn steps_with_default_options_are_those_of_the_library() {
    for style in STYLES {
        let cases = recorded(style, "steps");
        assert_eq!(cases.len(), 6);
        for case in cases {
            let expected = case["params"].as_array().expect("parameters");
            let found = three_steps(style, &case);
            assert_eq!(found.len(), expected.len());
            for ((name, found), expected) in found.iter().zip(expected) {
                let expected: Vec<f64> = serde_json::from_value(expected.clone()).expect("numbers");
                for (index, (&found, expected)) in found.iter().zip(expected).enumerate() {
                    let error = (f64::from(found) - expected).abs();
                    let what = format!("{style} {}: {name}[{index}]", case["optimizer"]);
                    assert!(error < 2e-5, "{what}: {found}, recorded {expected}");
                }
            }
        }
    }
}

#[test]
fn a_style_that_is_none_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("experiment.toml");
    let text = "style = \"kera\"\n[data]\nkind = \"image-folder\"\n[model]\nlayers = [\"flatten\"]\n[train]\nepochs = 1\nloss = \"mse\"\n";
    std::fs::write(&file, text).expect("written");
    let error = format!("{:#}", Source::load(&file, &[]).expect_err("no style"));
    assert!(
        error.contains("style is \"kera\"") && error.contains("did you mean `keras`?"),
        "{error}"
    );
}
