//! Forward passes, losses and gradients against what PyTorch computes
//! (`tests/reference/torch_reference.py` recorded the figures).

use burn::tensor::{Device, Int, Tensor, TensorData};
use kiln::config::{Model, Path, Spec, read_member};
use kiln::data::{Shape, Target, Value};
use kiln::model::{LOSSES, Layers, Network, Pass, Training, upload};
use serde_json::{Value as Json, json};

use crate::support::recorded::{cases, close, floats, wave};

const RECORDED: &str = include_str!("../reference/torch.json");

/// Relative to the largest value of the tensor.
const TOLERANCE: f64 = 1e-4;

fn recorded(name: &str) -> Json {
    let cases = cases(RECORDED, "cases");
    let case = cases.iter().find(|case| case["name"] == name);
    case.unwrap_or_else(|| panic!("no case {name}")).clone()
}

/// Runs a net as PyTorch did. `image` is `[batch, height, width, channels]`.
fn agrees(name: &str, layers: Json, image: [usize; 4], classes: &[i32], loss: &str) {
    let case = recorded(name);
    let device = Device::flex();
    let specs: Vec<Spec> = serde_json::from_value(layers).expect("layers");
    let spec = Spec::Name(loss.to_string());
    let loss = read_member(LOSSES, "loss", &spec, &Path::default()).expect("a loss");
    let [batch, height, width, channels] = image;
    let shape = Shape::Image {
        height,
        width,
        channels,
    };
    let layers = Layers::read(&specs).expect("layers");
    let network = Network::plan(layers, shape, &*loss).expect("shapes that fit");
    let mut params = network.init(1, &device);
    let trainable = params.params.iter_mut().filter(|param| param.trainable);
    for (key, param) in trainable.enumerate() {
        let count = param.shape.iter().product();
        param.tensor = upload(wave(count, key, 1.0), &device);
    }
    let input = TensorData::new(wave(image.iter().product(), 50, 2.0), image);
    let on = |device: &Device| Value::Image(Tensor::from_data(input.clone(), device));
    let autodiff = device.clone().autodiff();
    let target = Target::Class(Tensor::<1, Int>::from_ints(classes, &autodiff));

    let ids: Vec<u32> = (0..batch as u32).collect();
    let pass = Pass {
        training: Some(Training {
            seed: 1,
            epoch: 0,
            ids: &ids,
        }),
        ..Pass::default()
    };
    let leaves = params.leaves(&[]);
    let logits = network.forward(on(&autodiff), &leaves, &pass);
    close(
        "logits",
        &floats(logits.clone().inner()),
        &case["logits"],
        TOLERANCE,
    );
    let mean = loss.forward(logits, &target).mean();
    let value: f32 = mean.clone().inner().into_scalar();
    close("loss", &[value], &json!([case["loss"]]), TOLERANCE);
    let gradients = mean.backward();
    let grads = leaves.iter().filter_map(|leaf| leaf.grad(&gradients));
    let mut count = 0;
    for (grad, expected) in grads.zip(case["grads"].as_array().expect("gradients")) {
        close(
            &format!("gradient {count}"),
            &floats(grad),
            expected,
            TOLERANCE,
        );
        count += 1;
    }
    assert_eq!(count, case["grads"].as_array().expect("gradients").len());

    for (name, value) in pass.updates.into_inner() {
        let param = params.params.iter_mut().find(|param| param.name == name);
        param.expect("a buffer of the net").tensor = value;
    }
    let logits = network.forward(on(&device), &params.tensors(), &Pass::default());
    // PyTorch's running variance is the unbiased one: 80/79 of ours here, in one hundredth.
    let tolerance = if name.contains("batch_norm") {
        1e-3
    } else {
        TOLERANCE
    };
    close(
        "evaluation logits",
        &floats(logits),
        &case["eval_logits"],
        tolerance,
    );
}

const CE: &str = "sparse_categorical_cross_entropy";
const BCE: &str = "binary_cross_entropy";

#[test]
fn convolution_pooling_and_dense_layers() {
    let layers = json!([
        {"conv2d": {"filters": 4, "kernel": 3, "activation": "relu"}},
        {"max_pool2d": {"size": 2}},
        "flatten",
        {"dense": {"units": 1}},
    ]);
    agrees("conv_pool_dense", layers, [3, 9, 8, 3], &[1, 0, 1], BCE);
}

#[test]
fn strides_padding_dilation_and_groups() {
    let layers = json!([
        {"conv2d": {"filters": 6, "kernel": [3, 2], "stride": 2, "padding": 1, "dilation": [2, 1],
            "groups": 2, "activation": "tanh"}},
        "global_avg_pool",
        {"dense": {"units": 3, "activation": "softmax"}},
    ]);
    agrees(
        "strides_padding_dilation_groups",
        layers,
        [2, 9, 7, 4],
        &[2, 0],
        CE,
    );
}

#[test]
fn batch_norm_same_padding_and_average_pooling() {
    let layers = json!([
        {"conv2d": {"filters": 3, "kernel": 3, "padding": "same", "bias": false}},
        "batch_norm",
        "gelu",
        {"avg_pool2d": {}},
        "flatten",
        {"dense": {"units": 3}},
    ]);
    let name = "batch_norm_same_padding_average_pool";
    agrees(name, layers, [4, 5, 4, 1], &[1, 1, 0, 2], CE);
}

#[test]
fn activations() {
    for name in ["leaky_relu", "elu", "selu", "silu", "softplus", "sigmoid"] {
        let layers = json!([
            "flatten",
            {"dense": {"units": 5, "activation": name}},
            {"dense": {"units": 1, "activation": "sigmoid"}},
        ]);
        agrees(name, layers, [4, 1, 2, 3], &[1, 0, 0, 1], BCE);
    }
}

/// Outside training a batch normalisation goes into the convolution before it; a dropout between them, which does
/// nothing then, keeps them apart.
#[test]
fn a_batch_norm_within_a_convolution_gives_what_it_gives_behind_it() {
    let device = Device::flex();
    let input = TensorData::new(wave(3 * 9 * 8 * 9, 50, 2.0), [3, 9, 8, 9]);
    let shape = Shape::Image {
        height: 9,
        width: 8,
        channels: 9,
    };
    let spec = Spec::Name(CE.into());
    let loss = read_member(LOSSES, "loss", &spec, &Path::default()).expect("a loss");
    let outputs = |between: &[Json], (bias, activation): (bool, &str), behind: &[Json]| {
        let conv = json!({"conv2d": {"filters": 10, "kernel": 3, "padding": "same", "bias": bias,
            "activation": activation}});
        let layers = [
            &[conv],
            between,
            &[json!({"batch_norm": {"epsilon": 0.01}})],
            behind,
        ];
        let layers = [layers.concat(), vec![json!("flatten")]].concat();
        let specs: Vec<Spec> = serde_json::from_value(Json::from(layers)).expect("layers");
        let layers = Layers::read(&specs).expect("layers");
        let network = Network::plan(layers, shape, &*loss).expect("shapes that fit");
        let mut params = network.init(1, &device);
        for (key, param) in params.params.iter_mut().enumerate() {
            let mut values = wave(param.shape.iter().product(), key, 1.0);
            if param.name.ends_with("variance") {
                values
                    .iter_mut()
                    .for_each(|value| *value = value.abs() + 0.1);
            }
            param.tensor = upload(values, &device);
        }
        let image = Value::Image(Tensor::from_data(input.clone(), &device));
        floats(network.forward(image, &params.tensors(), &Pass::default()))
    };
    let apart = [json!({"dropout": {"rate": 0.5}})];
    for conv in [
        (true, "linear"),
        (false, "linear"),
        (true, "relu"),
        (true, "gelu"),
    ] {
        for behind in [
            vec![],
            vec![json!("relu")],
            vec![json!("relu"), json!({"max_pool2d": {"size": 2}})],
            vec![json!("gelu")],
        ] {
            let expected = Json::from(outputs(&apart, conv, &behind));
            let what = format!("{behind:?} behind {conv:?}");
            close(&what, &outputs(&[], conv, &behind), &expected, 1e-5);
        }
    }
}

/// A convolution that ends the trunk has the normalisation of no head behind it.
#[test]
fn a_batch_norm_that_begins_a_head_stays_in_the_head() {
    let device = Device::flex();
    let shape = Shape::Image {
        height: 6,
        width: 5,
        channels: 2,
    };
    let input = TensorData::new(wave(2 * 6 * 5 * 2, 50, 2.0), [2, 6, 5, 2]);
    let spec = Spec::Name(CE.into());
    let loss = read_member(LOSSES, "loss", &spec, &Path::default()).expect("a loss");
    let outputs = |first: &[Json]| {
        let end = [json!("flatten"), json!({"dense": {"units": 2}})];
        let head = [first, &[json!("batch_norm"), json!("relu")], &end].concat();
        let model: Model = serde_json::from_value(json!({
            "layers": [{"conv2d": {"filters": 3, "kernel": 3}}],
            "heads": {"a": head, "b": end},
        }))
        .expect("a model");
        let layers = Layers::of(&model).expect("layers");
        let network = Network::plan(layers, shape, &*loss).expect("shapes that fit");
        let mut params = network.init(1, &device);
        for (key, param) in params.params.iter_mut().enumerate() {
            let values = wave(param.shape.iter().product(), key, 1.0);
            let values = values.into_iter().map(|value| value.abs() + 0.1).collect();
            param.tensor = upload(values, &device);
        }
        let image = Value::Image(Tensor::from_data(input.clone(), &device));
        floats(network.forward(image, &params.tensors(), &Pass::default()))
    };
    let apart = Json::from(outputs(&[json!({"dropout": {"rate": 0.5}})]));
    close("both heads", &outputs(&[]), &apart, 1e-5);
}
