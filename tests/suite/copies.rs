//! How many copies of photographs `kiln audit` finds: the figures of `src/guide/audit.md`. Photographs are not in the
//! project, so the test is ignored by default; a folder of JPEG files in class folders is named by
//! `KILN_TEST_PHOTOGRAPHS`:
//!
//!     KILN_TEST_PHOTOGRAPHS=cats_dogs/train cargo test --release --test suite copies:: -- --ignored --nocapture

use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, crop_imm, resize};
use image::{Rgb, RgbImage};

use crate::support::world::World;

const COUNT: usize = 100;

/// A copy that was changed in some way, as a file.
type Change = fn(&RgbImage) -> Vec<u8>;

/// What is done to a copy, and the fewest of 100 that have to be found.
const CHANGES: [(&str, Change, usize); 6] = [
    ("JPEG quality 50", |image| jpeg(image, 50), 99),
    ("JPEG quality 30", |image| jpeg(image, 30), 99),
    (
        "half the size",
        |image| scaled(image, image.width() / 2, image.height() / 2),
        99,
    ),
    ("100 x 75 pixels", |image| scaled(image, 100, 75), 99),
    ("15% brighter", brightened, 99),
    ("2% cut off at each side", cropped, 0),
];

fn jpeg(image: &RgbImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
    encoder.encode_image(image).expect("an image");
    bytes
}

fn scaled(image: &RgbImage, width: u32, height: u32) -> Vec<u8> {
    jpeg(&resize(image, width, height, FilterType::Triangle), 90)
}

fn brightened(image: &RgbImage) -> Vec<u8> {
    let mut image = image.clone();
    let level = |level: u8| (f32::from(level) * 1.15).round().min(255.0) as u8;
    image
        .pixels_mut()
        .for_each(|pixel| *pixel = Rgb(pixel.0.map(level)));
    jpeg(&image, 90)
}

fn cropped(image: &RgbImage) -> Vec<u8> {
    let (width, height) = image.dimensions();
    let (x, y) = (width / 50, height / 50);
    let inner = crop_imm(image, x, y, width - 2 * x, height - 2 * y);
    jpeg(&inner.to_image(), 90)
}

/// Photographs from all over the class folders.
fn photographs(folder: &Path) -> Vec<PathBuf> {
    let list = |folder: &Path| -> Vec<PathBuf> {
        let entries =
            std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| entry.expect("an entry").path())
            .collect();
        paths.sort();
        paths
    };
    let all: Vec<PathBuf> = list(folder).iter().flat_map(|class| list(class)).collect();
    assert!(all.len() >= COUNT, "{} photographs", all.len());
    all
}

/// How many of the copies are found beside their originals, and how many pairs are of different photographs.
fn found(originals: &[(Vec<u8>, RgbImage)], change: Change) -> (usize, usize) {
    let world = World::empty();
    for (number, (bytes, image)) in originals.iter().enumerate() {
        world.write(&format!("photos/originals/{number}.jpg"), bytes);
        world.write(&format!("photos/copies/{number}.jpg"), change(image));
    }
    let run = world.kiln(&["audit", "photos", "--json"]);
    let report = run.json().swap_remove(0);
    let pairs = report["pairs"].as_array().expect("a list");
    let number = |name: &str| name.split(['/', '.']).nth(1).map(str::to_string);
    let same = pairs.iter().filter(|pair| {
        let names = ["one", "other"].map(|which| pair[which]["name"].as_str().expect("a name"));
        number(names[0]) == number(names[1])
    });
    let same = same.count();
    (same, pairs.len() - same)
}

#[test]
#[ignore = "needs KILN_TEST_PHOTOGRAPHS=FOLDER and --ignored"]
fn nearly_all_copies_of_photographs_are_found_and_no_others() {
    let folder = std::env::var_os("KILN_TEST_PHOTOGRAPHS").expect("KILN_TEST_PHOTOGRAPHS");
    let all = photographs(Path::new(&folder));
    let chosen = all.iter().step_by(all.len() / COUNT).take(COUNT);
    let originals: Vec<(Vec<u8>, RgbImage)> = chosen
        .map(|path| {
            let bytes = std::fs::read(path).expect("a file");
            let image = image::load_from_memory(&bytes).expect("an image");
            (bytes, image.into_rgb8())
        })
        .collect();
    for (name, change, fewest) in CHANGES {
        let (same, others) = found(&originals, change);
        println!("{name}: {same} of {COUNT} copies found, {others} wrong pairs");
        assert!(same >= fewest, "{name}: {same} of {COUNT}");
        assert_eq!(others, 0, "{name}");
    }
}
