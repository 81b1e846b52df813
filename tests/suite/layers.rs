//! Single layers against what PyTorch and Keras compute (`tests/reference/layers_reference.py` recorded the
//! figures): outputs, and the gradients of input and parameters, on the CPU and on the GPU.

use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use kiln::config::{Path, Spec, read_member};
use kiln::data::{Shape, Target, Value};
use kiln::model::{LAYERS, LOSSES, Layers, Loss, Network, ParamStore, Pass, Training, upload};
use serde_json::Value as Json;

use crate::support::gpu;
use crate::support::process::at_every_simd_limit;
use crate::support::recorded::{close, floats, numbers, wave};

/// Relative to the largest value.
const TOLERANCE: f64 = 1e-4;

/// The same on a GPU: drivers may compute `exp` and its kin to fewer digits, and Mesa's software driver does.
const GPU_TOLERANCE: f64 = 1e-3;

/// A sample's shape, and the batch of it.
fn sized(values: Vec<f32>, sizes: &[usize], device: &Device) -> (Shape, Value, Gradient) {
    match *sizes {
        [batch, features] => {
            let data = TensorData::new(values, [batch, features]);
            let x = Tensor::<2>::from_data(data, device).require_grad();
            (Shape::Flat { features }, Value::Flat(x.clone()), of(x))
        }
        [batch, length, features] => {
            let data = TensorData::new(values, [batch, length, features]);
            let x = Tensor::<3>::from_data(data, device).require_grad();
            let shape = Shape::Sequence { length, features };
            (shape, Value::Sequence(x.clone()), of(x))
        }
        [batch, height, width, channels] => {
            let data = TensorData::new(values, [batch, height, width, channels]);
            let x = Tensor::<4>::from_data(data, device).require_grad();
            let shape = Shape::Image {
                height,
                width,
                channels,
            };
            (shape, Value::Image(x.clone()), of(x))
        }
        _ => panic!("sizes {sizes:?}"),
    }
}

/// The gradient of a tensor, once there is one.
type Gradient = Box<dyn Fn(&Gradients) -> Vec<f32>>;

fn of<const D: usize>(x: Tensor<D>) -> Gradient {
    Box::new(move |grads| floats(x.grad(grads).expect("a gradient")))
}

/// The input of a case on the autodiff device; tokens have no gradient.
fn input(case: &Json, device: &Device) -> (Shape, Value, Option<Gradient>) {
    if let Some(vocabulary) = case["vocabulary"].as_u64() {
        let rows: Vec<Vec<i32>> = serde_json::from_value(case["tokens"].clone()).expect("rows");
        let (batch, length) = (rows.len(), rows[0].len());
        let shape = Shape::Tokens {
            length,
            vocabulary: vocabulary as usize,
        };
        let data = TensorData::new(rows.concat(), [batch, length]);
        let tokens = Tensor::<2, Int>::from_data(data, device);
        return (shape, Value::Tokens(tokens), None);
    }
    let sizes: Vec<usize> = serde_json::from_value(case["input"].clone()).expect("sizes");
    let scale = case["scale"].as_f64().expect("a number");
    let values = wave(sizes.iter().product(), 50, scale);
    let (shape, value, gradient) = sized(values, &sizes, device);
    (shape, value, Some(gradient))
}

/// The layer of a case and a flatten behind it.
fn network(case: &Json, shape: Shape) -> (Network, Box<dyn Loss>) {
    let name = &case["name"];
    let specs = [case["layer"].clone(), Json::from("flatten")];
    let specs = specs.map(|spec| serde_json::from_value::<Spec>(spec).expect("a layer"));
    let loss = Spec::Name("mse".into());
    let loss = read_member(LOSSES, "loss", &loss, &Path::default()).expect("a loss");
    let layers = Layers::read(&specs).unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
    let network = Network::plan(layers, shape, &*loss);
    let network = network.unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
    (network, loss)
}

/// The parameters as the script makes them.
fn params(case: &Json, network: &Network, device: &Device) -> ParamStore {
    let mut params = network.init(1, device);
    for (key, param) in params.params.iter_mut().enumerate() {
        let expected: Vec<usize> = serde_json::from_value(case["params"][key].clone()).unwrap();
        let count = param.shape.iter().product();
        assert_eq!(
            count,
            expected.iter().product::<usize>(),
            "{}: {}",
            case["name"],
            param.name
        );
        let mut values = wave(count, key, 1.0);
        if param.name.ends_with("running_variance") {
            values.iter_mut().for_each(|x| *x = x.abs() + 0.1);
        }
        param.tensor = upload(values, device);
    }
    params
}

/// The recorded gradients of the parameters, as Kiln has them.
fn recorded_grads(case: &Json, has_input: bool, count: usize) -> Vec<Json> {
    let mut recorded =
        case["grads"].as_array().expect("gradients")[usize::from(has_input)..].to_vec();
    if recorded.len() < count {
        // Keras keeps both biases of a GRU in one.
        let both = recorded.pop().expect("a bias");
        let both = both.as_array().expect("a list");
        let (one, other) = both.split_at(both.len() / 2);
        recorded.extend([Json::from(one.to_vec()), Json::from(other.to_vec())]);
    }
    assert_eq!(recorded.len(), count, "{}", case["name"]);
    recorded
}

fn agrees(case: &Json, device: &Device, tolerance: f64) {
    if case["factors"].is_array() {
        return drops(case, device);
    }
    let name = case["name"].as_str().expect("a name");
    let (shape, value, gradient) = input(case, &device.clone().autodiff());
    let (network, loss) = network(case, shape);
    let params = params(case, &network, device);
    let leaves = params.leaves(&[]);
    let ids: Vec<u32> = (0..case["input"][0].as_u64().expect("a size") as u32).collect();
    let pass = match case["training"] == true {
        true => training(&ids),
        false => Pass::default(),
    };
    let out = network.forward(value, &leaves, &pass);
    let close = |what: &str, found: &[f32], expected: &Json| {
        close(&format!("{name}: {what}"), found, expected, tolerance);
    };
    close("output", &floats(out.clone().inner()), &case["output"]);
    let zeros = Target::Real(out.zeros_like());
    let grads = loss.forward(out, &zeros).mean().backward();
    let trainable: Vec<_> = leaves
        .iter()
        .zip(&params.params)
        .filter(|(_, param)| param.trainable)
        .collect();
    let recorded = recorded_grads(case, gradient.is_some(), trainable.len());
    if let Some(gradient) = gradient {
        close(
            "gradient of the input",
            &gradient(&grads),
            &case["grads"][0],
        );
    }
    for ((leaf, param), expected) in trainable.into_iter().zip(&recorded) {
        let found = floats(leaf.grad(&grads).expect("a gradient"));
        close(&format!("gradient of {}", param.name), &found, expected);
    }
    let updates = pass.updates.into_inner();
    assert_eq!(updates.is_empty(), case["training"] != true, "{name}");
    for (param, value) in updates {
        let which = usize::from(param.ends_with("running_variance"));
        close(&param, &floats(value), &case["running"][which]);
    }
}

/// A pass that trains on samples of these numbers.
fn training(ids: &[u32]) -> Pass<'_> {
    let training = Training {
        seed: 1,
        epoch: 0,
        ids,
    };
    Pass {
        training: Some(training),
        ..Pass::default()
    }
}

/// Every value is multiplied by one of the recorded factors, each of which occurs, and so is its gradient.
fn drops(case: &Json, device: &Device) {
    let name = &case["name"];
    let (shape, value, gradient) = input(case, &device.clone().autodiff());
    let (network, _) = network(case, shape);
    let ids: Vec<u32> = (0..case["input"][0].as_u64().expect("a size") as u32).collect();
    let out = network.forward(value, &[], &training(&ids));
    let grads = out.clone().sum().backward();
    let (out, grads) = (floats(out.inner()), gradient.expect("floats")(&grads));
    let inputs = wave(out.len(), 50, case["scale"].as_f64().expect("a number"));
    let factors = numbers(&case["factors"]);
    let mut seen = vec![0; factors.len()];
    for (index, (&input, (&out, &grad))) in inputs.iter().zip(out.iter().zip(&grads)).enumerate() {
        let near = |x: &f64| (x - f64::from(grad)).abs() < 1e-6;
        let factor = factors.iter().position(near);
        let factor = factor.unwrap_or_else(|| panic!("{name}[{index}]: {grad}"));
        let error = f64::from(out) - factors[factor] * f64::from(input);
        assert!(error.abs() < 1e-6, "{name}[{index}]: {out} of {input}");
        seen[factor] += 1;
    }
    assert!(seen.iter().all(|&count| count > 0), "{name}: {seen:?}");
}

fn cases() -> Vec<Json> {
    serde_json::from_str(include_str!("../reference/layers.json")).expect("a list of cases")
}

#[test]
fn layers_agree_with_pytorch_and_keras() {
    let cases = cases();
    assert!(cases.len() >= 95, "{} cases", cases.len());
    at_every_simd_limit(|_| {
        let agrees = |case| agrees(case, &Device::flex(), TOLERANCE);
        cases.iter().for_each(agrees);
    });
}

#[test]
#[ignore = "needs KILN_TEST_GPU=1 and --ignored"]
fn layers_on_a_gpu_agree_with_pytorch_and_keras() {
    gpu::run(|gpu| {
        let agrees = |case| agrees(case, &gpu.device, GPU_TOLERANCE);
        cases().iter().for_each(agrees);
    });
}

/// No layer without a case, and none of those that differ in training without one of training.
#[test]
fn every_layer_has_a_recorded_case() {
    let cases = cases();
    let spec =
        |case: &Json| serde_json::from_value::<Spec>(case["layer"].clone()).expect("a layer");
    let has = |name: &str, of: &dyn Fn(&Json) -> bool| {
        let mut cases = cases.iter().filter(|case| of(case));
        cases.any(|case| spec(case).name() == name)
    };
    for layer in LAYERS {
        if layer.name == "backbone" {
            continue; // tests/suite/backbones.rs
        }
        assert!(has(layer.name, &|_| true), "{} has none", layer.name);
    }
    for name in ["batch_norm", "dropout", "spatial_dropout"] {
        let trains = |case: &Json| case["training"] == true || case["factors"].is_array();
        assert!(has(name, &trains), "{name} has none in training");
        assert!(has(name, &|case| !trains(case)), "{name} has none outside");
    }
}
