//! Weights of files that do not quite fit a backbone: other numbers of channels, missing and extra tensors.

use std::collections::BTreeMap;

use kiln::config::{Path, Spec, read_member};
use kiln::data::Shape;
use kiln::model::{
    LOSSES, Layers, LoadedWeights, Network, Scheme, SourceTensor, TensorSource, load_weights,
    mapping,
};
use serde_json::json;

use crate::support::memory_weights::MemoryWeights;

/// The tensors of a file. Each holds its own numbers from 0 on.
#[derive(Clone, Default)]
struct File(BTreeMap<String, Vec<usize>>);

fn counted(_: &str, shape: &[usize]) -> Vec<f32> {
    (0..shape.iter().product::<usize>())
        .map(|index| index as f32)
        .collect()
}

/// What a net for images of so many channels reads of a file.
fn load(file: &File, channels: usize) -> Result<LoadedWeights, String> {
    let network = network(channels);
    let layer = &network.layers[0];
    let file = MemoryWeights {
        shapes: file.0.clone(),
        values: counted,
    };
    load_weights(layer, &file).map_err(|error| error.to_string())
}

/// A net of ResNet-18 and a head, for images of so many channels.
fn network(channels: usize) -> Network {
    let layers = json!([{"backbone": {"name": "resnet18"}}, {"dense": {"units": 2}}]);
    let specs: Vec<Spec> = serde_json::from_value(layers).expect("layers");
    let loss = Spec::Name("mse".into());
    let loss = read_member(LOSSES, "loss", &loss, &Path::default()).expect("a loss");
    let shape = Shape::Image {
        height: 32,
        width: 32,
        channels,
    };
    Network::plan(Layers::read(&specs).expect("layers"), shape, &*loss).expect("a net")
}

/// The file as torchvision writes it.
fn file(scheme: Scheme) -> File {
    let network = network(3);
    let layer = &network.layers[0];
    let chosen = layer.forward.backbone().expect("a backbone");
    let mapped = mapping(layer, chosen, scheme, "model.0.").expect("the scheme has it");
    let tensors = mapped
        .iter()
        .map(|one| (one.tensor.clone(), one.expected()));
    File(tensors.collect())
}

fn with_classifier() -> File {
    let mut file = file(Scheme::Torchvision);
    file.0.insert("fc.weight".into(), vec![1000, 512]);
    file.0.insert("fc.bias".into(), vec![1000]);
    file.0.insert("bn1.num_batches_tracked".into(), vec![]);
    file
}

#[test]
fn the_old_classifier_is_left_out_and_said() {
    let loaded = load(&with_classifier(), 3).expect("fits");
    assert_eq!(loaded.left_out, ["fc.bias", "fc.weight"]);
    assert_eq!(loaded.scheme, Scheme::Torchvision);
    assert_eq!(loaded.adapted, None);
    let (name, values) = &loaded.values[0];
    assert_eq!(
        (name.as_str(), values.len()),
        ("model.0.0.weight", 64 * 3 * 49)
    );
}

#[test]
fn the_first_convolution_fits_any_number_of_channels() {
    let filter = |channels: usize| {
        let loaded = load(&with_classifier(), channels).expect("fits");
        assert!(loaded.adapted.is_some());
        loaded.values[0].1[..channels * 49].to_vec()
    };
    // The first filter of the file: 0..49 for red, 49..98 for green, 98..147 for blue.
    let grey: Vec<f32> = (0..49).map(|i| (3 * i + 49 + 98) as f32).collect();
    assert_eq!(filter(1), grey);
    let four: Vec<f32> = (0..49 * 4).map(|i| (i % 147) as f32 * 3.0 / 4.0).collect();
    assert_eq!(filter(4), four);
}

#[test]
fn a_file_of_this_project_fits_by_the_names_of_its_parameters() {
    let mut own = file(Scheme::Kiln);
    own.0.insert("model.1.weight".into(), vec![512, 7]);
    let loaded = load(&own, 3).expect("fits");
    assert_eq!(
        (loaded.scheme, loaded.left_out),
        (Scheme::Kiln, vec!["model.1.weight".to_string()])
    );
}

#[test]
fn everything_that_is_wrong_is_in_one_table() {
    let mut bad = with_classifier();
    bad.0.remove("layer1.0.bn1.weight");
    bad.0
        .insert("layer2.0.conv1.weight".into(), vec![128, 64, 5, 5]);
    bad.0
        .insert("layer5.0.conv1.weight".into(), vec![8, 8, 3, 3]);
    let error = load(&bad, 3).expect_err("does not fit");
    let expected = "does not hold the weights of resnet18:
        tensor                 expected           found
        layer1.0.bn1.weight    [64]               nothing
        layer2.0.conv1.weight  [128, 64, 3, 3]    [128, 64, 5, 5]
        layer5.0.conv1.weight  nothing            [8, 8, 3, 3]";
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(squeeze(&error), squeeze(expected));
}

#[test]
fn a_file_of_another_net_is_named_as_such() {
    let mut other = File::default();
    other.0.insert("encoder.weight".into(), vec![3, 3]);
    let error = load(&other, 3).expect_err("is another net");
    let expected = "holds no weights of resnet18: its 1 tensors are called encoder.weight, ..";
    assert_eq!(error, expected);
}

/// A file one of whose tensors is there in a form that is not read.
struct Sparse(MemoryWeights);

impl TensorSource for Sparse {
    fn tensors(&self) -> Vec<SourceTensor> {
        self.0.tensors()
    }

    fn read(&self, name: &str) -> anyhow::Result<Vec<f32>> {
        self.0.read(name)
    }

    fn unreadable(&self, name: &str) -> Option<String> {
        (name == "conv1.weight").then(|| "is sparse".into())
    }
}

#[test]
fn a_tensor_that_is_not_read_is_in_the_table_with_its_reason() {
    let mut file = with_classifier();
    file.0.remove("conv1.weight");
    let file = Sparse(MemoryWeights {
        shapes: file.0,
        values: counted,
    });
    let error = load_weights(&network(3).layers[0], &file).expect_err("a tensor is missing");
    let table = error.to_string();
    let line = table.lines().find(|line| line.contains("conv1.weight"));
    assert!(
        line.is_some_and(|line| line.ends_with("one that is sparse")),
        "{table}"
    );
}
