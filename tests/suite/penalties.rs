//! Penalties and limits of single layers against Keras: three training steps of nets whose layers have them
//! (`tests/reference/penalties_reference.py` recorded the parameters after them).

use burn::tensor::Device;
use kiln::config::{Path, Spec, Train, read_member};
use kiln::data::{HostBatch, HostTargets, Shape};
use kiln::model::{Compute, LOSSES, Layers, Network, upload};
use kiln::train::{LearningRate, OPTIMIZERS, Shaping, Stepper, training_device};
use serde_json::{Value as Json, json};

use crate::support::gpu;
use crate::support::recorded::{self, floats, wave};

const TOLERANCE: f64 = 1e-5;

fn cases() -> Vec<Json> {
    recorded::cases(include_str!("../reference/penalties.json"), "cases")
}

/// The shape of a sample, and the inputs of the batch.
fn input(case: &Json) -> (Shape, Vec<f32>) {
    if !case["tokens"].is_null() {
        let tokens: Vec<Vec<f32>> = serde_json::from_value(case["tokens"].clone()).expect("rows");
        let (length, vocabulary) = (tokens[0].len(), 7);
        return (Shape::Tokens { length, vocabulary }, tokens.concat());
    }
    let sizes: Vec<usize> = serde_json::from_value(case["shape"].clone()).expect("sizes");
    let shape = match sizes[..] {
        [_, length, features] => Shape::Sequence { length, features },
        [_, height, width, channels] => Shape::Image {
            height,
            width,
            channels,
        },
        _ => panic!("sizes {sizes:?}"),
    };
    (shape, wave(sizes.iter().product(), 50, 2.0))
}

fn member<T: ?Sized>(members: &[kiln::config::Member<T>], spec: Json) -> Box<T> {
    let spec: Spec = serde_json::from_value(spec).expect("a spec");
    read_member(members, "member", &spec, &Path::default()).expect("options that fit")
}

/// The parameters after three steps.
fn train(case: &Json, layers: &Json, device: &Device) -> Vec<(String, Vec<f32>)> {
    let (shape, inputs) = input(case);
    let loss = member(LOSSES, json!("binary_cross_entropy"));
    let specs: Vec<Spec> = serde_json::from_value(layers.clone()).expect("layers");
    let layers = Layers::read(&specs).expect("layers");
    let network = Network::plan(layers, shape, &*loss).expect("shapes that fit");
    let mut params = network.init(1, device);
    for (key, param) in params.params.iter_mut().enumerate() {
        let count = param.shape.iter().product();
        param.tensor = upload(wave(count, key, 1.0), device);
    }
    let train =
        json!({"epochs": 1, "loss": "binary_cross_entropy", "clip_norm": case["clip_norm"]});
    let train: Train = serde_json::from_value(train).expect("a section");
    let rule = member(OPTIMIZERS, json!({"sgd": {"learning_rate": 0.5}}));
    let mut stepper = Stepper::new(&network, &*loss, rule, params, 1, Compute::F32)
        .with(LearningRate::default(), Shaping::new(&train));
    for _ in 0..3 {
        let batch = HostBatch {
            input: inputs.clone(),
            ids: (0..4).collect(),
            targets: HostTargets::Classes(vec![1, 0, 0, 1]),
            ..HostBatch::default()
        };
        stepper.step(batch.to_device(shape, &training_device(device)), 0);
    }
    let params = stepper.params.params.into_iter();
    params
        .map(|param| (param.name, floats(param.tensor)))
        .collect()
}

fn agrees(case: &Json, device: &Device) {
    let params = train(case, &case["layers"], device);
    let expected = case["params"].as_array().expect("parameters");
    assert_eq!(params.len(), expected.len());
    for ((name, found), expected) in params.iter().zip(expected) {
        let expected: Vec<f64> = serde_json::from_value(expected.clone()).expect("numbers");
        assert_eq!(found.len(), expected.len(), "{name}");
        for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
            let error = (f64::from(*found) - expected).abs();
            let what = format!("{}: {name}[{index}]", case["name"]);
            assert!(error < TOLERANCE, "{what}: {found}, Keras {expected}");
        }
    }
}

#[test]
fn layers_with_penalties_and_limits_train_as_keras_does() {
    let cases = cases();
    assert_eq!(cases.len(), 4);
    cases.iter().for_each(|case| agrees(case, &Device::flex()));
}

/// Each option by itself changes the parameters of the first case: none of them is without effect there.
#[test]
fn every_option_matters() {
    let case = &cases()[0];
    let with = train(case, &case["layers"], &Device::flex());
    for option in ["l1", "l2", "max_norm"] {
        let mut layers = case["layers"].clone();
        let conv = layers[0]["conv2d"].as_object_mut().expect("options");
        assert!(conv.remove(option).is_some());
        let without = train(case, &layers, &Device::flex());
        assert_ne!(with[0].1, without[0].1, "{option}");
    }
}

#[test]
#[ignore = "needs KILN_TEST_GPU=1 and --ignored"]
fn penalties_on_a_gpu_agree_with_keras() {
    gpu::run(|gpu| cases().iter().for_each(|case| agrees(case, &gpu.device)));
}
