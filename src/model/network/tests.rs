//! Nested layers: every plan is independent, and the walk visits every parameter.

use burn::tensor::{Device, Tensor};
use serde_json::json;

use super::list::reader;
use super::{Layers, Network};
use crate::config::{Path, Spec};
use crate::data::{Shape, Value};
use crate::model::graph::{Params, Pass, PlannedLayer, run_block};
use crate::model::losses::read_loss;
use crate::model::params::ParamStore;
use crate::model::tuning::Tuning;

fn spec(json: serde_json::Value) -> Spec {
    serde_json::from_value(json).expect("a layer")
}

fn network(layers: serde_json::Value, input: Shape) -> Network {
    let specs: Vec<Spec> = serde_json::from_value(layers).expect("layers");
    let loss = read_loss(&Spec::Name("mse".into()), &Path::default()).expect("a loss");
    let layers = Layers::read(&specs).expect("layers");
    Network::plan(layers, input, &*loss).expect("a net")
}

/// The shape of what a planned layer gives for zeros.
fn output_of(layer: &PlannedLayer, input: Value) -> Vec<usize> {
    let specs = layer.params.iter();
    let named = specs.map(|spec| (format!("{}.{}", layer.name, spec.name), spec));
    let params = ParamStore::init(named, 1, &Device::flex());
    let params = Params {
        tensors: &params.tensors(),
        sinks: &[],
    };
    let layers = std::slice::from_ref(layer);
    let (_, output) = run_block(layers, 0, &layer.name, input, params, &Pass::default());
    match output {
        Value::Image(x) => x.dims()[1..].to_vec(),
        Value::Sequence(x) => x.dims()[1..].to_vec(),
        Value::Flat(x) => x.dims()[1..].to_vec(),
        Value::Tokens(x) => x.dims()[1..].to_vec(),
    }
}

fn sizes(shape: Shape) -> Vec<usize> {
    match shape {
        Shape::Image {
            height,
            width,
            channels,
        } => vec![height, width, channels],
        Shape::Sequence { length, features } => vec![length, features],
        Shape::Flat { features } => vec![features],
        Shape::Tokens { length, .. } => vec![length],
    }
}

fn image(size: usize, channels: usize) -> Shape {
    Shape::Image {
        height: size,
        width: size,
        channels,
    }
}

fn sequence(length: usize, features: usize) -> Shape {
    Shape::Sequence { length, features }
}

fn zeros(shape: Shape) -> Value {
    let device = Device::flex();
    match shape {
        Shape::Image {
            height,
            width,
            channels,
        } => Value::Image(Tensor::zeros([1, height, width, channels], &device)),
        Shape::Sequence { length, features } => {
            Value::Sequence(Tensor::zeros([1, length, features], &device))
        }
        other => Value::Flat(Tensor::zeros([1, other.num_elements()], &device)),
    }
}

#[test]
fn one_layer_can_be_planned_for_two_shapes() {
    let images = [image(8, 2), image(5, 3)];
    let sequences = [sequence(6, 2), sequence(9, 3)];
    let block = json!({"residual": {"layers": [{"conv2d": {"filters": 4, "kernel": 3, "stride": 2, "padding": "same"}},
        {"batch_norm": {"epsilon": 0.5}}], "shortcut_norm": true}});
    for (options, inputs, weights) in [
        (block, images, [[4, 2, 3, 3], [4, 3, 3, 3]].map(Vec::from)),
        (
            json!({"depthwise_conv2d": {"kernel": 3, "multiplier": 2}}),
            images,
            [[4, 1, 3, 3], [6, 1, 3, 3]].map(Vec::from),
        ),
        (
            json!({"separable_conv1d": {"filters": 5, "kernel": 2}}),
            sequences,
            [[2, 1, 2], [3, 1, 2]].map(Vec::from),
        ),
        (
            json!({"bidirectional": {"layer": {"lstm": {"units": 3}}}}),
            sequences,
            [[2, 12], [3, 12]].map(Vec::from),
        ),
    ] {
        let spec = spec(options);
        let layer = reader().read(&spec, &Path::default()).expect("a layer");
        let plan = |input| {
            let planned = layer.plan(input, reader()).expect("a shape that fits");
            let planned = planned.named("model.0", spec.name(), input, Tuning::default());
            planned.expect("sizes within bounds")
        };
        // Both plans are made before either runs.
        let plans = inputs.map(plan);
        for ((plan, input), weight) in plans.iter().zip(inputs).zip(weights) {
            assert_eq!(plan.params[0].shape, weight, "{spec:?}");
            assert_eq!(
                output_of(plan, zeros(input)),
                sizes(plan.output),
                "{spec:?}"
            );
        }
    }
}

#[test]
fn the_walk_comes_to_every_parameter_once_by_the_name_of_the_store() {
    let conv =
        |filters: usize| json!({"conv2d": {"filters": filters, "kernel": 3, "padding": "same"}});
    let inner = json!({"residual": {"layers": [conv(6), "batch_norm"], "shortcut_norm": true}});
    let network = network(
        json!([
            {"residual": {"layers": [conv(4), "batch_norm", "relu", inner, {"separable_conv2d": {"filters": 4,
                "kernel": 3, "padding": "same"}}], "activation": "relu"}},
            {"reshape": {"shape": [-1, 4]}},
            {"bidirectional": {"layer": {"gru": {"units": 2}}}},
            {"dense": {"units": 1}},
        ]),
        image(6, 2),
    );
    let store = network.init(1, &Device::flex());
    let stored: Vec<&str> = store.params.iter().map(|param| &*param.name).collect();
    let (mut walked, mut layers) = (Vec::new(), Vec::new());
    network.visit(&mut |seen| {
        walked.extend(seen.params().map(|(name, _)| name));
        layers.push((seen.name.clone(), seen.layer.tag.clone(), seen.layer.output));
    });
    assert_eq!(walked, stored);
    let has = |name: &str, tag: &str, output: Shape| {
        let wanted = (name.to_string(), tag.to_string(), output);
        assert!(layers.contains(&wanted), "{wanted:?} {layers:?}");
    };
    has("model.0.3", "residual", image(6, 6));
    has("model.0.3.shortcut.0", "conv2d", image(6, 6));
    has("model.0.4.1", "conv2d", image(6, 4));
    has("model.2.backward", "gru", Shape::Flat { features: 2 });
    for name in [
        "model.0.0.weight",
        "model.0.3.shortcut.1.running_variance",
        "model.0.4.0.weight",
        "model.0.shortcut.0.weight",
        "model.2.forward.recurrent_bias",
    ] {
        assert!(stored.contains(&name), "{name}: {stored:?}");
    }
}
