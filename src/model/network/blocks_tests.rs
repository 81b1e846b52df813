//! What runs as one block of the CPU gives what its layers give one by one, by plain operations, also where they have
//! been trained.

use burn::tensor::{Device, Tensor, TensorData};
use serde_json::json;

use super::{Layers, Network};
use crate::config::{Path, Spec};
use crate::data::{Purpose, Rng, Shape, Value};
use crate::kernels::NormThen;
use crate::model::graph::{Pass, Scope, Training};
use crate::model::losses::read_loss;
use crate::model::value::host;

fn network(mut layers: Vec<serde_json::Value>) -> Network {
    layers.extend([json!("global_avg_pool"), json!({"dense": {"units": 3}})]);
    let specs: Vec<Spec> = serde_json::from_value(json!(layers)).expect("layers");
    let loss = read_loss(&Spec::Name("mse".into()), &Path::default()).expect("a loss");
    let layers = Layers::read(&specs).expect("layers");
    let input = Shape::Image {
        height: 13,
        width: 12,
        channels: 5,
    };
    Network::plan(layers, input, &*loss).expect("a net")
}

fn random(len: usize, key: u64, range: [f64; 2]) -> Vec<f32> {
    let mut rng = Rng::new(3, Purpose::Synth, &[key]);
    let draw = |_| rng.range(range[0], range[1]) as f32;
    (0..len).map(draw).collect()
}

/// Every parameter with random values; variances are positive.
fn parameters(network: &Network, device: &Device) -> Vec<Tensor<1>> {
    let store = network.init(1, device);
    let params = store.params.iter().zip(0..);
    let drawn = params.map(|(param, key)| {
        let range = match param.name.ends_with("variance") || param.name.ends_with("gamma") {
            true => [0.4, 1.5],
            false => [-0.5, 0.5],
        };
        let values = random(param.shape.iter().product(), key, range);
        Tensor::from_data(TensorData::from(&values[..]), device)
    });
    drawn.collect()
}

/// The layers one by one, by plain operations.
fn by_plain_operations(
    network: &Network,
    input: Value,
    tensors: &[Tensor<1>],
    pass: &Pass<'_>,
) -> Value {
    let (mut value, mut at) = (input, 0);
    let frozen = pass.frozen();
    for layer in &network.layers {
        let pass = match pass.evaluates(layer.tuning) {
            true => &frozen,
            false => pass,
        };
        let scope = Scope {
            name: &layer.name,
            specs: &layer.params,
            tensors: &tensors[at..at + layer.params.len()],
            sinks: &[],
            skip_activation: false,
            kernel: false,
            then: NormThen::default(),
            pass,
        };
        value = layer.forward.forward(value, &scope);
        at += layer.params.len();
    }
    value
}

fn same(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let size = expected.iter().fold(1e-3f32, |most, x| most.max(x.abs()));
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() / size < 2e-4,
            "{what}: {found}, plain {expected}"
        );
    }
}

/// Output in evaluation, and output and gradients in training.
fn agrees(layers: Vec<serde_json::Value>, num_blocks: usize) {
    let what = format!("{layers:?}");
    let network = network(layers);
    let device = Device::flex();
    let tensors = parameters(&network, &device);
    let pixels = random(4 * 13 * 12 * 5, 99, [-1.0, 1.0]);
    let data = || TensorData::new(pixels.clone(), [4, 13, 12, 5]);
    let image = Value::Image(Tensor::from_data(data(), &device));
    let pass = Pass::default();
    let mut blocks = 0;
    let fused = network.walk(image.clone(), |index, value| {
        blocks += 1;
        network.run_block(index, value, &tensors, &pass)
    });
    // The global average pool and the dense layer come behind.
    assert_eq!(blocks, num_blocks + 2, "{what}");
    let plain = by_plain_operations(&network, image, &tensors, &pass);
    let values = |value: Value| match value {
        Value::Flat(x) => host(x),
        other => panic!("{other:?}"),
    };
    let fused = fused.into_iter().next().expect("an output");
    same(&what, &values(fused), &values(plain));

    let device = Device::flex().autodiff();
    let training = Training {
        seed: 1,
        epoch: 0,
        ids: &[0, 1, 2, 3],
    };
    let mut results = [Vec::new(), Vec::new()];
    for (result, fused) in results.iter_mut().zip([true, false]) {
        let pass = Pass {
            training: Some(training),
            ..Pass::default()
        };
        let leaves: Vec<Tensor<1>> = tensors
            .iter()
            .map(|tensor| Tensor::from_data(tensor.to_data(), &device).require_grad())
            .collect();
        let image = Tensor::<4>::from_data(data(), &device).require_grad();
        let output = match fused {
            true => network.forward(Value::Image(image.clone()), &leaves, &pass),
            false => {
                match by_plain_operations(&network, Value::Image(image.clone()), &leaves, &pass) {
                    Value::Flat(x) => x,
                    other => panic!("{other:?}"),
                }
            }
        };
        result.push(host(output.clone().inner()));
        let weights = random(12, 98, [-1.0, 1.0]);
        let weights = Tensor::<2>::from_data(TensorData::new(weights, [4, 3]), &device);
        let grads = (output * weights).sum().backward();
        result.push(host(image.grad(&grads).expect("a gradient of the image")));
        let trained = leaves.iter().filter_map(|leaf| leaf.grad(&grads));
        result.extend(trained.map(host));
    }
    let [fused, plain] = results;
    assert_eq!(fused.len(), plain.len(), "{what}");
    for (index, (fused, plain)) in fused.iter().zip(&plain).enumerate() {
        same(&format!("{what}, in training, part {index}"), fused, plain);
    }
}

fn conv(filters: usize, kernel: usize, stride: usize, groups: usize) -> serde_json::Value {
    json!({"conv2d": {"filters": filters, "kernel": kernel, "stride": stride, "padding": "same",
        "groups": groups, "bias": false}})
}

#[test]
fn normalisations_and_activations_go_into_convolutions_of_every_kind() {
    for activation in ["relu", "relu6", "silu", "hard_silu"] {
        for conv in [
            conv(6, 3, 2, 1),
            conv(7, 1, 1, 1),
            conv(9, 3, 1, 1),
            conv(5, 3, 1, 5),
            conv(5, 5, 2, 5),
        ] {
            agrees(vec![conv, json!("batch_norm"), json!(activation)], 1);
        }
    }
}

#[test]
fn frozen_normalisations_go_into_convolutions_that_are_trained() {
    for activation in ["relu", "relu6", "silu", "hard_silu"] {
        for conv in [conv(6, 3, 2, 1), conv(9, 3, 1, 1), conv(5, 5, 2, 5)] {
            let norm = json!({"batch_norm": {"freeze": true}});
            agrees(vec![conv, norm, json!(activation)], 1);
        }
    }
}

#[test]
fn an_inverted_residual_block_agrees_with_plain_operations() {
    let norm = || json!("batch_norm");
    let layers = vec![
        conv(8, 3, 2, 1),
        norm(),
        json!("relu6"),
        json!({"residual": {"layers": [conv(24, 1, 1, 1), norm(), "relu6", conv(24, 3, 1, 24), norm(), "relu6",
            conv(8, 1, 1, 1), norm()]}}),
    ];
    agrees(layers, 2);
}

#[test]
fn the_stem_of_a_residual_net_agrees_with_plain_operations() {
    let pool = json!({"max_pool2d": {"size": 3, "stride": 2, "padding": 1}});
    let layers = vec![conv(6, 7, 2, 1), json!("batch_norm"), json!("relu"), pool];
    agrees(layers, 2);
}

#[test]
fn activations_without_a_normalisation_agree_with_plain_operations() {
    for activation in ["relu6", "silu"] {
        let layers = vec![conv(6, 3, 2, 1), json!(activation), conv(6, 3, 1, 6)];
        agrees(layers, 2);
    }
}
