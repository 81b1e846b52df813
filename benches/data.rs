//! The hot paths of loading: one sample into the batch, at the size of the reference net.
//!
//! `cargo bench --bench data` runs all, `cargo bench --bench data -- strong` some. For the peers
//! see `benches/peers/augment`.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use kiln::data::augment::Augmentation;
use kiln::data::{Filter, ImagePreprocess, Pixels, Purpose, Rng};
use serde_json::{Value, json};

fn picture(height: usize, width: usize, channels: usize) -> Pixels {
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

fn augment(c: &mut Criterion) {
    for channels in [3, 1] {
        let mut group = c.benchmark_group(format!("augment 150x150x{channels}"));
        let picture = picture(150, 150, channels);
        let preprocess = ImagePreprocess {
            size: [150, 150],
            channels,
            resize: Filter::Bilinear,
            max_pixels: 1 << 20,
            divide_by: 255.0,
            mean: vec![0.0; channels],
            std: vec![1.0; channels],
        };
        let mut out = vec![0.0; picture.bytes.len()];
        for (name, table) in augmentations() {
            let table = serde_json::from_value(table).expect("a table");
            let augmentation = Augmentation::read(&table, 1).expect("valid").expect("some");
            let mut sample = 0;
            group.bench_function(BenchmarkId::from_parameter(name), |bench| {
                bench.iter(|| {
                    sample += 1;
                    preprocess.write_warped(&picture, &augmentation, 0, sample, &mut out);
                });
            });
        }
    }
}

criterion_group!(benches, augment);
criterion_main!(benches);
