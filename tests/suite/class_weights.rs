//! A training step with class weights against Keras (`tests/reference/class_weights_reference.py` recorded
//! it): hard labels with both losses, and soft labels.

use burn::tensor::Device;
use kiln::config::{Path, Spec, read_member};
use kiln::data::{HostBatch, HostTargets, Shape};
use kiln::model::{Compute, LOSSES, Layers, Network, upload};
use kiln::train::{OPTIMIZERS, Stepper, training_device};
use serde_json::{Value as Json, json};

use crate::support::gpu;
use crate::support::recorded::{cases, floats as host, numbers, wave};

const TOLERANCE: f64 = 1e-5;

fn case(name: &str) -> Json {
    let cases = cases(include_str!("../reference/class_weights.json"), "cases");
    let case = cases.iter().find(|case| case["name"] == name);
    case.unwrap_or_else(|| panic!("no case {name}")).clone()
}

fn floats(list: &Json) -> Vec<f32> {
    numbers(list).iter().map(|&number| number as f32).collect()
}

fn close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let error = f64::from((found - expected).abs());
        assert!(error < TOLERANCE, "{what}: {found}, Keras {expected}");
    }
}

fn batch(case: &Json) -> HostBatch {
    let soft = case["targets"][0].is_array();
    let targets = case["targets"].as_array().expect("a list");
    let mut batch = HostBatch {
        input: wave(24, 50, 2.0),
        ids: (0..4).collect(),
        ..HostBatch::default()
    };
    batch.targets = match soft {
        true => HostTargets::Mixed {
            classes: vec![0; 4],
            shares: targets.iter().flat_map(floats).collect(),
        },
        false => {
            let classes = floats(&case["targets"]);
            HostTargets::Classes(classes.iter().map(|&class| class as u32).collect())
        }
    };
    batch
}

/// One step of `case`; the loss of the batch and the parameters after it.
fn step(case: &Json, weighted: bool, device: &Device) -> (f32, Vec<Vec<f32>>) {
    let shape = Shape::Flat { features: 6 };
    let loss = match case["name"].as_str() {
        Some("binary") => "binary_cross_entropy",
        _ => "sparse_categorical_cross_entropy",
    };
    let spec = Spec::Name(loss.to_string());
    let loss = read_member(LOSSES, "loss", &spec, &Path::default()).expect("a loss");
    let specs = json!([
        {"dense": {"units": 5, "activation": "tanh"}},
        {"dense": {"units": case["units"]}},
    ]);
    let specs: Vec<Spec> = serde_json::from_value(specs).expect("layers");
    let layers = Layers::read(&specs).expect("layers");
    let network = Network::plan(layers, shape, &*loss).expect("shapes that fit");
    let mut params = network.init(1, device);
    for (key, param) in params.params.iter_mut().enumerate() {
        let count = param.shape.iter().product();
        param.tensor = upload(wave(count, key, 1.0), device);
    }
    let rule: Spec =
        serde_json::from_value(json!({"sgd": {"learning_rate": 0.5}})).expect("a rule");
    let rule = read_member(OPTIMIZERS, "optimizer", &rule, &Path::default()).expect("options");
    let mut stepper = Stepper::new(&network, &*loss, rule, params, 1, Compute::F32);
    let mut batch = batch(case);
    if weighted {
        batch.weigh(&floats(&case["weights"]));
    }
    let output = stepper.step(batch.to_device(shape, &training_device(device)), 0);
    let losses = host(output.losses);
    let params = stepper.params.tensors().into_iter().map(host).collect();
    (losses.iter().sum::<f32>() / 4.0, params)
}

fn agrees(name: &str, device: &Device) {
    let case = case(name);
    let (loss, params) = step(&case, true, device);
    close("loss", &[loss], &floats(&json!([case["loss"]])));
    let expected = case["params"].as_array().expect("parameters");
    assert_eq!(params.len(), expected.len());
    for (index, (found, expected)) in params.iter().zip(expected).enumerate() {
        close(&format!("parameter {index}"), found, &floats(expected));
    }
    let (plain, without) = step(&case, false, device);
    close(
        "plain loss",
        &[plain],
        &floats(&json!([case["plain_loss"]])),
    );
    assert!((plain - loss).abs() > 0.01, "the weights matter");
    assert_ne!(params, without);
}

#[test]
fn a_weighted_step_with_the_binary_loss_agrees_with_keras() {
    agrees("binary", &Device::flex());
}

#[test]
fn a_weighted_step_with_the_categorical_loss_agrees_with_keras() {
    agrees("classes", &Device::flex());
}

#[test]
fn a_weighted_step_with_soft_labels_agrees_with_keras() {
    agrees("soft", &Device::flex());
}

#[test]
#[ignore = "needs KILN_TEST_GPU=1 and --ignored"]
fn weighted_steps_on_a_gpu_agree_with_keras() {
    gpu::run(|gpu| {
        for name in ["binary", "classes", "soft"] {
            agrees(name, &gpu.device);
        }
    });
}
