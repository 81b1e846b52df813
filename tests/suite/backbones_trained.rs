//! EfficientNet-Lite0 with the weights that others trained, against `efficientnet_lite_pytorch`
//! (`tests/reference/backbones_trained_reference.py` recorded the figures):
//!
//!     KILN_TEST_WEIGHTS=pretrained/efficientnet-lite0-57934424.pth KILN_TEST_PHOTOGRAPHS=cats_dogs/train \
//!       cargo test --release --test suite backbones_trained:: -- --ignored

use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use kiln::config::{Path, Spec, read_member};
use kiln::data::image::preprocess::ImagePreprocess;
use kiln::data::{Shape, Value};
use kiln::model::import::WeightsFile;
use kiln::model::{LOSSES, Layers, Network, ParamStore, Pass, load_weights, upload};
use serde_json::{Value as Json, json};

use crate::backbones::values;
use crate::support::recorded::{close, floats};

/// A file or folder that an environment variable names.
fn given(variable: &str) -> PathBuf {
    PathBuf::from(std::env::var_os(variable).unwrap_or_else(|| panic!("{variable}")))
}

/// The trained net for images of this size.
fn trained(size: usize) -> (Network, ParamStore) {
    let layers = json!([{"backbone": {"name": "efficientnet_lite0", "output": "logits"}}]);
    let specs: Vec<Spec> = serde_json::from_value(layers).expect("layers");
    let loss = read_member(LOSSES, "loss", &Spec::Name("mse".into()), &Path::default());
    let shape = Shape::Image {
        height: size,
        width: size,
        channels: 3,
    };
    let layers = Layers::read(&specs).expect("layers");
    let network = Network::plan(layers, shape, &*loss.expect("a loss")).expect("a net");
    let device = Device::flex();
    let mut params = network.init(1, &device);
    let file = WeightsFile::open(&given("KILN_TEST_WEIGHTS")).expect("a file of weights");
    let loaded = load_weights(&network.layers[0], &file).expect("its weights");
    assert!(loaded.left_out.is_empty(), "{:?}", loaded.left_out);
    for (param, (name, values)) in params.params.iter_mut().zip(loaded.values) {
        assert_eq!(param.name, name);
        param.tensor = upload(values, &device);
    }
    (network, params)
}

fn logits((network, params): &(Network, ParamStore), values: Vec<f32>, size: usize) -> Vec<f32> {
    let batch = values.len() / (size * size * 3);
    let data = TensorData::new(values, [batch, size, size, 3]);
    let images = Value::Image(Tensor::from_data(data, &Device::flex()));
    floats(network.forward(images, &params.tensors(), &Pass::default()))
}

fn recorded() -> Json {
    let text = include_str!("../reference/backbones/efficientnet_lite0_trained.json");
    serde_json::from_str(text).expect("JSON")
}

#[test]
#[ignore = "needs KILN_TEST_WEIGHTS=FILE and --ignored"]
fn the_same_images_give_the_same_logits() {
    const SIZE: usize = 64;
    let recorded = recorded();
    let name = recorded["image"].as_str().expect("a name");
    let images = values(name, 2 * SIZE * SIZE * 3).map(|u| (u * 4.0 - 2.0) as f32);
    let found = logits(&trained(SIZE), images.collect(), SIZE);
    close("logits", &found, &recorded["logits"], 1e-4);
}

#[test]
#[ignore = "needs KILN_TEST_WEIGHTS=FILE, KILN_TEST_PHOTOGRAPHS=FOLDER and --ignored"]
fn photographs_are_of_the_same_class() {
    const SIZE: usize = 224;
    let preprocess: ImagePreprocess = serde_json::from_value(json!({
        "size": [SIZE, SIZE], "channels": 3, "resize": "bicubic", "aspect": "cover", "crop": 0.875,
        "max_pixels": 100_000_000, "divide_by": 255.0, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
    }))
    .expect("a preprocessing");
    let scale = preprocess.scale();
    let net = trained(SIZE);
    let recorded = recorded();
    let classes = recorded["classes"].as_object().expect("a table");
    assert!(classes.len() >= 20, "{}", classes.len());
    for (file, class) in classes {
        let pixels = preprocess.load(&given("KILN_TEST_PHOTOGRAPHS").join(file));
        let pixels = pixels.unwrap_or_else(|error| panic!("{file}: {error}"));
        let bytes = pixels.bytes.iter().enumerate();
        let values =
            bytes.map(|(i, &byte)| f32::from(byte) * scale.factor[i % 3] + scale.offset[i % 3]);
        let found = logits(&net, values.collect(), SIZE);
        let pairs = found.iter().enumerate();
        let best = pairs.max_by(|one, other| one.1.total_cmp(other.1));
        assert_eq!(
            best.map(|(index, _)| json!(index)).as_ref(),
            Some(class),
            "{file}"
        );
    }
}
