//! Binary files of images: IDX and CIFAR's.

use crate::support::arrays::{alternating, bright_halves, idx};
use crate::support::world::{World, refused};

fn images(count: u32) -> (Vec<u8>, Vec<u8>) {
    (bright_halves(0, count), alternating(count))
}

const EXPERIMENT: &str = r#"seed = 3
[data]
kind = "idx"
train = "digits"
valid = "digits"
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
    for (name, count) in [("train", 80), ("t10k", 24)] {
        let (mut pixels, labels) = images(count + 100);
        pixels.drain(..if name == "train" { 0 } else { 36 * 100 });
        pixels.truncate(count as usize * 36);
        let images = idx(8, &[count, 6, 6], &pixels);
        let labels = idx(8, &[count], &labels[..count as usize]);
        world.write(&format!("digits/{name}-images-idx3-ubyte"), images);
        world.write(&format!("digits/{name}-labels-idx1-ubyte"), labels);
    }
    world.write("experiment.toml", EXPERIMENT);
    world
}

#[test]
fn digits_are_learned_and_judged() {
    let world = world();
    let last = world
        .train(&["--json"])
        .expect_success()
        .json()
        .pop()
        .unwrap();
    assert_eq!(last["best"]["valid_accuracy"], 1.0, "{last}");
    assert_eq!(last["classes"], serde_json::json!(["0", "1"]));
    let judged = world
        .kiln(&[
            "eval",
            "--model",
            "run/best.safetensors",
            "--data",
            "digits",
            "--json",
        ])
        .expect_success();
    assert_eq!(judged.json()[0]["samples"], 24);
    assert_eq!(judged.json()[0]["accuracy"], 1.0);
    let named = [
        "--set",
        "data.classes=[\"above\", \"below\"]",
        "--out",
        "named",
        "--json",
    ];
    let last = world
        .train_into(&named)
        .expect_success()
        .json()
        .pop()
        .unwrap();
    assert_eq!(last["classes"], serde_json::json!(["above", "below"]));
}

#[test]
fn damaged_files_are_reported() {
    let check = |world: &World| world.kiln(&["check", "--config", "experiment.toml"]);
    let images = "digits/train-images-idx3-ubyte";
    let spoilt = |bytes: &[u8]| {
        let world = world();
        world.write(images, bytes);
        check(&world)
    };
    refused(
        spoilt(b"<html>"),
        &["is no IDX file: it begins with [3c, 68, 74, 6d]"],
    );
    refused(
        spoilt(&idx(8, &[80, 6, 6], &[0; 100])),
        &["holds 100 of the 2880 bytes"],
    );
    refused(
        spoilt(&idx(8, &[2, 6, 6], &[0; 72])),
        &["with 2 images, but"],
    );
    refused(
        spoilt(&idx(8, &[3], &[0; 3])),
        &["holds labels (1 dimension), expected images"],
    );
    refused(
        spoilt(&idx(0x0D, &[1, 1, 1], &[0; 4])),
        &["holds values of type 0d"],
    );
    let world = world();
    std::fs::remove_file(world.path("digits/train-labels-idx1-ubyte")).unwrap();
    refused(
        check(&world),
        &["there is no train-labels-idx1-ubyte with the labels"],
    );
    let beyond = ["--set", "data.classes=[\"a\", \"b\"]"];
    let (pixels, _) = self::images(4);
    world.write(images, idx(8, &[4, 6, 6], &pixels));
    world.write(
        "digits/train-labels-idx1-ubyte",
        idx(8, &[4], &[0, 1, 2, 1]),
    );
    let arguments = [&["check", "--config", "experiment.toml"], &beyond[..]].concat();
    refused(
        world.kiln(&arguments),
        &["whose label 2 of image 2 is none of the 2 classes"],
    );
}

#[test]
fn cifar_binaries_are_learned() {
    let world = World::empty();
    for (name, from, count) in [("data_batch_1", 0u32, 60u32), ("test_batch", 60, 20)] {
        let mut bytes = Vec::new();
        for index in from..from + count {
            bytes.push((index % 2) as u8);
            for place in 0..3072u32 {
                let noise = (index * 3072 + place).wrapping_mul(2_654_435_761) >> 26;
                let red = place < 1024;
                let bright = if red == (index % 2 == 0) { 150 } else { 0 };
                bytes.push(noise as u8 + bright);
            }
        }
        world.write(&format!("cifar/{name}.bin"), bytes);
    }
    let names = "red\ncyan\nc\nd\ne\nf\ng\nh\ni\nj\n";
    world.write("cifar/batches.meta.txt", names);
    let text = EXPERIMENT
        .replace("\"idx\"", "\"cifar-binary\"")
        .replace("\"digits\"", "\"cifar\"");
    world.write("experiment.toml", text);
    let last = world
        .train(&["--json"])
        .expect_success()
        .json()
        .pop()
        .unwrap();
    assert_eq!(last["best"]["valid_accuracy"], 1.0, "{last}");
    assert_eq!(last["classes"][1], "cyan");
    let predict = |what: &str| {
        let run = world.kiln(&["predict", "-m", "run/best.safetensors", what]);
        run.expect_success().stdout.lines().count()
    };
    assert_eq!(predict("cifar/test_batch.bin"), 20);
    assert_eq!(predict("cifar"), 80, "every file of the folder");
    world.write("cifar/data_batch_1.bin", [0; 3000]);
    let run = world.kiln(&["check", "--config", "experiment.toml"]);
    refused(run, &["has 3000 bytes, expected a multiple of 3073"]);
}

#[test]
fn images_of_an_idx_file_are_predicted_without_labels() {
    let world = world();
    world.train(&["--set", "train.epochs=4"]).expect_success();
    std::fs::remove_file(world.path("digits/t10k-labels-idx1-ubyte")).unwrap();
    let model = "run/best.safetensors";
    let file = "digits/t10k-images-idx3-ubyte";
    let said = world.kiln(&["predict", "--model", model, file, "--json"]);
    let said = said.expect_success().json();
    assert_eq!(said.len(), 24);
    for (number, answer) in said.iter().enumerate() {
        assert_eq!(answer["file"], file);
        assert_eq!(answer["number"], number);
        assert_eq!(answer["class"], ["0", "1"][number % 2], "{answer}");
    }
    let text = world.kiln(&["predict", "--model", model, file]);
    let text = text.expect_success().stdout;
    let first = "digits/t10k-images-idx3-ubyte #0\t0\t";
    assert!(text.starts_with(first), "{text}");
    let folder = world.kiln(&["predict", "--model", model, "digits"]);
    let lines = folder.expect_success().stdout;
    assert_eq!(lines.lines().count(), 104, "every file of the folder");
    world.write("digits/bad-images-idx3-ubyte", [0, 0, 8, 3, 0]);
    let folder = world.kiln(&["predict", "--model", model, "digits"]);
    let folder = folder.expect_success();
    assert_eq!(folder.stdout, lines);
    let message = folder.stderr;
    assert!(
        message.contains("left out 1 file") && message.contains("bad-images"),
        "{message}"
    );
    world.write("bad-images-idx3-ubyte", [0, 0, 8, 3, 0]);
    let bad = world.kiln(&["predict", "--model", model, "bad-images-idx3-ubyte"]);
    refused(
        bad,
        &["bad-images-idx3-ubyte is truncated: its head is not whole"],
    );
}

#[test]
fn classes_are_matched_by_their_names_where_one_is_absent_in_training() {
    let world = World::empty();
    // Three names; no image of the first in training. Labels are 1 and 2.
    let write = |name: &str, from: u32, count: u32| {
        let (mut pixels, labels) = images(from + count);
        pixels.drain(..36 * from as usize);
        let labels: Vec<u8> = labels[from as usize..]
            .iter()
            .map(|label| label + 1)
            .collect();
        world.write(
            &format!("digits/{name}-images-idx3-ubyte"),
            idx(8, &[count, 6, 6], &pixels),
        );
        world.write(
            &format!("digits/{name}-labels-idx1-ubyte"),
            idx(8, &[count], &labels),
        );
    };
    write("train", 0, 80);
    write("t10k", 100, 24);
    let named = EXPERIMENT.replace(
        "valid = \"digits\"",
        "valid = \"digits\"\nclasses = [\"none\", \"above\", \"below\"]",
    );
    world.write("experiment.toml", named);
    let last = world
        .train(&["--json"])
        .expect_success()
        .json()
        .pop()
        .unwrap();
    assert_eq!(last["classes"], serde_json::json!(["above", "below"]));
    assert_eq!(last["best"]["valid_accuracy"], 1.0, "{last}");
    let eval = [
        "eval",
        "--model",
        "run/best.safetensors",
        "--data",
        "digits",
        "--json",
    ];
    let judged = world.kiln(&eval).expect_success().json();
    assert_eq!(judged[0]["accuracy"], 1.0, "{}", judged[0]);
    let (pixels, _) = images(2);
    world.write("digits/t10k-images-idx3-ubyte", idx(8, &[2, 6, 6], &pixels));
    world.write("digits/t10k-labels-idx1-ubyte", idx(8, &[2], &[0, 1]));
    refused(
        world.kiln(&eval),
        &["holds images of class 0 (none), but the model knows above, below"],
    );
}

#[test]
fn a_model_of_the_groups_of_cifar_100_is_judged_by_the_groups() {
    let world = World::empty();
    // Group 0 dark, group 1 bright; the fine labels say the opposite.
    let records = |count: usize, offset: usize| -> Vec<u8> {
        let record = |index: usize| {
            let group = (index % 2) as u8;
            let pixels =
                (0..3072).map(move |at| ((index + offset) * 37 + at * 11) as u8 % 60 + 150 * group);
            [group, 1 - group]
                .into_iter()
                .chain(pixels)
                .collect::<Vec<u8>>()
        };
        (0..count).flat_map(record).collect()
    };
    world.write("cifar/train.bin", records(40, 0));
    world.write("cifar/test.bin", records(16, 1000));
    let experiment = EXPERIMENT
        .replace("\"idx\"", "\"cifar-binary\"\nlabels = \"coarse\"")
        .replace("\"digits\"", "\"cifar\"");
    world.write(
        "experiment.toml",
        experiment.replace("epochs = 8", "epochs = 12"),
    );
    let last = world
        .train(&["--json"])
        .expect_success()
        .json()
        .pop()
        .unwrap();
    let learned = &last["best"]["valid_accuracy"];
    assert!(learned.as_f64().unwrap() > 0.8, "{last}");
    let eval = [
        "eval",
        "--model",
        "run/best.safetensors",
        "--data",
        "cifar",
        "--json",
    ];
    let judged = world.kiln(&eval).expect_success().json();
    assert_eq!(&judged[0]["accuracy"], learned, "{}", judged[0]);
}
