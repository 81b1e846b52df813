//! Backbones against torchvision's and other libraries' (`tests/reference/backbones_reference.py` recorded the
//! figures): their weights are a formula of their names in those libraries, and reach the net as those of a file would.

use std::collections::HashMap;

use anyhow::Result;
use burn::tensor::{Device, Int, Tensor, TensorData};
use kiln::config::{Path, Spec, read_member};
use kiln::data::{Shape, Target, Value};
use kiln::model::{
    LOSSES, Layers, Network, Pass, SourceTensor, TensorSource, Training, load_weights, upload,
};
use serde_json::{Value as Json, json};

use crate::support::recorded::{close, floats, numbers};

/// Relative to the largest value of the tensor.
const TOLERANCE: f64 = 1e-4;

/// Numbers of [0, 1) that look drawn: the upper 24 bits of splitmix64 at the FNV-1a hash of the name plus the index.
fn values(name: &str, count: usize) -> impl Iterator<Item = f64> {
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

/// The weights of the formula, or with `places` the number of each value within its tensor.
struct Formula {
    tensors: Vec<SourceTensor>,
    places: bool,
}

impl Formula {
    fn of(case: &Json, places: bool) -> Formula {
        let shapes: HashMap<String, Vec<usize>> =
            serde_json::from_value(case["tensors"].clone()).expect("shapes");
        let tensors = shapes.into_iter();
        let tensors = tensors.map(|(name, shape)| SourceTensor { name, shape });
        Formula {
            tensors: tensors.collect(),
            places,
        }
    }
}

impl TensorSource for Formula {
    fn tensors(&self) -> Vec<SourceTensor> {
        self.tensors.clone()
    }

    fn read(&self, name: &str) -> Result<Vec<f32>> {
        let tensor = self.tensors.iter().find(|tensor| tensor.name == name);
        let shape = &tensor.expect("a tensor of the file").shape;
        let count: usize = shape.iter().product();
        if self.places {
            return Ok((0..count).map(|index| index as f32).collect());
        }
        let inputs: usize = shape[1..].iter().product();
        let is_matrix = shape.len() > 1 && shape[0].min(inputs) > 1;
        let value = |u: f64| match name {
            _ if is_matrix => (2.0 * u - 1.0) * (4.0 / inputs as f64).sqrt(),
            _ if name.ends_with("running_var") => 0.75 + u / 2.0,
            _ if name.ends_with("weight") => 0.2 + u / 5.0,
            _ => u - 0.25,
        };
        Ok(values(name, count).map(|u| value(u) as f32).collect())
    }
}

fn network(layers: Json, shape: Shape, loss: &str) -> Network {
    let specs: Vec<Spec> = serde_json::from_value(layers).expect("layers");
    let loss = read_member(LOSSES, "loss", &Spec::Name(loss.into()), &Path::default());
    let layers = Layers::read(&specs).unwrap_or_else(|faults| panic!("{faults:?}"));
    let network = Network::plan(layers, shape, &*loss.expect("a loss"));
    network.unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// The recorded numbers of one tensor's gradient: its norm, and 16 values.
fn sampled(grad: &[f32], places: &[f32]) -> Vec<f32> {
    let mut by_place = vec![0; grad.len()];
    for (index, &place) in places.iter().enumerate() {
        by_place[place as usize] = index;
    }
    let norm = grad
        .iter()
        .map(|&x| f64::from(x).powi(2))
        .sum::<f64>()
        .sqrt();
    let samples = (0..16).map(|i| grad[by_place[i * (grad.len() - 1) / 15]]);
    [norm as f32].into_iter().chain(samples).collect()
}

fn agrees(text: &str, options: Json) {
    let case: Json = serde_json::from_str(text).expect("JSON");
    let name = case["name"].as_str().expect("a name");
    let size = case["size"].as_u64().expect("a size") as usize;
    let batch = case["batch"].as_u64().expect("a size") as usize;
    let shape = Shape::Image {
        height: size,
        width: size,
        channels: 3,
    };
    let mut options = options;
    options["name"] = json!(name);
    options["output"] = json!("logits");
    let ce = "sparse_categorical_cross_entropy";
    let network = network(json!([{"backbone": options}]), shape, ce);
    let device = Device::flex();
    let layer = &network.layers[0];
    let mut params = network.init(1, &device);
    let loaded = load_weights(layer, &Formula::of(&case, false)).unwrap_or_else(|e| panic!("{e}"));
    let places = load_weights(layer, &Formula::of(&case, true)).expect("the same file");
    assert_eq!(loaded.values.len(), params.params.len());
    for (param, (full, values)) in params.params.iter_mut().zip(loaded.values) {
        assert_eq!(param.name, full);
        param.tensor = upload(values, &device);
    }

    let image = case["image"].as_str().expect("a name");
    let image = values(image, batch * size * size * 3).map(|u| (u * 4.0 - 2.0) as f32);
    let image = TensorData::new(image.collect(), [batch, size, size, 3]);
    let on = |device: &Device| Value::Image(Tensor::from_data(image.clone(), device));
    let found = network.forward(on(&device), &params.tensors(), &Pass::default());
    close(
        &format!("{name}: inference"),
        &floats(found),
        &case["inference"],
        TOLERANCE,
    );

    let autodiff = device.clone().autodiff();
    let ids: Vec<u32> = (0..batch as u32).collect();
    let training = Training {
        seed: 1,
        epoch: 0,
        ids: &ids,
    };
    let pass = Pass {
        training: Some(training),
        ..Pass::default()
    };
    let leaves = params.leaves(&[]);
    let logits = network.forward(on(&autodiff), &leaves, &pass);
    close(
        &format!("{name}: training"),
        &floats(logits.clone().inner()),
        &case["training"],
        TOLERANCE,
    );
    let classes: Vec<i32> = serde_json::from_value(case["classes"].clone()).expect("classes");
    let target = Target::Class(Tensor::<1, Int>::from_ints(&classes[..], &autodiff));
    let loss = read_member(LOSSES, "loss", &Spec::Name(ce.into()), &Path::default());
    let mean = loss.expect("a loss").forward(logits, &target).mean();
    close(
        "loss",
        &[mean.clone().inner().into_scalar()],
        &json!([case["loss"]]),
        TOLERANCE,
    );
    let grads = mean.backward();
    let mapped = kiln::model::mapping(
        layer,
        layer.forward.backbone().expect("one"),
        loaded.scheme,
        "",
    );
    let mapped = mapped.expect("the scheme has the net");
    let mut running = HashMap::new();
    for (full, value) in pass.updates.into_inner() {
        running.insert(full, floats(value));
    }
    let norms = case["grads"].as_object().expect("a table").values();
    let most = norms.fold(0.0, |most: f64, grad| most.max(numbers(grad)[0]));
    for ((leaf, one), (full, places)) in leaves.iter().zip(&mapped).zip(&places.values) {
        let what = format!("{name}: {}", one.tensor);
        if let Some(values) = running.get(full) {
            let norm = values.iter().map(|x| x * x).sum::<f32>().sqrt();
            close(
                &what,
                &[norm],
                &json!([case["running"][&one.tensor]]),
                TOLERANCE,
            );
            continue;
        }
        let grad = floats(leaf.grad(&grads).expect("a gradient"));
        let expected = &case["grads"][&one.tensor];
        let norm = numbers(expected)[0];
        let found = sampled(&grad, places);
        let (found, expected) = (&found, numbers(expected));
        // Relative to the norm: a tensor's largest value is among the samples by chance alone. Where a normalisation
        // follows, the gradient of what is added to all values alike is 0 but for rounding.
        for (index, (&found, expected)) in found.iter().zip(expected).enumerate() {
            let error = (f64::from(found) - expected).abs() / norm.max(0.01 * most);
            assert!(
                error < TOLERANCE,
                "{what}[{index}]: {found}, recorded {expected}, norm {norm}"
            );
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
    efficientnet_lite0: {},
}
