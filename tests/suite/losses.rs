//! Every loss against what Keras and PyTorch compute (`tests/reference/losses_reference.py` recorded the figures):
//! each sample's loss, and the gradient of their mean, on the CPU and on the GPU.

use burn::tensor::{Device, Int, Tensor, TensorData};
use kiln::config::{Path, Spec, read_member};
use kiln::data::Target;
use kiln::model::{LOSSES, Loss};
use serde_json::Value as Json;

use crate::support::gpu;
use crate::support::process::at_every_simd_limit;
use crate::support::recorded::{close, floats, wave};

/// Relative to the largest value.
const TOLERANCE: f64 = 1e-4;

fn cases() -> Vec<Json> {
    serde_json::from_str(include_str!("../reference/losses.json")).expect("a list of cases")
}

fn spec(case: &Json) -> Spec {
    serde_json::from_value(case["loss"].clone()).expect("a loss")
}

fn target(case: &Json, device: &Device) -> Target {
    let (kind, values) = case["target"]
        .as_object()
        .expect("one kind")
        .iter()
        .next()
        .expect("one");
    let rows = values.as_array().expect("a list");
    if kind == "class" {
        let classes: Vec<i32> = serde_json::from_value(values.clone()).expect("classes");
        return Target::Class(Tensor::<1, Int>::from_ints(&classes[..], device));
    }
    let rows: Vec<Vec<f32>> = rows
        .iter()
        .map(|row| serde_json::from_value(row.clone()).expect("numbers"))
        .collect();
    let shape = [rows.len(), rows[0].len()];
    let tensor = Tensor::from_data(TensorData::new(rows.concat(), shape), device);
    match kind.as_str() {
        "soft" => Target::Soft(tensor),
        "multi" => Target::Multi(tensor),
        _ => Target::Real(tensor),
    }
}

fn agree(device: &Device) {
    let device = device.clone().autodiff();
    for case in cases() {
        let what = format!("{} as {}", case["name"], case["loss"]);
        let loss: Box<dyn Loss> = read_member(LOSSES, "loss", &spec(&case), &Path::default())
            .unwrap_or_else(|faults| panic!("{what}: {faults:?}"));
        let outputs = case["outputs"].as_u64().expect("a number") as usize;
        let data = TensorData::new(wave(5 * outputs, 50, 6.0), [5, outputs]);
        let x = Tensor::<2>::from_data(data, &device).require_grad();
        let losses = loss.forward(x.clone(), &target(&case, &device));
        close(
            &format!("{what}: losses"),
            &floats(losses.clone().inner()),
            &case["losses"],
            TOLERANCE,
        );
        let grads = losses.mean().backward();
        let grad = floats(x.grad(&grads).expect("a gradient"));
        close(
            &format!("{what}: gradient"),
            &grad,
            &case["grad"],
            TOLERANCE,
        );
    }
}

#[test]
fn losses_and_their_gradients_agree_with_keras_and_pytorch() {
    at_every_simd_limit(|_| agree(&Device::flex()));
}

#[test]
#[ignore = "needs KILN_TEST_GPU=1 and --ignored"]
fn losses_on_a_gpu_agree_with_keras_and_pytorch() {
    gpu::run(|gpu| agree(&gpu.device));
}

#[test]
fn every_loss_has_a_recorded_case() {
    let names: Vec<String> = cases()
        .iter()
        .map(|case| spec(case).name().to_string())
        .collect();
    // Those of several heads are other losses.
    for loss in LOSSES.iter().filter(|loss| loss.name != "per_head") {
        assert!(
            names.iter().any(|name| name == loss.name),
            "{} has none",
            loss.name
        );
    }
}
