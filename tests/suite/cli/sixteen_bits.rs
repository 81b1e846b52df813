//! Images with 16 bits a channel that use a small part of them.

use image::{DynamicImage, ImageBuffer, Luma};

use crate::support::world::{EXPERIMENT, World};

/// An image of 16 bits whose values lie around `level`, as PNG, TIFF or PGM.
fn deep(world: &World, name: &str, level: u16, variety: u16) {
    let image = ImageBuffer::<Luma<u16>, _>::from_fn(10, 12, |x, y| {
        let noise = (x as u16 * 31 + y as u16 * 7 + variety * 13) % 9;
        Luma([level + noise])
    });
    let path = world.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    DynamicImage::ImageLuma16(image).save(path).unwrap();
}

/// Bright ones of about 220, dim ones of about 30, of 65,535.
fn world(extension: &str) -> World {
    let world = World::empty();
    for split in ["train", "valid"] {
        for number in 0..8 {
            let variety = number + if split == "valid" { 50 } else { 0 };
            deep(
                &world,
                &format!("{split}/dim/{number}.{extension}"),
                30,
                variety,
            );
            deep(
                &world,
                &format!("{split}/bright/{number}.{extension}"),
                220,
                variety,
            );
        }
    }
    let experiment = EXPERIMENT
        .replace("channels = 3", "channels = 1")
        .replace("0.01", "0.05");
    world.write(
        "experiment.toml",
        experiment.replace("epochs = 4", "epochs = 12"),
    );
    world
}

#[test]
fn an_image_far_outside_the_range_of_training_is_named_rather_than_answered() {
    let world = world("png");
    let train = ["--no-audit", "--set", "train.epochs=1", "--quiet"];
    world.train(&train).expect_success();
    deep(&world, "far.png", 44_000, 1);
    let predict = ["predict", "--model", "run/best.safetensors", "far.png"];
    let run = world.kiln(&[&predict[..], &["valid/dim/0.png"]].concat());
    let run = run.expect_failure();
    assert!(
        run.stderr.contains("far.png: has values of 44000 to 44008"),
        "{}",
        run.stderr
    );
    assert_eq!(run.stdout.lines().count(), 1, "the other is answered");
}

#[test]
fn the_range_of_training_is_used_and_kept() {
    for extension in ["png", "tiff", "pgm"] {
        let world = world(extension);
        let run = world.train(&["--json", "--no-audit"]).expect_success();
        assert!(
            run.stderr
                .contains("16 training images have 16 bits a channel"),
            "{}",
            run.stderr
        );
        let best = run.json().pop().unwrap();
        assert_eq!(best["best"]["valid_accuracy"], 1.0, "{extension}: {best}");
        let model = std::fs::read(world.path("run/best.safetensors")).unwrap();
        let text = String::from_utf8_lossy(&model);
        assert!(text.contains(r#"\"deep\":[30,228]"#), "{extension}");
        // One image alone is scaled as in training, not by its own range.
        let predict = ["predict", "--json", "--model", "run/best.safetensors"];
        for class in ["dim", "bright"] {
            let file = format!("valid/{class}/3.{extension}");
            let said = world
                .kiln(&[&predict[..], &[&file]].concat())
                .expect_success()
                .json();
            assert_eq!(said[0]["class"], class, "{extension}");
        }
    }
}

#[test]
fn the_audit_names_them() {
    let world = world("png");
    let found = world.kiln(&["audit", "--config", "experiment.toml", "--json"]);
    let found = found.json().pop().unwrap();
    assert_eq!(found["sixteen_bit_range"], serde_json::json!([30, 228]));
    assert_eq!(found["sixteen_bit"].as_array().unwrap().len(), 32);
}

#[test]
fn eight_bits_and_the_full_range_keep_no_range() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    let model = std::fs::read(world.path("run/best.safetensors")).unwrap();
    assert!(!String::from_utf8_lossy(&model).contains("deep"));
    deep(&world, "train/red/full.png", 60_000, 1);
    deep(&world, "train/red/low.png", 3, 1);
    let run = world
        .train_into(&["--out", "other", "--set", "train.epochs=1"])
        .expect_success();
    assert!(!run.stderr.contains("16 bits"), "{}", run.stderr);
}
