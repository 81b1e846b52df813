//! Files that Keras and h5py wrote.

use kiln::model::import::Format;

use super::{listing, numbers, open};

/// A convolution, a batch normalisation, a convolution in a block, a dense layer.
const KERAS: &str = "layers/batch_normalization/vars/0 [2] f32\nlayers/batch_normalization/vars/1 [2] f32\n\
                     layers/batch_normalization/vars/2 [2] f32\nlayers/batch_normalization/vars/3 [2] f32\n\
                     layers/conv2d/vars/0 [2, 2, 2, 2] f32\nlayers/conv2d/vars/1 [2] f32\n\
                     layers/dense/vars/0 [12, 2] f32\nlayers/dense/vars/1 [2] f32\n\
                     layers/sequential/layers/conv2d/vars/0 [2, 2, 2, 3] f32\n\
                     layers/sequential/layers/conv2d/vars/1 [3] f32\n";

const BEFORE: &str = "block/sequential/block/inner/bias [3] f32\nblock/sequential/block/inner/kernel [2, 2, 2, 3] f32\n\
                      first/sequential/first/bias [2] f32\nfirst/sequential/first/kernel [2, 2, 2, 2] f32\n\
                      head/sequential/head/bias [2] f32\nhead/sequential/head/kernel [12, 2] f32\n\
                      norm/sequential/norm/beta [2] f32\nnorm/sequential/norm/gamma [2] f32\n\
                      norm/sequential/norm/moving_mean [2] f32\nnorm/sequential/norm/moving_variance [2] f32\n";

#[test]
fn weights_are_read_without_the_optimizer_s_state() {
    for (name, format) in [
        ("keras.weights.h5", Format::Hdf5),
        ("net.keras", Format::Keras),
    ] {
        let file = open(name);
        assert_eq!(
            (listing(&file).as_str(), file.format()),
            (KERAS, format),
            "{name}"
        );
        assert_eq!(
            file.read("layers/conv2d/vars/0").unwrap(),
            numbers(0, 0..16)
        );
        assert_eq!(
            file.read("layers/batch_normalization/vars/3").unwrap(),
            numbers(5, 0..2)
        );
        assert_eq!(
            file.read("layers/sequential/layers/conv2d/vars/1").unwrap(),
            numbers(7, 0..3)
        );
        assert_eq!(file.read("layers/dense/vars/0").unwrap(), numbers(8, 0..24));
    }
    for (name, section) in [
        ("old_net.h5", Some("model_weights")),
        ("old_weights.h5", None),
    ] {
        let file = open(name);
        assert_eq!(
            (listing(&file).as_str(), file.section()),
            (BEFORE, section),
            "{name}"
        );
        assert_eq!(
            file.read("first/sequential/first/kernel").unwrap(),
            numbers(0, 0..16)
        );
        assert_eq!(
            file.read("norm/sequential/norm/moving_mean").unwrap(),
            numbers(4, 0..2)
        );
        assert_eq!(
            file.read("head/sequential/head/bias").unwrap(),
            numbers(9, 0..2)
        );
    }
    let half = open("bf16.weights.h5");
    assert_eq!(
        listing(&half),
        "layers/dense/vars/0 [3, 2] bf16\nlayers/dense/vars/1 [2] bf16\n"
    );
    assert_eq!(half.read("layers/dense/vars/0").unwrap(), numbers(0, 0..6));
}

#[test]
fn datasets_of_every_type_and_layout_are_read() {
    let file = open("h5py.h5");
    let names = file.tensors().iter().map(|tensor| &*tensor.name);
    let (types, others): (Vec<&str>, Vec<&str>) =
        names.partition(|name| name.starts_with("types/"));
    assert_eq!(types.len(), 13);
    for name in types {
        let expected = match name {
            "types/bool" => [0.0, 1.0, 1.0, 1.0, 0.0, 1.0],
            _ => [0.0, 1.0, 2.0, 3.0, 0.0, 1.0],
        };
        assert_eq!(file.read(name).unwrap(), expected, "{name}");
    }
    for name in ["plain", "chunked", "packed", "summed", "growing"] {
        assert_eq!(file.read(name).unwrap(), numbers(0, 0..70), "{name}");
    }
    assert_eq!(file.read("box").unwrap(), numbers(1, 0..60));
    assert_eq!(file.read("scalar").unwrap(), [7.5]);
    assert!(file.read("empty").unwrap().is_empty());
    let many: Vec<String> = (0..30).map(|n| format!("many/{n}")).collect();
    assert_eq!(
        others
            .iter()
            .filter(|name| name.starts_with("many/"))
            .collect::<Vec<_>>(),
        many.iter().collect::<Vec<_>>()
    );
    assert_eq!(file.read("many/29").unwrap(), numbers(29, 0..2));
    assert_eq!(file.unreadable().keys().collect::<Vec<_>>(), ["unwritten"]);
}

#[test]
fn what_only_the_newest_format_has_is_told() {
    let file = open("h5py_latest.h5");
    assert_eq!(file.read("plain").unwrap(), numbers(0, 0..70));
    let told = file.read("packed").unwrap_err().to_string();
    assert!(
        told.contains("its tensor packed lies in chunks as the newest format"),
        "{told}"
    );
    let why = file.unreadable()["many"].to_string();
    assert!(why.contains("write it with h5py's default libver"), "{why}");
}
