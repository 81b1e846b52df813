//! NumPy's arrays of images and labels.

use crate::support::arrays::{alternating as labels, bright_halves, npy, npz};
use crate::support::world::World;

fn images(from: u32, count: u32) -> Vec<u8> {
    npy(
        "|u1",
        &format!("({count}, 6, 6)"),
        &bright_halves(from, count),
    )
}

const EXPERIMENT: &str = r#"seed = 3
[data]
kind = "npz"
train = "digits.npz"
valid = "digits.npz"
[preprocess]
divide_by = 255
[model]
layers = [{ flatten = {} }, { dense = { units = 2 } }]
[train]
epochs = 8
batch_size = 8
loss = "sparse_categorical_cross_entropy"
optimizer = { adam = { learning_rate = 0.02 } }
"#;

fn world() -> World {
    let world = World::empty();
    // As MedMNIST has them: labels of the shape (N, 1).
    let medmnist = npz(&[
        ("train_images", images(0, 80)),
        ("train_labels", npy("|u1", "(80, 1)", &labels(80))),
        ("val_images", images(100, 20)),
        ("val_labels", npy("|u1", "(20, 1)", &labels(20))),
        ("test_images", images(200, 24)),
        ("test_labels", npy("|u1", "(24, 1)", &labels(24))),
    ]);
    world.write("digits.npz", medmnist);
    world.write("experiment.toml", EXPERIMENT);
    world
}

#[test]
fn arrays_are_learned_judged_and_predicted() {
    let world = world();
    let best = world
        .train(&["--json"])
        .expect_success()
        .json()
        .pop()
        .unwrap();
    assert_eq!(best["best"]["valid_accuracy"], 1.0, "{best}");
    let eval = [
        "eval",
        "--model",
        "run/best.safetensors",
        "--json",
        "--data",
    ];
    let judged = world
        .kiln(&[&eval[..], &["digits.npz"]].concat())
        .expect_success()
        .json();
    assert_eq!(
        (&judged[0]["samples"], &judged[0]["accuracy"]),
        (&24.into(), &1.0.into())
    );
    let predict = [
        "predict",
        "--model",
        "run/best.safetensors",
        "--json",
        "digits.npz",
    ];
    let said = world.kiln(&predict).expect_success().json();
    assert_eq!(said.len(), 24);
    assert_eq!(
        (&said[1]["class"], &said[1]["number"]),
        (&"1".into(), &1.into())
    );
    // Other names, floats, labels of 64 bits: Keras's x_train and y_train.
    let floats: Vec<u8> = bright_halves(0, 80)
        .iter()
        .flat_map(|&v| (f32::from(v) / 255.0).to_le_bytes())
        .collect();
    let wide: Vec<u8> = labels(80)
        .iter()
        .flat_map(|&v| i64::from(v).to_le_bytes())
        .collect();
    let keras = npz(&[
        ("x_train", npy("<f4", "(80, 6, 6, 1)", &floats)),
        ("y_train", npy("<i8", "(80,)", &wide)),
        ("x_test", images(100, 20)),
        ("y_test", npy("|u1", "(20,)", &labels(20))),
    ]);
    world.write("digits.npz", keras);
    let again = world
        .train_into(&["--json", "--out", "keras"])
        .expect_success()
        .json()
        .pop()
        .unwrap();
    assert_eq!(again["best"]["valid_accuracy"], 1.0, "{again}");
    // Arrays of their own, and names for labels.
    let names: Vec<u8> = labels(80)
        .iter()
        .flat_map(|&v| [b"up\0\0", b"down"][usize::from(v)].to_vec())
        .collect();
    world.write("images.npy", images(0, 80));
    world.write("labels.npy", npy("|S4", "(80,)", &names));
    let plain = EXPERIMENT.replace(
        "train = \"digits.npz\"\nvalid = \"digits.npz\"",
        "train = \"images.npy\"\ntrain_labels = \"LABELS\"\nvalid_fraction = 0.25",
    );
    let labels_path = world.path("labels.npy").display().to_string();
    world.write(
        "experiment.toml",
        plain
            .replace("LABELS", &labels_path)
            .replace("\"npz\"", "\"npy\""),
    );
    let named = world
        .train_into(&["--json", "--no-audit", "--out", "named"])
        .expect_success()
        .json()
        .pop()
        .unwrap();
    assert_eq!(named["classes"], serde_json::json!(["down", "up"]));
}

#[test]
fn arrays_that_cannot_be_used_are_reported() {
    let message = |bytes: Vec<u8>, expected: &str| {
        let world = world();
        world.write("digits.npz", bytes);
        let run = world
            .kiln(&["check", "--config", "experiment.toml"])
            .expect_failure();
        assert!(run.stderr.contains(expected), "{expected}:\n{}", run.stderr);
    };
    let with = |images: Vec<u8>, labels: Vec<u8>| {
        npz(&[("train_images", images), ("train_labels", labels)])
    };
    let good = || npy("|u1", "(80,)", &labels(80));
    message(
        npz(&[("a", images(0, 8))]),
        "has no array called train_images",
    );
    message(npz(&[("a", images(0, 8))]), "it has a.npy");
    message(with(images(0, 79), good()), "with 79 images, but");
    message(
        with(npy("|u1", "(80, 6, 6)", &[1; 100]), good()),
        "claims 2880 bytes, but has 174",
    );
    message(
        with(npy("|u1", "(99999999, 6, 6)", &[1; 100]), good()),
        "claims 3599999964 bytes, but has",
    );
    message(with(npy("|O", "(80,)", &[1; 80]), good()), "Python objects");
    message(
        with(images(0, 80), npy("|u1", "(80, 2)", &[0; 160])),
        "expected one label for each image",
    );
    let whole = with(images(0, 80), good());
    message(whole[..whole.len() / 2].to_vec(), "is no whole .npz file");
    message(b"hello".to_vec(), "is truncated: its head is not whole");
    // 300 MB of zeros in a few.
    let zeros = npy("|u1", "(80, 1500, 2500)", &vec![0; 300_000_000]);
    message(with(zeros, good()), "data.max_unpacked");
}
