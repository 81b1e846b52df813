//! Whole commands on changed files, with little memory.

#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

use image::ImageFormat;

use super::corpus::{MODEL_WORDS, image, images, shapes_archive, trained_on_shapes};
use super::fuzz_at_least;
use crate::support::arrays::{npy, npz};
use crate::support::process::alone;

/// Address space that a command may take, KiB: on whole files 0.7 GB are enough, most of it threads' stacks and
/// the allocator's reserve; `max_pixels` allows 100 million pixels of 16 bytes beside it.
const COMMAND_KIB: u64 = (2 << 20) + (1 << 19);

/// Runs a command with little memory: it ends with an answer or an error, not with a panic, an abort or a hang.
fn run_command(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("timeout");
    let limited = format!("ulimit -v {COMMAND_KIB}; exec \"$0\" \"$@\"");
    command.args(["60", "sh", "-c", &limited, env!("CARGO_BIN_EXE_kiln")]);
    let output = command
        .args(arguments)
        .args(["--threads", "2"])
        .current_dir(folder)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "{arguments:?}: {}\n{message}",
        output.status
    );
    assert!(!message.contains("panicked"), "{arguments:?}: {message}");
}

/// Whole commands on changed files: opening, listing, decoding, and the answer.
fn fuzz_command(
    name: &str,
    file: &str,
    corpus: &[Vec<u8>],
    words: &[&str],
    folder: &Path,
    commands: &[&[&str]],
) {
    let path = folder.join(file);
    // What this process takes is the input, and the output of the command.
    fuzz_at_least(3, name, corpus, words, 64 << 20, |bytes| {
        std::fs::write(&path, bytes).unwrap();
        commands
            .iter()
            .for_each(|arguments| run_command(folder, arguments));
    });
}

const PREDICT: [&str; 3] = ["predict", "--model", "run/best.safetensors"];
const EVAL: [&str; 4] = ["eval", "--model", "run/best.safetensors", "--data"];

#[test]
fn commands_on_images_take_little_memory() {
    alone(|| {
        let folder = trained_on_shapes();
        let path = folder.path();
        let predict = |file: &'static str| [&PREDICT[..], &[file]].concat();
        let eval = |file: &'static str| [&EVAL[..], &[file]].concat();
        // No extension: the listing looks at its first bytes.
        std::fs::create_dir_all(path.join("some/circle")).unwrap();
        for class in ["square", "triangle"] {
            std::fs::create_dir_all(path.join("some").join(class)).unwrap();
            std::fs::write(
                path.join("some").join(class).join("1.png"),
                image(ImageFormat::Png),
            )
            .unwrap();
        }
        let both: [&[&str]; 2] = [&predict("some"), &eval("some")];
        fuzz_command(
            "command-image",
            "some/circle/x",
            &images(),
            &[],
            path,
            &both,
        );
        let archive = [shapes_archive()];
        let words = ["ustar", "0000000", "././@LongLink", "77777777777"];
        fuzz_command(
            "command-archive",
            "a.tar",
            &archive,
            &words,
            path,
            &[&eval("a.tar")],
        );
        let arrays = |shape: &str, descr: &str, bytes: &[u8]| {
            npz(&[
                ("images", npy(descr, shape, bytes)),
                ("labels", npy("|u1", "(2,)", &[0, 1])),
            ])
        };
        let corpus = [
            arrays("(2, 5, 5)", "|u1", &[9; 50]),
            arrays("(2, 3, 5, 5)", ">f4", &[0; 600]),
            npy("<u2", "(2, 5, 5, 1)", &[7; 100]),
        ];
        let words = [
            "fortran_order': True",
            "(99999999, 9999, 9999)",
            "<f8",
            ">i2",
            "|O",
            "PK\x03\x04",
        ];
        fuzz_command(
            "command-npz",
            "a.npz",
            &corpus,
            &words,
            path,
            &[&predict("a.npz"), &eval("a.npz")],
        );
        let idx = |sizes: &[u32], len: usize| {
            let mut bytes = vec![0, 0, 8, sizes.len() as u8];
            sizes
                .iter()
                .for_each(|size| bytes.extend(size.to_be_bytes()));
            bytes.resize(bytes.len() + len, 1);
            bytes
        };
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, &idx(&[2, 5, 5], 50)).unwrap();
        let corpus = [idx(&[2, 5, 5], 50), packed.finish().unwrap()];
        std::fs::write(path.join("a-labels-idx1"), idx(&[2], 2)).unwrap();
        let both: [&[&str]; 2] = [&predict("a-images-idx3"), &eval("a-images-idx3")];
        fuzz_command("command-idx", "a-images-idx3", &corpus, &[], path, &both);
        let corpus = [std::fs::read(path.join("run/best.safetensors")).unwrap()];
        let both: [&[&str]; 2] = [
            &["predict", "--model", "m.safetensors", "shapes/valid/circle"],
            &["eval", "--model", "m.safetensors", "--data", "shapes/valid"],
        ];
        fuzz_command(
            "command-model",
            "m.safetensors",
            &corpus,
            &MODEL_WORDS,
            path,
            &both,
        );
    });
}

#[test]
fn commands_on_tables_take_little_memory() {
    alone(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let mut table = String::from("size,kind,y\n");
        (0..40).for_each(|row| {
            table.push_str(&format!(
                "{}.5,{},{}\n",
                row * 7 % 11,
                ["a", "b"][row % 2],
                row % 2
            ))
        });
        std::fs::write(path.join("t.csv"), &table).unwrap();
        let experiment = r#"[data]
    kind = "csv"
    train = "t.csv"
    valid_fraction = 0.3
    target = "y"
    [model]
    layers = [{ dense = { units = 1 } }]
    [train]
    epochs = 1
    loss = "binary_cross_entropy"
    optimizer = { adam = { learning_rate = 0.01 } }
    "#;
        std::fs::write(path.join("e.toml"), experiment).unwrap();
        run_command(
            path,
            &[
                "train",
                "--config",
                "e.toml",
                "--device",
                "cpu",
                "--out",
                "run",
                "--no-audit",
            ],
        );
        assert!(path.join("run/best.safetensors").is_file());
        let both: [&[&str]; 2] = [
            &[&PREDICT[..], &["x.csv"]].concat(),
            &[&EVAL[..], &["x.csv"]].concat(),
        ];
        let words = [
            "\"", ",", "\n", "\r\n", "\0", "nan", "inf", "1e999", "é", "\u{feff}",
        ];
        fuzz_command(
            "command-table",
            "x.csv",
            &[table.into_bytes()],
            &words,
            path,
            &both,
        );
    });
}
