//! Weights that others trained: files that PyTorch, safetensors and Keras wrote (`tests/fixtures/weights`, made by
//! `make.py` there), and files that nobody should trust.

#[cfg(feature = "download")]
mod downloading;
mod hostile;
mod keras;
mod pickles;
mod pytorch;

use std::path::PathBuf;

use kiln::model::import::WeightsFile;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/weights")
        .join(name)
}

fn open(name: &str) -> WeightsFile {
    WeightsFile::open(&fixture(name)).unwrap_or_else(|error| panic!("{error}"))
}

/// What `numbers(n, ...)` of `make.py` has at the places in `index`.
fn numbers(n: usize, index: impl IntoIterator<Item = usize>) -> Vec<f32> {
    let value = |i: usize| (i % 97) as f32 / 8.0 + n as f32;
    index.into_iter().map(value).collect()
}

/// Names, shapes and types, a line a tensor.
fn listing(file: &WeightsFile) -> String {
    let lines = file.tensors().iter().map(|tensor| {
        format!(
            "{} {:?} {}\n",
            tensor.name,
            tensor.shape,
            tensor.dtype.name()
        )
    });
    lines.collect()
}
