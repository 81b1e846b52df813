//! Images, experiments, models, archives and cache files.

use burn::tensor::Device;
use kiln::config::Source;
use kiln::data::image::cache::list_caches;
use kiln::data::{TrainedClasses, labelled_images};
use kiln::model::ModelFile;
use kiln::train::Plan;

use super::corpus::{
    EXPERIMENT, MODEL_WORDS, images, preprocess, shapes_archive, trained_on_shapes,
};
use super::fuzz;
use crate::support::process::alone;

#[test]
fn images_are_decoded_or_refused() {
    alone(|| {
        let preprocess = preprocess();
        // A million pixels of up to 16 bytes, their copies, and what the decoders need.
        fuzz("image", &images(), &[], 200 << 20, |bytes| {
            if let Ok(image) = preprocess.decode(bytes) {
                assert_eq!(image.bytes.len(), 8 * 8 * 3);
            }
        });
    });
}

#[test]
fn experiments_are_read_or_refused() {
    alone(|| {
        let folder = tempfile::tempdir().unwrap();
        let toml = folder.path().join("experiment.toml");
        let json = folder.path().join("experiment.json");
        let value: toml_edit::DocumentMut = EXPERIMENT.parse().unwrap();
        let value: serde_json::Value = toml_edit::de::from_document(value).unwrap();
        let corpus = [
            EXPERIMENT.as_bytes().to_vec(),
            value.to_string().into_bytes(),
        ];
        let words = [
            "{",
            "}",
            "[",
            "]",
            "\"",
            "=",
            "1e999",
            "-1",
            "0",
            "nan",
            "inf",
            "true",
            "null",
            "'''",
            "\\u0000",
            "[data]",
            "[train]",
            "conv2d",
            "dense",
            "units",
            "kind",
            "webdataset",
            "size",
            "é",
            "99999999999999999999",
            "18446744073709551615",
            "9223372036854775807",
            "filters",
            "kernel",
            "stride",
            "groups",
            "preset",
            "mixup",
            "lstm",
            "residual",
            "reshape",
            "csv",
            "schedule",
        ];
        fuzz("experiment", &corpus, &words, 64 << 20, |bytes| {
            let path = if bytes.first() == Some(&b'{') {
                &json
            } else {
                &toml
            };
            std::fs::write(path, bytes).unwrap();
            if let Ok(source) = Source::load(path, &[]) {
                let _ = Plan::check(source).map(|_| ());
            }
        });
    });
}

/// A model as an older program wrote it: nothing but reading it tells whether it is damaged.
fn without_checksum(mut model: Vec<u8>) -> Vec<u8> {
    let key = b"kiln.checksum";
    let place = model.windows(key.len()).position(|part| part == key);
    let place = place.expect("a checksum");
    model[place..place + key.len()].copy_from_slice(b"other.checked");
    model
}

#[test]
fn models_are_opened_or_refused() {
    alone(|| {
        let folder = trained_on_shapes();
        let device = Device::flex();
        let corpus = ["best", "last"].map(|name| {
            let path = folder.path().join(format!("run/{name}.safetensors"));
            ModelFile::open(&path, &device).expect("the whole file is a model");
            without_checksum(std::fs::read(path).unwrap())
        });
        let path = folder.path().join("model.safetensors");
        fuzz("model", &corpus, &MODEL_WORDS, 256 << 20, |bytes| {
            std::fs::write(&path, bytes).unwrap();
            let _ = ModelFile::open(&path, &device).map(|_| ());
        });
    });
}

#[test]
fn archives_and_cache_files_are_read_or_refused() {
    alone(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        let classes = ["circle".to_string(), "square".to_string()];
        let archive = shapes_archive();
        let preprocess = preprocess();
        fuzz(
            "archive",
            &[archive],
            &["ustar", "0000000", "././@LongLink"],
            128 << 20,
            |bytes| {
                std::fs::write(&path, bytes).unwrap();
                let trained = TrainedClasses::new(&classes, &Default::default());
                if let Ok(labelled) = labelled_images(&path, &trained, &preprocess) {
                    use kiln::data::Dataset;
                    let dataset = labelled.dataset;
                    let mut out = vec![0.0; 8 * 8 * 3];
                    for index in 0..dataset.len().min(4) {
                        let _ = dataset.load(index, None, &mut out);
                    }
                }
            },
        );
        let cache = tempfile::tempdir().unwrap();
        let mut head =
            b"KILNSMP2{\"format\":2,\"root\":\"/photos\",\"record\":192,\"pixels\":\"8 x 8 x 3\"}"
                .to_vec();
        head.resize(5000, 0);
        fuzz(
            "cache",
            &[head],
            &["\"record\":0", "\"record\":18446744073709551615"],
            16 << 20,
            |bytes| {
                std::fs::write(cache.path().join("a.samples"), bytes).unwrap();
                for file in list_caches(cache.path()).unwrap() {
                    let _ = file
                        .description
                        .map(|description| description.num_samples(file.bytes));
                }
            },
        );
    });
}
