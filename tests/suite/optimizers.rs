//! Optimizers, clipping, penalties and the average of the weights against what Keras and PyTorch make of the same
//! gradients (`tests/reference/optimizers_reference.py` recorded the figures): eight steps with gradients and
//! learning rates that change.

use burn::tensor::{Device, Tensor};
use kiln::config::{Path, Spec, Train, read_member};
use kiln::kernels::{Gradient, update};
use kiln::model::{Param, ParamStore, upload};
use kiln::train::{Average, Averaging, OPTIMIZERS, Shaping};
use serde_json::{Value as Json, json};

use crate::support::gpu;
use crate::support::process::at_every_simd_limit;
use crate::support::recorded::{self, floats, wave};

const TOLERANCE: f64 = 1e-5;

const NAMES: [&str; 2] = ["model.0.weight", "model.0.bias"];

const SIZES: [usize; 2] = [7, 3];

fn gradient(step: usize, index: usize) -> Vec<f32> {
    let scale = 1.5 / (1 + step) as f64;
    let mut values = wave(SIZES[index], 10 + 3 * step + index, scale);
    if index == 1 {
        values[0] = 1e-7; // epsilon counts here
    }
    values
}

fn rate(step: usize, first: f64) -> f64 {
    first * [1.0, 1.0, 0.5, 2.0, 0.25, 1.0, 0.1, 3.0][step]
}

fn cases() -> Vec<Json> {
    recorded::cases(include_str!("../reference/optimizers.json"), "cases")
}

fn begin(device: &Device) -> ParamStore {
    let param = |index: usize| Param {
        name: NAMES[index].to_string(),
        shape: vec![SIZES[index]],
        restraint: Default::default(),
        trainable: true,
        tuning: Default::default(),
        frozen: false,
        tensor: upload(wave(SIZES[index], index, 2.0), device),
    };
    ParamStore {
        params: vec![param(0), param(1)],
    }
}

fn shaping(case: &Json) -> Shaping {
    let mut train = json!({"epochs": 1, "loss": "mse"});
    for (key, value) in case["shaping"].as_object().into_iter().flatten() {
        train[key] = value.clone();
    }
    let train: Train = serde_json::from_value(train).expect("a training");
    Shaping::new(&train)
}

fn close(what: &str, tensor: &Tensor<1>, expected: &Json) {
    let found = floats(tensor.clone());
    let expected = expected.as_array().expect("a list");
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (&found, expected)) in found.iter().zip(expected).enumerate() {
        let expected = expected.as_f64().expect("a number");
        let error = (f64::from(found) - expected).abs() / expected.abs().max(1.0);
        assert!(
            error < TOLERANCE,
            "{what}[{index}]: {found}, expected {expected}"
        );
    }
}

fn every_step_agrees(device: &Device) {
    for case in cases() {
        let name = format!("{}, {}", case["peer"], case["name"]);
        let spec: Spec = serde_json::from_value(case["optimizer"].clone()).expect("an optimizer");
        let optimizer = read_member(OPTIMIZERS, "optimizer", &spec, &Path::default());
        let optimizer = optimizer.unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
        let first = case["first"].as_f64().expect("a rate");
        assert_eq!(optimizer.learning_rate(), first);
        let shaping = shaping(&case);
        let mut params = begin(device);
        let averaging = case["decay"].as_f64().map(|decay| Averaging::Ema {
            decay,
            warmup: false,
        });
        let mut average = averaging.map(|averaging| Average::new(averaging, &params));
        let zeros = |param: &Param| -> Vec<Tensor<1>> {
            let slots = optimizer.slots().iter();
            slots.map(|_| param.tensor.zeros_like()).collect()
        };
        let mut state: Vec<_> = params.params.iter().map(zeros).collect();
        for (step, expected) in case["steps"].as_array().expect("steps").iter().enumerate() {
            let grads = (0..2).map(|index| {
                let grad = upload(gradient(step, index), device);
                Some(Gradient::Whole(Box::new(grad)))
            });
            let grads = shaping.apply(grads.collect(), &params);
            let rule = optimizer.update(step as u64 + 1, rate(step, first));
            for (index, grad) in grads.into_iter().flatten().enumerate() {
                let param = &mut params.params[index];
                let slots = &mut state[index];
                param
                    .tensor
                    .inplace(|tensor| update(&rule, tensor, slots, grad));
                close(
                    &format!("{name}, step {step}"),
                    &param.tensor,
                    &expected[index],
                );
            }
            let Some(average) = &mut average else {
                continue;
            };
            average.after_update(step as u64 + 1, &params);
            let found = average.params.as_ref().expect("an average");
            for (param, expected) in found
                .params
                .iter()
                .zip(case["averages"][step].as_array().expect("a list"))
            {
                close(&format!("{name}, average {step}"), &param.tensor, expected);
            }
        }
    }
}

#[test]
fn every_step_is_the_peers() {
    at_every_simd_limit(|_| every_step_agrees(&Device::flex()));
}

#[test]
#[ignore = "needs KILN_TEST_GPU=1 and --ignored"]
fn every_step_on_a_gpu_is_the_peers() {
    gpu::run(|gpu| every_step_agrees(&gpu.device));
}

/// No optimizer and no way of shaping gradients without figures.
#[test]
fn every_optimizer_has_figures() {
    let cases = cases();
    let has = |tag: &str, peer: &str| {
        let of = |case: &&Json| case["peer"].as_str().expect("text").starts_with(peer);
        cases
            .iter()
            .filter(of)
            .any(|case| case["optimizer"].get(tag).is_some())
    };
    for member in OPTIMIZERS {
        let peers = ["Keras", "PyTorch"].map(|peer| has(member.name, peer));
        assert!(peers[0], "{}", member.name);
        let keras_alone = ["lion", "lamb"].contains(&member.name);
        assert!(peers[1] || keras_alone, "{}", member.name);
    }
    for key in ["clip_norm", "clip_value", "l1", "l2"] {
        let shaped = |case: &Json| case["shaping"].get(key).is_some();
        assert!(cases.iter().any(shaped), "{key}");
    }
}
