//! Augmentation: the warp against what SciPy computes (`tests/reference/scipy_reference.py`
//! recorded the figures), the same bits for all kinds of instructions, properties of the whole.

use std::collections::BTreeMap;

use burn::tensor::Device;
use kiln::config::Preprocess;
use kiln::data::image::augment::{Affine, Augmentation, Fill, FillMode, warp_levels};
use kiln::data::{
    HostBatch, HostTargets, Loader, Pixels, Purpose, Rng, Silent, Target, read_source,
};
use kiln::device::{SimdLimit, limit_simd};
use serde_json::{Value as Json, json};

use crate::support::process::alone;
use crate::support::recorded::floats;

const RECORDED: &str = include_str!("../reference/scipy.json");

/// Grey levels. (The bound that was set is 1; what 32-bit floats do differently is far less.)
const TOLERANCE: f64 = 0.02;

fn reference_image(height: usize, width: usize) -> Pixels {
    let mut bytes = Vec::new();
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        bytes.extend((0..3).map(|c| ((y * 37 + x * 61 + c * 101 + (x * y) % 7 * 13) % 256) as u8));
    }
    Pixels {
        width,
        height,
        channels: 3,
        bytes,
    }
}

fn pair(value: &Json, neutral: f64) -> [f64; 2] {
    [0, 1].map(|axis| value[axis].as_f64().unwrap_or(neutral))
}

/// The map of a recorded case, from the same parts as the augmentations'.
fn map(options: &Json) -> Affine {
    let degrees = |name: &str| options[name].as_f64().unwrap_or(0.0);
    let [rows, columns] = pair(&options["shift"], 0.0);
    let zoom = pair(&options["zoom"], 1.0);
    let sign = |name: &str| if options[name] == true { -1.0 } else { 1.0 };
    Affine::rotation(degrees("rotation"))
        .then(Affine::shift(rows, columns))
        .then(Affine::shear(degrees("shear")))
        .then(Affine::scale(zoom[0], zoom[1]))
        .then(Affine::scale(
            sign("vertical_flip"),
            sign("horizontal_flip"),
        ))
}

fn warped(image: &Pixels, map: &Affine, fill: Fill) -> Vec<f32> {
    let mut out = vec![f32::NAN; image.bytes.len()];
    warp_levels(image, map, fill, &mut out);
    out
}

#[test]
fn every_geometric_operation_and_fill_agrees_with_scipy() {
    let recorded: Json = serde_json::from_str(RECORDED).expect("the file is JSON");
    let image = reference_image(7, 11);
    let cases = recorded["cases"].as_array().expect("a list");
    assert_eq!(cases.len(), 24);
    for case in cases {
        let mode: FillMode = serde_json::from_value(case["fill"].clone()).expect("a mode");
        let found = warped(&image, &map(&case["options"]), Fill { mode, value: 90 });
        let expected = case["levels"].as_array().expect("a list");
        assert_eq!(found.len(), expected.len());
        for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
            let expected = expected.as_f64().expect("a number");
            assert!(
                (f64::from(*found) - expected).abs() < TOLERANCE,
                "{} {}: value {index} is {found}, SciPy's {expected}",
                case["name"],
                case["fill"]
            );
        }
    }
}

/// Waves, as smooth as a photograph.
fn smooth_image(size: usize) -> Pixels {
    let level = |at: usize| {
        let (y, x, c) = (at / 3 / size, at / 3 % size, at % 3);
        128.0 + 60.0 * (y as f64 / 9.0 + c as f64).sin() + 60.0 * (x as f64 / 7.0).cos()
    };
    Pixels {
        width: size,
        height: size,
        channels: 3,
        bytes: (0..size * size * 3).map(|at| level(at) as u8).collect(),
    }
}

#[test]
fn an_image_rotated_and_rotated_back_is_near_itself_inside() {
    let size = 64;
    let image = smooth_image(size);
    let fill = Fill::new(FillMode::Reflect);
    for degrees in [10.0, 45.0, 137.0] {
        let there = warped(&image, &Affine::rotation(degrees), fill);
        let there = Pixels {
            bytes: there.iter().map(|level| level.round() as u8).collect(),
            ..image.clone()
        };
        let back = warped(&there, &Affine::rotation(-degrees), fill);
        let inside = |at: &usize| {
            let (y, x) = (at / 3 / size, at / 3 % size);
            [y, x].iter().all(|place| (16..48).contains(place))
        };
        let errors: Vec<f64> = (0..back.len())
            .filter(inside)
            .map(|at| f64::from((back[at] - f32::from(image.bytes[at])).abs()))
            .collect();
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        let most = errors.iter().copied().fold(0.0, f64::max);
        assert!(mean < 1.0 && most < 4.0, "{degrees} degrees: {mean} {most}");
        let turned = warped(&there, &Affine::IDENTITY, fill);
        assert_ne!(turned, back, "there was something to turn back");
    }
}

#[test]
fn every_kind_of_instructions_gives_the_same_bits() {
    alone(|| {
        for (height, width, channels) in [(1, 1, 1), (5, 3, 3), (33, 47, 1), (20, 50, 3)] {
            let mut rng = Rng::new(1, Purpose::Synth, &[height as u64]);
            let image = Pixels {
                width,
                height,
                channels,
                bytes: (0..height * width * channels)
                    .map(|_| rng.below(256) as u8)
                    .collect(),
            };
            for mode in [
                FillMode::Nearest,
                FillMode::Reflect,
                FillMode::Wrap,
                FillMode::Constant,
            ] {
                let map = Affine::rotation(rng.range(-180.0, 180.0))
                    .then(Affine::shift(rng.range(-9.0, 9.0), rng.range(-9.0, 9.0)))
                    .then(Affine::scale(rng.range(0.5, 1.5), rng.range(0.5, 1.5)));
                let bits = |limit| {
                    limit_simd(limit);
                    let levels = warped(&image, &map, Fill { mode, value: 7 });
                    levels
                        .iter()
                        .map(|level| level.to_bits())
                        .collect::<Vec<_>>()
                };
                let native = bits(SimdLimit::Native);
                assert_eq!(native, bits(SimdLimit::Avx2), "{mode:?}");
                assert_eq!(native, bits(SimdLimit::Portable), "{mode:?}");
            }
        }
    });
}

/// The first epochs of the drawn shapes, with all that `table` says.
fn epochs(table: Json, num_workers: usize) -> Vec<HostBatch> {
    let data = json!({"kind": "image-folder", "train": "data/shapes/train",
        "valid": "data/shapes/valid", "size": [32, 32], "channels": 3});
    let data: BTreeMap<String, Json> = serde_json::from_value(data).expect("a table");
    let table = serde_json::from_value(table).expect("a table");
    let augmentation = Augmentation::read(&table, 5).expect("valid");
    let survey = read_source(&data)
        .expect("a source")
        .survey(5)
        .expect("images");
    let datasets = survey
        .prepare(&Preprocess::default(), augmentation, false, &Silent)
        .expect("datasets");
    let loader = Loader::shuffled(datasets.train, 7, 5, num_workers).expect("threads");
    (0..2)
        .flat_map(|epoch| loader.epoch(epoch))
        .map(|loaded| loaded.batch)
        .collect()
}

#[test]
fn one_two_and_seven_workers_give_the_same_bits() {
    let table = json!({"preset": "strong", "gaussian_noise": 9, "blur": 1, "jpeg_quality": 40,
        "rand_augment": true, "mixup": true, "cutmix": true});
    let bits = |num_workers| -> Vec<(Vec<u32>, Vec<u32>, Vec<u32>)> {
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect();
        epochs(table.clone(), num_workers)
            .iter()
            .map(|batch| {
                let (classes, shares) = soft(&batch.targets);
                (bits(&batch.input), bits(shares), classes.to_vec())
            })
            .collect()
    };
    let one = bits(1);
    assert_eq!(one, bits(2));
    assert_eq!(one, bits(7));
    let half = one.len() / 2;
    assert_ne!(one[..half], one[half..], "each epoch is drawn anew");
}

/// The classes of mixed samples, and their shares.
fn soft(targets: &HostTargets) -> (&[u32], &[f32]) {
    match targets {
        HostTargets::Mixed { classes, shares } => (classes, shares),
        other => panic!("no soft labels: {other:?}"),
    }
}

#[test]
fn a_mixed_batch_has_soft_targets_on_the_device() {
    let device = Device::flex();
    let mixed = epochs(json!({"mixup": {"alpha": 1.0}}), 1).swap_remove(0);
    let shape = kiln::data::Shape::Image {
        height: 32,
        width: 32,
        channels: 3,
    };
    let expected = soft(&mixed.targets).1.to_vec();
    let batch = mixed.to_device(shape, &device);
    let Target::Soft(shares) = &batch.target else {
        panic!("{:?}", batch.target);
    };
    assert_eq!(shares.dims(), [7, 3]);
    let found = floats(shares.clone());
    assert_eq!(found, expected);
    let plain = epochs(json!({"rotation": 10}), 1).swap_remove(0);
    let batch = plain.to_device(shape, &device);
    assert!(matches!(batch.target, Target::Class(_)));
}
