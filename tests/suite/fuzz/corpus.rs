//! Whole files to begin with.

use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use kiln::data::{Alpha, Aspect, Filter, ImagePreprocess};

pub(super) const EXPERIMENT: &str = include_str!("../../../configs/cats_dogs.toml");

pub(super) fn preprocess() -> ImagePreprocess {
    ImagePreprocess {
        size: [8, 8],
        channels: 3,
        resize: Filter::Bilinear,
        aspect: Aspect::Fit,
        crop: 1.0,
        pad_value: 0,
        alpha: Alpha::White,
        max_pixels: 1 << 20,
        deep: None,
        divide_by: 255.0,
        mean: vec![0.0; 3],
        std: vec![1.0; 3],
    }
}

pub(super) fn image(format: ImageFormat) -> Vec<u8> {
    let image = RgbImage::from_fn(40, 30, |x, y| {
        Rgb([(x * 6) as u8, (y * 8) as u8, (x * y) as u8])
    });
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(image)
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}

/// Every kind of image that is read, small.
pub(super) fn images() -> Vec<Vec<u8>> {
    let formats = [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::Gif,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
        ImageFormat::WebP,
        ImageFormat::Pnm,
    ];
    let mut all: Vec<Vec<u8>> = formats.into_iter().map(image).collect();
    let deep = DynamicImage::from(RgbImage::new(9, 7)).into_luma16();
    for format in [ImageFormat::Png, ImageFormat::Tiff, ImageFormat::Pnm] {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(deep.clone())
            .write_to(&mut bytes, format)
            .unwrap();
        all.push(bytes.into_inner());
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for name in ["cmyk.jpg", "grey_alpha.png", "palette.png", "turned.jpg"] {
        all.push(std::fs::read(fixtures.join(name)).unwrap());
    }
    all
}

pub(super) const MODEL_WORDS: [&str; 8] = [
    "9999999999",
    "\"F64\"",
    "[0,0]",
    "-1",
    "null",
    "{}",
    "18446744073709551615",
    "e308",
];

/// A folder with drawn shapes, and a small net trained on them.
pub(super) fn trained_on_shapes() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let kiln = |arguments: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
        command
            .current_dir(folder.path())
            .args(arguments.split(' '));
        let output = command.output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{message}");
    };
    kiln("synth shapes --out shapes --train 6 --valid 3 --size 30");
    let small = EXPERIMENT
        .replace("../data/cats_dogs", "shapes")
        .replace("[150, 150]", "[30, 30]")
        .replace("filters = 32", "filters = 2")
        .replace("filters = 64", "filters = 2")
        .replace("filters = 128", "filters = 2")
        .replace("units = 512", "units = 4")
        .replace("units = 1 ", "units = 3 ")
        .replace("\"binary_", "\"sparse_categorical_")
        .replace("positive = \"dogs\"", "");
    std::fs::write(folder.path().join("small.toml"), small).unwrap();
    kiln("train --config small.toml --device cpu --out run --set train.epochs=1");
    folder
}

/// A tar archive with samples of two classes: by folder and by label.
pub(super) fn shapes_archive() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in [
        ("circle/1.png", image(ImageFormat::Png)),
        ("2.cls", b"square".to_vec()),
        ("2.png", image(ImageFormat::Gif)),
        (&"long/".repeat(40), Vec::new()),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder
            .append_data(&mut header, name, bytes.as_slice())
            .unwrap();
    }
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Link);
    link.set_size(0);
    builder
        .append_link(&mut link, "circle/3.png", "circle/1.png")
        .unwrap();
    builder.into_inner().unwrap()
}
