//! Files from the real world: each is either handled or named with its fault, and nothing is
//! skipped in silence.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage};

use crate::support::world::{World, finish};

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, 90]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(image)
        .write_to(&mut bytes, ImageFormat::Jpeg)
        .unwrap();
    bytes.into_inner()
}

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Trains with one more file in `train/red`; the standard error.
fn train_with(name: &str, content: impl AsRef<[u8]>) -> String {
    let world = World::colours();
    world.write(&format!("train/red/{name}"), content);
    world
        .train(&["--set", "train.epochs=1"])
        .expect_success()
        .stderr
}

fn assert_skipped(name: &str, content: impl AsRef<[u8]>, reason: &str) {
    let message = train_with(name, content);
    assert!(
        message.contains("1 file cannot be used and will be left out"),
        "{message}"
    );
    assert!(message.contains(&format!("{name}: {reason}")), "{message}");
}

fn assert_used(name: &str, content: impl AsRef<[u8]>) {
    let message = train_with(name, content);
    assert!(!message.contains("cannot be used"), "{message}");
    assert!(
        message.contains(" red       13"),
        "it counts as a sample: {message}"
    );
}

#[test]
fn a_truncated_jpeg_is_named() {
    let whole = jpeg(200, 200);
    assert_skipped(
        "cut.jpg",
        &whole[..whole.len() / 2],
        "is truncated: the JPEG's end is missing",
    );
    assert_skipped(
        "head.jpg",
        &whole[..40],
        "is truncated: the JPEG's end is missing",
    );
}

#[test]
fn a_truncated_png_is_named() {
    let world = World::colours();
    let bytes = std::fs::read(world.path("train/red/00.png")).unwrap();
    assert_skipped("cut.png", &bytes[..bytes.len() / 2], "cannot be decoded");
}

#[test]
fn a_text_file_called_jpg_is_named() {
    assert_skipped(
        "letter.jpg",
        "Dear reader,\n",
        "is not an image (it holds text)",
    );
}

#[test]
fn an_empty_file_is_named() {
    assert_skipped("empty.png", "", "is empty (0 bytes)");
}

#[test]
fn an_image_under_the_wrong_extension_is_used() {
    assert_used("really_a_jpeg.png", jpeg(20, 20));
}

#[test]
fn sixteen_bits_grey_palette_alpha_cmyk_and_turned_images_are_used() {
    let deep: ImageBuffer<Luma<u16>, _> =
        ImageBuffer::from_fn(9, 9, |x, _| Luma([x as u16 * 7000]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(deep)
        .write_to(&mut bytes, ImageFormat::Png)
        .unwrap();
    assert_used("sixteen.png", bytes.into_inner());
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(GrayImage::from_pixel(5, 4, Luma([9])))
        .write_to(&mut bytes, ImageFormat::Png)
        .unwrap();
    assert_used("grey.png", bytes.into_inner());
    for name in ["palette.png", "grey_alpha.png", "cmyk.jpg", "turned.jpg"] {
        assert_used(name, fixture(name));
    }
}

#[test]
fn a_very_wide_image_is_used_and_a_huge_one_refused_by_the_limit() {
    let wide = GrayImage::from_pixel(20_000, 40, Luma([200]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(wide)
        .write_to(&mut bytes, ImageFormat::Png)
        .unwrap();
    assert_used("wide.png", bytes.get_ref());
    let world = World::colours();
    world.write("train/red/wide.png", bytes.get_ref());
    let run = world
        .train(&["--set", "data.max_pixels=1000"])
        .expect_success();
    let reason = "has 20000 x 40 pixels, more than data.max_pixels = 1000";
    assert!(run.stderr.contains(reason), "{}", run.stderr);
}

#[test]
fn names_with_blanks_and_other_letters_are_used() {
    let world = World::empty();
    for (first, class) in [(0, "котики 1"), (4, "狗")] {
        for number in first..first + 4 {
            let name = format!("my data/{class}/bild ü {number}.png");
            world.image(&name, [9, 99, 200], number);
        }
    }
    world
        .kiln(&["init", "my data", "--out", "a b.toml"])
        .expect_success();
    let run = world
        .kiln(&[
            "train",
            "--config",
            "a b.toml",
            "--device",
            "cpu",
            "--out",
            "läufe/1",
            "--set",
            "train.epochs=1",
        ])
        .expect_success();
    assert!(run.stdout.contains("котики 1"), "{}", run.stdout);
    let model = "läufe/1/best.safetensors";
    let run = world
        .kiln(&["predict", "-m", model, "my data/狗/bild ü 5.png"])
        .expect_success();
    assert!(
        run.stdout.starts_with("my data/狗/bild ü 5.png\t"),
        "{}",
        run.stdout
    );
}

#[test]
fn images_in_nested_folders_belong_to_the_class() {
    let world = World::colours();
    world.image("train/red/more/deep/1.png", [210, 30, 30], 50);
    let run = world.train(&["--set", "train.epochs=1"]).expect_success();
    assert!(run.stderr.contains(" red       13"), "{}", run.stderr);
}

#[test]
fn files_without_an_images_name_are_counted_and_named() {
    let message = train_with("Thumbs.db", "x");
    assert!(
        message
            .contains("left out 1 file:\n  1: hidden, or put there by the system: red/Thumbs.db"),
        "{message}"
    );
}

#[test]
fn an_empty_class_folder_is_an_error_that_names_it() {
    let world = World::colours();
    std::fs::create_dir(world.path("train/green")).unwrap();
    std::fs::create_dir(world.path("valid/green")).unwrap();
    let run = world.train(&[]).expect_failure();
    insta::assert_snapshot!(world.anonymous(tail(&run.stderr)));
}

#[test]
fn one_class_only_is_an_error() {
    let world = World::colours();
    std::fs::remove_dir_all(world.path("train/red")).unwrap();
    let run = world.train(&[]).expect_failure();
    insta::assert_snapshot!(world.anonymous(tail(&run.stderr)));
}

#[test]
fn one_folder_too_high_is_an_error_that_says_so() {
    let world = World::colours();
    let high = EXPERIMENT_HIGH;
    world.write(
        "experiment.toml",
        crate::support::world::EXPERIMENT.replace(high.0, high.1),
    );
    std::fs::create_dir(world.path("up")).unwrap();
    std::fs::rename(world.path("train"), world.path("up/train")).unwrap();
    let run = world.train(&[]).expect_failure();
    insta::assert_snapshot!(world.anonymous(tail(&run.stderr)));
}

const EXPERIMENT_HIGH: (&str, &str) = ("train = \"train\"", "train = \"up\"");

#[test]
fn images_without_class_folders_are_an_error() {
    let world = World::colours();
    world.image("flat/1.png", [1, 2, 3], 1);
    let run = world.train(&["--set", "data.train=flat"]).expect_failure();
    insta::assert_snapshot!(world.anonymous(tail(&run.stderr)));
}

#[test]
fn splits_with_other_classes_are_an_error_with_a_table() {
    let world = World::colours();
    std::fs::rename(world.path("valid/red"), world.path("valid/rad")).unwrap();
    let run = world.train(&[]).expect_failure();
    insta::assert_snapshot!(world.anonymous(tail(&run.stderr)));
}

#[test]
fn a_class_of_which_nothing_can_be_used_is_an_error() {
    let world = World::colours();
    for number in 0..12 {
        world.write(&format!("train/red/{number:02}.png"), "");
    }
    let run = world.train(&[]).expect_failure();
    assert!(
        run.stderr
            .contains("holds no image of red that can be used"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("00.png is empty (0 bytes)"),
        "{}",
        run.stderr
    );
}

#[test]
#[cfg(unix)]
fn an_unreadable_file_is_named() {
    let world = World::colours();
    std::os::unix::fs::symlink("/nowhere/at/all.png", world.path("train/red/link.png")).unwrap();
    let run = world.train(&["--set", "train.epochs=1"]).expect_success();
    assert!(
        run.stderr
            .contains("link.png: cannot be read: No such file"),
        "{}",
        run.stderr
    );
}

/// A limit on the size of files stands for a full disk: the write fails in the middle.
#[test]
#[cfg(unix)]
fn no_space_left_is_an_error_that_names_the_file_and_keeps_the_old_one() {
    let world = World::colours();
    world.train(&["--set", "train.epochs=1"]).expect_success();
    let binary = env!("CARGO_BIN_EXE_kiln");
    let big = "--set model.layers[3].dense.units=1 --set model.layers[0].conv2d.filters=4000";
    let script = format!(
        "trap '' XFSZ; ulimit -f 64; exec '{binary}' train --config experiment.toml --device cpu \
         --out full {big}"
    );
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &script]).current_dir(world.path(""));
    let run = finish(command).expect_failure();
    assert!(
        run.stderr.contains("cannot write full/last.safetensors: "),
        "{}",
        run.stderr
    );
    let left: Vec<_> = std::fs::read_dir(world.path("full"))
        .unwrap()
        .flatten()
        .collect();
    let names: Vec<String> = left
        .iter()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    assert!(
        !names.iter().any(|name| name.contains("safetensors")),
        "{names:?}"
    );
}

/// What follows the lines on device and folder.
fn tail(stderr: &str) -> &str {
    stderr
        .split_once("device: ")
        .and_then(|(_, rest)| rest.split_once('\n'))
        .map_or(stderr, |t| t.1)
}
