//! Weights of others: files of PyTorch, safetensors and Keras; pickles in an archive whose checksums are right.

use std::path::Path;

use kiln::model::import::WeightsFile;

use super::fuzz;
use crate::support::arrays::zip;
use crate::support::process::alone;

/// What no input of some kB may take: an expanded tensor has at most 4 million values, here and while it is copied.
const MOST: usize = 64 << 20;

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights");
    std::fs::read(folder.join(name)).unwrap()
}

/// Reads every tensor; shapes and values fit each other.
fn read_all(path: &Path) {
    let Ok(file) = WeightsFile::open(path) else {
        return;
    };
    for tensor in file.tensors() {
        if let Ok(values) = file.read(&tensor.name) {
            assert_eq!(values.len(), tensor.shape.iter().product::<usize>());
        }
    }
}

#[test]
fn files_of_weights_are_read_or_refused() {
    alone(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w");
        let names = [
            "zip.pth",
            "views.pth",
            "old.pth",
            "old_views.pth",
            "old_protocol5.pth",
            "checkpoint.pth",
            "script.pt",
            "plain.safetensors",
            "net.keras",
        ];
        let words = [
            "R",
            "\u{1}",
            "(",
            "torch\nFloatStorage\n",
            "9999999999",
            "-1",
            "PK\u{1}\u{2}",
            "PK\u{5}\u{6}",
        ];
        fuzz("weights", &names.map(fixture), &words, MOST, |bytes| {
            std::fs::write(&path, bytes).unwrap();
            read_all(&path);
        });
    });
}

#[test]
fn pickles_of_weights_are_read_or_refused() {
    alone(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.pth");
        let names = [
            "zip.pth",
            "views.pth",
            "types.pth",
            "checkpoint.pth",
            "module.pth",
            "protocol4.pth",
        ];
        let pickles = names.map(|name| {
            let file = fixture(name);
            let begin = file
                .windows(2)
                .position(|part| part == b"\x80\x02" || part == b"\x80\x04");
            let begin = begin.expect("a pickle");
            let end = file[begin..]
                .windows(5)
                .position(|part| part == b".PK\x07\x08");
            file[begin..=begin + end.expect("its end, and the size behind it")].to_vec()
        });
        let storage = vec![1; 64];
        let words = [
            "(",
            "t",
            "R",
            "b",
            "u",
            "s",
            "}",
            "]",
            ")",
            "Q",
            "h\u{1}",
            "q\u{1}",
            "2",
            "0",
            "N",
            "cos\nsystem\n",
            "ctorch._utils\n_rebuild_tensor_v2\n",
            "ctorch\nHalfStorage\n",
        ];
        fuzz("pickle", &pickles, &words, MOST, |bytes| {
            let members = [
                ("a/data.pkl", bytes),
                ("a/data/0", &storage),
                ("a/data/1", &storage),
            ];
            std::fs::write(&path, zip(&members, false)).unwrap();
            read_all(&path);
        });
    });
}

#[test]
fn hdf5_files_of_weights_are_read_or_refused() {
    alone(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.h5");
        let names = [
            "keras.weights.h5",
            "old_weights.h5",
            "bf16.weights.h5",
            "h5py.h5",
            "h5py_latest.h5",
        ];
        let words = ["TREE", "SNOD", "HEAP", "OHDR", "\0\0\0\0\0\0\0\0"];
        fuzz("hdf5", &names.map(fixture), &words, MOST, |bytes| {
            std::fs::write(&path, bytes).unwrap();
            read_all(&path);
        });
    });
}
