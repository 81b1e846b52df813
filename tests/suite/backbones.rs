//! Backbones against torchvision's and other libraries' (`tests/reference/backbones_reference.py` recorded the
//! figures): their weights are a formula of their names in those libraries, and reach the net as those of a file would.

use std::collections::{BTreeMap, HashMap};

use burn::tensor::{Device, Int, Tensor, TensorData};
use kiln::config::{Path, Spec, read_member};
use kiln::data::{Shape, Target, Value};
use kiln::model::{
    LOSSES, Layers, Loss, Network, ParamStore, Pass, Scheme, Training, load_weights, mapping,
    upload,
};
use serde_json::{Value as Json, json};

use crate::support::memory_weights::MemoryWeights;
use crate::support::recorded::{close, floats, numbers};

/// Relative to the largest value of the tensor.
const TOLERANCE: f64 = 1e-4;

/// Numbers of [0, 1) that look drawn: the upper 24 bits of splitmix64 at the FNV-1a hash of the name plus the index.
pub fn values(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let key = name.bytes().fold(0xCBF2_9CE4_8422_2325u64, |key, byte| {
        (key ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    (1..=count as u64).map(move |index| {
        let z = key.wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f64 / f64::from(1 << 24)
    })
}

/// A file as the net's library would write it.
fn file(case: &Json, value: fn(&str, &[usize]) -> Vec<f32>) -> MemoryWeights {
    let mut shapes = shapes(case);
    shapes.retain(|name, _| !name.starts_with("head"));
    MemoryWeights {
        shapes,
        values: value,
    }
}

fn shapes(case: &Json) -> BTreeMap<String, Vec<usize>> {
    serde_json::from_value(case["tensors"].clone()).expect("shapes")
}

/// The weights of the formula: kernels scaled by the inputs of an output.
fn weights(name: &str, shape: &[usize]) -> Vec<f32> {
    let inputs = match (name.contains('/'), shape) {
        (true, &[height, width, _, 1]) => height * width,
        (true, [before @ .., _]) if name.ends_with("kernel") => before.iter().product(),
        (false, [outputs, rest @ ..]) if *outputs > 1 => rest.iter().product(),
        _ => 1,
    };
    let ends = |with: &[&str]| with.iter().any(|with| name.ends_with(with));
    let value = |u: f64| match inputs {
        2.. => (2.0 * u - 1.0) * (4.0 / inputs as f64).sqrt(),
        _ if ends(&["running_var", "moving_variance"]) => 0.75 + u / 2.0,
        _ if ends(&["weight", "gamma"]) => 0.2 + u / 5.0,
        _ => u + 0.25,
    };
    let count = shape.iter().product();
    values(name, count).map(|u| value(u) as f32).collect()
}

/// The number of each value within its tensor.
fn places(_: &str, shape: &[usize]) -> Vec<f32> {
    (0..shape.iter().product::<usize>())
        .map(|index| index as f32)
        .collect()
}

/// The loss of the recorded gradients.
const LOSS: &str = "sparse_categorical_cross_entropy";

fn loss() -> Box<dyn Loss> {
    let loss = read_member(LOSSES, "loss", &Spec::Name(LOSS.into()), &Path::default());
    loss.expect("a loss")
}

/// A recorded net, and its weights here.
struct Trial {
    case: Json,
    name: String,
    network: Network,
    params: ParamStore,
    /// For every parameter of the backbone the tensor's name in its library.
    tensors: Vec<String>,
    /// And whether another is taken off it.
    is_shifted: Vec<bool>,
    /// For every value of every parameter its number within that tensor.
    places: Vec<Vec<f32>>,
}

impl Trial {
    fn new(text: &str, mut options: Json) -> Trial {
        let case: Json = serde_json::from_str(text).expect("JSON");
        let name = case["name"].as_str().expect("a name").to_string();
        let [_, size] = sizes(&case);
        let shape = Shape::Image {
            height: size,
            width: size,
            channels: 3,
        };
        let shapes = shapes(&case);
        let head = shapes.get("head.bias").or(shapes.get("head/bias"));
        let output = if head.is_some() { "pooled" } else { "logits" };
        options["name"] = json!(name);
        options["output"] = json!(output);
        let mut layers = vec![json!({"backbone": options})];
        layers.extend(head.map(|shape| json!({"dense": {"units": shape[0]}})));
        let specs: Vec<Spec> = serde_json::from_value(json!(layers)).expect("layers");
        let layers = Layers::read(&specs).unwrap_or_else(|faults| panic!("{faults:?}"));
        let network = Network::plan(layers, shape, &*loss());
        let network = network.unwrap_or_else(|faults| panic!("{faults:?}"));
        let layer = &network.layers[0];
        let chosen = layer.forward.backbone().expect("a backbone");
        let load = |value| {
            let loaded = load_weights(layer, &file(&case, value));
            loaded.unwrap_or_else(|error| panic!("{error}"))
        };
        let (loaded, places) = (load(weights), load(places));
        let mapped = mapping(layer, chosen, loaded.scheme, "").expect("the scheme has the net");
        let device = Device::flex();
        let mut params = network.init(1, &device);
        let (own, of_head) = params.params.split_at_mut(loaded.values.len());
        for (param, (full, values)) in own.iter_mut().zip(loaded.values) {
            assert_eq!(param.name, full);
            param.tensor = upload(values, &device);
        }
        for param in of_head {
            param.tensor = upload(of_the_head(&param.name, &param.shape, &shapes), &device);
        }
        let is_shifted = mapped.iter().map(|one| one.minus.is_some()).collect();
        let tensors = mapped.into_iter().map(|one| one.tensor);
        Trial {
            name,
            network,
            params,
            tensors: tensors.collect(),
            is_shifted,
            places: places
                .values
                .into_iter()
                .map(|(_, places)| places)
                .collect(),
            case,
        }
    }

    fn images(&self, device: &Device) -> Value {
        let [batch, size] = sizes(&self.case);
        let name = self.case["image"].as_str().expect("a name");
        let image = values(name, batch * size * size * 3).map(|u| (u * 4.0 - 2.0) as f32);
        let data = TensorData::new(image.collect(), [batch, size, size, 3]);
        Value::Image(Tensor::from_data(data, device))
    }

    fn close(&self, what: &str, found: &[f32], expected: &Json) {
        close(
            &format!("{}: {what}", self.name),
            found,
            expected,
            TOLERANCE,
        );
    }

    fn predicts_alike(&self) {
        let images = self.images(&Device::flex());
        let tensors = self.params.tensors();
        let logits = self.network.forward(images, &tensors, &Pass::default());
        self.close("inference", &floats(logits), &self.case["inference"]);
    }

    fn trains_alike(&self) {
        let device = Device::flex().autodiff();
        let ids: Vec<u32> = (0..sizes(&self.case)[0] as u32).collect();
        let pass = Pass {
            training: Some(Training {
                seed: 1,
                epoch: 0,
                ids: &ids,
            }),
            ..Pass::default()
        };
        let leaves = self.params.leaves(&[]);
        let logits = self.network.forward(self.images(&device), &leaves, &pass);
        let found = floats(logits.clone().inner());
        self.close("training", &found, &self.case["training"]);
        let classes: Vec<i32> =
            serde_json::from_value(self.case["classes"].clone()).expect("classes");
        let target = Target::Class(Tensor::<1, Int>::from_ints(&classes[..], &device));
        let mean = loss().forward(logits, &target).mean();
        let value = mean.clone().inner().into_scalar();
        self.close("loss", &[value], &json!([self.case["loss"]]));
        let grads = mean.backward();
        let running = pass.updates.into_inner().into_iter();
        let running: HashMap<String, Vec<f32>> =
            running.map(|(name, value)| (name, floats(value))).collect();
        let mut errors = Vec::new();
        for (index, tensor) in self.tensors.iter().enumerate() {
            match running.get(&self.params.params[index].name) {
                // A bias of Keras's convolution is taken off its mean.
                Some(_) if self.is_shifted[index] => {}
                Some(values) => {
                    let norm = json!([self.case["running"][tensor]]);
                    self.close(tensor, &[norm_of(values) as f32], &norm);
                }
                None => {
                    let grad = leaves[index].grad(&grads).expect("a gradient");
                    errors.push((self.gradient_error(index, &floats(grad)), tensor));
                }
            }
        }
        errors.sort_by(|one, other| other.0.total_cmp(&one.0));
        let [(most, _), ..] = errors[..] else {
            panic!("no gradients")
        };
        let name = &self.name;
        assert!(most < TOLERANCE, "{name}: {:?}", &errors[..8]);
    }

    /// The largest error of what is recorded of a tensor's gradient: its norm, and 16 values. It is relative to the norm: the
    /// tensor's largest value is among the samples by chance alone. Where a normalisation follows, the gradient of what is
    /// added to all values alike is 0 but for rounding.
    fn gradient_error(&self, index: usize, grad: &[f32]) -> f64 {
        let all = self.case["grads"].as_object().expect("a table");
        let norms = all.values().map(|grad| numbers(grad)[0]);
        let most = norms.fold(0.0, f64::max);
        let mut by_place = vec![0; grad.len()];
        for (index, &place) in self.places[index].iter().enumerate() {
            by_place[place as usize] = index;
        }
        let samples = (0..16).map(|i| f64::from(grad[by_place[i * (grad.len() - 1) / 15]]));
        let found = [norm_of(grad)].into_iter().chain(samples);
        let expected = numbers(&all[&self.tensors[index]]);
        let norm = expected[0].max(0.01 * most);
        let errors = found
            .zip(&expected)
            .map(|(found, expected)| (found - expected).abs());
        errors.fold(0.0, f64::max) / norm
    }
}

fn norm_of(values: &[f32]) -> f64 {
    let squares = values.iter().map(|&x| f64::from(x).powi(2));
    squares.sum::<f64>().sqrt()
}

/// The weights of the head behind the backbone.
fn of_the_head(name: &str, shape: &[usize], shapes: &BTreeMap<String, Vec<usize>>) -> Vec<f32> {
    if shapes.contains_key("head/bias") {
        let name = name.replace("model.1.", "head/");
        return weights(&name.replace("weight", "kernel"), shape);
    }
    let shape: Vec<usize> = shape.iter().rev().copied().collect();
    turned(weights(&name.replace("model.1.", "head."), &shape), &shape)
}

/// The values of a matrix `[rows, columns]` as those of `[columns, rows]`; a vector as it is.
fn turned(values: Vec<f32>, shape: &[usize]) -> Vec<f32> {
    let &[rows, columns] = shape else {
        return values;
    };
    let turned = (0..columns).flat_map(|column| (0..rows).map(move |row| row * columns + column));
    turned.map(|place| values[place]).collect()
}

/// Images of a batch; their height and width.
fn sizes(case: &Json) -> [usize; 2] {
    ["batch", "size"].map(|key| case[key].as_u64().expect("a size") as usize)
}

fn agrees(text: &str, options: Json) {
    let trial = Trial::new(text, options);
    trial.predicts_alike();
    trial.trains_alike();
}

/// Keras's files name layers, or number them.
#[test]
fn layers_of_keras_are_numbered_as_it_numbers_them() {
    for (text, options) in [
        (
            include_str!("../reference/backbones/keras_resnet50.json"),
            json!({"style": "keras"}),
        ),
        (
            include_str!("../reference/backbones/keras_efficientnet_b0.json"),
            json!({"style": "keras"}),
        ),
        (
            include_str!("../reference/backbones/keras_mobilenet_v2.json"),
            json!({"style": "keras"}),
        ),
        (
            include_str!("../reference/backbones/keras_vgg16.json"),
            json!({}),
        ),
    ] {
        let trial = Trial::new(text, options);
        let layer = &trial.network.layers[0];
        let chosen = layer.forward.backbone().expect("a backbone");
        let by = |scheme| mapping(layer, chosen, scheme, "").expect("Keras has the net");
        let pairs = by(Scheme::Keras).into_iter().zip(by(Scheme::KerasLayers));
        for (named, numbered) in pairs {
            assert_eq!(
                trial.case["numbered"][named.tensor], numbered.tensor,
                "{}",
                trial.name
            );
            let minus = [named.minus, numbered.minus].map(Option::unwrap_or_default);
            let expected = trial.case["numbered"][&minus[0]]
                .as_str()
                .unwrap_or_default();
            assert_eq!(minus[1], expected);
        }
    }
}

macro_rules! agreement {
    ($($name:ident: $options:tt),* $(,)?) => {$(
        #[test]
        fn $name() {
            let text = include_str!(concat!("../reference/backbones/", stringify!($name), ".json"));
            agrees(text, json!($options));
        }
    )*};
}

agreement! {
    resnet18: {},
    resnet34: {},
    resnet50: {},
    mobilenet_v2: {},
    mobilenet_v3_small: {},
    mobilenet_v3_large: {},
    efficientnet_b0: {},
    efficientnet_lite0: {},
    convnext_tiny: {},
    vgg16: {},
    keras_mobilenet_v2: {"style": "keras"},
    keras_efficientnet_b0: {"style": "keras"},
    keras_resnet50: {"style": "keras"},
    keras_vgg16: {},
}
