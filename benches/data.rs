//! The hot paths of loading: one sample into the batch, at the size of the reference net.
//!
//! `cargo bench --bench data` runs all, `cargo bench --bench data -- strong` some. For the peers
//! see `benches/peers/augment`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kiln::data::image::augment::Augmentation;
use kiln::data::{Alpha, Aspect, Filter, ImagePreprocess, Pixels, Purpose, Rng, list_images};
use serde_json::{Value, json};

fn image(height: usize, width: usize, channels: usize) -> Pixels {
    let mut rng = Rng::new(1, Purpose::Synth, &[0]);
    Pixels {
        width,
        height,
        channels,
        bytes: (0..width * height * channels)
            .map(|_| rng.below(256) as u8)
            .collect(),
    }
}

/// The augmentation of the classic cats-and-dogs program.
fn classic() -> Value {
    json!({"rotation": 40, "width_shift": 0.2, "height_shift": 0.2, "shear": 0.2, "zoom": 0.2,
        "horizontal_flip": true})
}

fn augmentations() -> Vec<(&'static str, Value)> {
    let with_fill = |fill: &str| {
        let mut table = classic();
        table["fill"] = json!(fill);
        table
    };
    vec![
        ("classic", classic()),
        ("classic, reflect", with_fill("reflect")),
        ("classic, constant", with_fill("constant")),
        ("flip", json!({"horizontal_flip": true})),
        (
            "colours",
            json!({"brightness": 0.2, "contrast": 0.2, "hue": 20}),
        ),
        ("noise", json!({"gaussian_noise": 10})),
        ("blur", json!({"blur": 2})),
        ("jpeg", json!({"jpeg_quality": 50})),
        ("standard", json!({"preset": "standard"})),
        ("strong", json!({"preset": "strong"})),
        ("rand_augment", json!({"rand_augment": true})),
    ]
}

fn preprocess(channels: usize) -> ImagePreprocess {
    ImagePreprocess {
        size: [150, 150],
        channels,
        resize: Filter::Bilinear,
        aspect: Aspect::Stretch,
        crop: 1.0,
        pad_value: 0,
        alpha: Alpha::Drop,
        max_pixels: 1 << 24,
        deep: None,
        divide_by: 255.0,
        mean: vec![0.0; channels],
        std: vec![1.0; channels],
    }
}

fn augment(c: &mut Criterion) {
    for channels in [3, 1] {
        let mut group = c.benchmark_group(format!("augment 150x150x{channels}"));
        let image = image(150, 150, channels);
        let preprocess = preprocess(channels);
        let mut out = vec![0.0; image.bytes.len()];
        for (name, table) in augmentations() {
            let table = serde_json::from_value(table).expect("a table");
            let augmentation = Augmentation::read(&table, 1).expect("valid").expect("some");
            let mut sample = 0;
            group.bench_function(BenchmarkId::from_parameter(name), |bench| {
                bench.iter(|| {
                    sample += 1;
                    preprocess.write_warped(&image, &augmentation, 0, sample, &mut out);
                });
            });
        }
    }
}

/// A JPEG of soft waves and some noise.
fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut rng = Rng::new(1, Purpose::Synth, &[1]);
    let image = image::RgbImage::from_fn(width, height, |x, y| {
        let wave = (x as f64 / 31.0).sin() + (y as f64 / 17.0).cos();
        image::Rgb(
            [40, 90, 130]
                .map(|level| (f64::from(level) + 30.0 * wave + rng.range(0.0, 12.0)) as u8),
        )
    });
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 88)
        .encode_image(&image)
        .expect("a JPEG");
    bytes
}

/// Decoding and resizing to 150 x 150. With `KILN_BENCH_IMAGES=FOLDER` also every image of a
/// folder, one after the other on one thread: `benches/peers/decode.py` does the same.
fn decode(c: &mut Criterion) {
    let preprocess = preprocess(3);
    let mut group = c.benchmark_group("decode and resize to 150x150");
    for (width, height) in [(500, 375), (1600, 1200), (4000, 3000)] {
        let bytes = jpeg(width, height);
        let name = BenchmarkId::from_parameter(format!("{width}x{height}"));
        group.bench_function(name, |bench| bench.iter(|| preprocess.decode(&bytes)));
    }
    if let Some(folder) = std::env::var_os("KILN_BENCH_IMAGES") {
        let (files, _) = list_images(folder.as_ref()).expect("a folder of images");
        group.sample_size(10);
        group.throughput(Throughput::Elements(files.len() as u64));
        group.bench_function("folder", |bench| {
            bench.iter(|| {
                let decoded = files.iter().filter(|file| preprocess.load(file).is_ok());
                assert_eq!(decoded.count(), files.len());
            });
        });
    }
}

criterion_group!(benches, augment, decode);
criterion_main!(benches);
