//! Single layers against what PyTorch and Keras compute (`tests/reference/layers_reference.py` recorded the
//! figures): outputs, and the gradients of input and parameters, on the CPU and on the GPU.

use burn::tensor::{Device, Tensor, TensorData};
use kiln::config::{Path, Spec, read_member};
use kiln::data::{Shape, Target, Value};
use kiln::model::{LOSSES, Layers, Network, Pass, upload};
use serde_json::Value as Json;

use crate::support::gpu;
use crate::support::recorded::{close, floats, wave};

/// Relative to the largest value.
const TOLERANCE: f64 = 1e-4;

/// The same on a GPU: drivers may compute `exp` and its kin to fewer digits, and Mesa's software driver does.
const GPU_TOLERANCE: f64 = 1e-3;

/// The input on the autodiff device, and its gradient once there is one.
enum Input {
    Sequence(Tensor<3>),
    Image(Tensor<4>),
}

fn agrees(case: &Json, device: &Device, tolerance: f64) {
    let name = case["name"].as_str().expect("a name");
    let sizes: Vec<usize> = serde_json::from_value(case["input"].clone()).expect("sizes");
    let autodiff = device.clone().autodiff();
    let scale = case["scale"].as_f64().expect("a number");
    let values = wave(sizes.iter().product(), 50, scale);
    let (shape, input) = match sizes[..] {
        [batch, length, features] => {
            let data = TensorData::new(values, [batch, length, features]);
            let x = Tensor::<3>::from_data(data, &autodiff).require_grad();
            (Shape::Sequence { length, features }, Input::Sequence(x))
        }
        [batch, height, width, channels] => {
            let data = TensorData::new(values, [batch, height, width, channels]);
            let x = Tensor::<4>::from_data(data, &autodiff).require_grad();
            let shape = Shape::Image {
                height,
                width,
                channels,
            };
            (shape, Input::Image(x))
        }
        _ => panic!("{name}: sizes {sizes:?}"),
    };
    let specs = [case["layer"].clone(), Json::from("flatten")];
    let specs = specs.map(|spec| serde_json::from_value::<Spec>(spec).expect("a layer"));
    let loss = Spec::Name("mse".into());
    let loss = read_member(LOSSES, "loss", &loss, &Path::default()).expect("a loss");
    let layers = Layers::read(&specs).unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
    let network = Network::plan(layers, shape, &*loss);
    let network = network.unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
    let mut params = network.init(1, device);
    for (key, param) in params.params.iter_mut().enumerate() {
        let expected: Vec<usize> = serde_json::from_value(case["params"][key].clone()).unwrap();
        let count = param.shape.iter().product();
        assert_eq!(
            count,
            expected.iter().product::<usize>(),
            "{name}: {}",
            param.name
        );
        param.tensor = upload(wave(count, key, 1.0), device);
    }
    let leaves = params.leaves(&[]);
    let value = match &input {
        Input::Sequence(x) => Value::Sequence(x.clone()),
        Input::Image(x) => Value::Image(x.clone()),
    };
    let out = network.forward(value, &leaves, &Pass::default());
    close(
        &format!("{name}: output"),
        &floats(out.clone().inner()),
        &case["output"],
        tolerance,
    );
    let zeros = Target::Real(out.zeros_like());
    let grads = loss.forward(out, &zeros).mean().backward();
    let found = match &input {
        Input::Sequence(x) => floats(x.grad(&grads).expect("a gradient")),
        Input::Image(x) => floats(x.grad(&grads).expect("a gradient")),
    };
    close(
        &format!("{name}: gradient of the input"),
        &found,
        &case["grads"][0],
        tolerance,
    );
    let mut recorded = case["grads"].as_array().expect("gradients")[1..].to_vec();
    if recorded.len() < leaves.len() {
        // Keras keeps both biases of a GRU in one.
        let both = recorded.pop().expect("a bias");
        let (one, other) = both
            .as_array()
            .unwrap()
            .split_at(both.as_array().unwrap().len() / 2);
        recorded.extend([Json::from(one.to_vec()), Json::from(other.to_vec())]);
    }
    for ((leaf, param), expected) in leaves.iter().zip(&params.params).zip(&recorded) {
        let found = floats(leaf.grad(&grads).expect("a gradient"));
        close(
            &format!("{name}: gradient of {}", param.name),
            &found,
            expected,
            tolerance,
        );
    }
}

fn cases() -> Vec<Json> {
    serde_json::from_str(include_str!("../reference/layers.json")).expect("a list of cases")
}

#[test]
fn layers_agree_with_pytorch_and_keras() {
    let cases = cases();
    assert!(cases.len() >= 70, "{} cases", cases.len());
    cases
        .iter()
        .for_each(|case| agrees(case, &Device::flex(), TOLERANCE));
}

/// With `KILN_TEST_GPU=1`; a missing adapter fails.
#[test]
fn layers_on_a_gpu_agree_with_pytorch_and_keras() {
    gpu::run(|gpu| {
        let agrees = |case| agrees(case, &gpu.device, GPU_TOLERANCE);
        cases().iter().for_each(agrees);
    });
}
