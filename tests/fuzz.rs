//! Files from strangers: whatever bytes they hold, they are read or refused, without a panic and within
//! a bound of memory.
//!
//! Each target begins with whole files and changes them at random, from a seed. `cargo test` gives each
//! target two seconds; `KILN_FUZZ_SECONDS=600 cargo test --release --test fuzz -- --nocapture` ten
//! minutes, `KILN_FUZZ_SEED` another series. An input that fails is written to the temporary folder and
//! named; it belongs into `tests/fixtures/crashes`, whose files are run first.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use burn::tensor::Device;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use kiln::config::{Preprocess, Source};
use kiln::data::image::cache::list_caches;
use kiln::data::{
    Alpha, Aspect, Filter, ImageDataset, ImagePreprocess, Purpose, Rng, Silent, TrainedClasses,
    parse_idx, read_source,
};
use kiln::model::ModelFile;
use kiln::train::Plan;

#[path = "support/npz.rs"]
mod npz_files;

use npz_files::{npy, npz};

/// Counts what is in use, and the most that was.
struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator as it came; only numbers are kept beside.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let used = USED.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(used, Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One target at a time: the memory is counted for the whole program.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn seconds() -> u64 {
    let asked = std::env::var("KILN_FUZZ_SECONDS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(2)
}

fn seed() -> u64 {
    let asked = std::env::var("KILN_FUZZ_SEED").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Runs `target` on the whole files, on what failed before, and on changed files until the time is
/// over. No input may take more than `most` bytes beyond what was in use.
fn fuzz(name: &str, corpus: &[Vec<u8>], words: &[&str], most: usize, target: impl Fn(&[u8])) {
    fuzz_at_least(20, name, corpus, words, most, target);
}

/// The same where each input takes a process or two: fewer of them are enough.
fn fuzz_at_least(
    least: u64,
    name: &str,
    corpus: &[Vec<u8>],
    words: &[&str],
    most: usize,
    target: impl Fn(&[u8]),
) {
    let _alone = alone();
    let crashes = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/crashes");
    let mut known: Vec<PathBuf> = std::fs::read_dir(crashes)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .is_some_and(|n| n.to_string_lossy().starts_with(name))
        })
        .collect();
    known.sort();
    let mut fixed: Vec<Vec<u8>> = corpus.to_vec();
    fixed.extend(known.iter().map(|path| std::fs::read(path).unwrap()));
    for input in &fixed {
        run(name, input, most, &target);
    }
    let (begin, time) = (Instant::now(), Duration::from_secs(seconds()));
    let mut count = 0;
    while begin.elapsed() < time {
        let mut rng = Rng::new(seed(), Purpose::Synth, &[count]);
        let input = change(&fixed, words, &mut rng);
        run(name, &input, most, &target);
        count += 1;
    }
    println!(
        "{name}: {count} inputs in {} s, {} fixed ones",
        time.as_secs(),
        fixed.len()
    );
    assert!(count > least, "{name}: too slow, {count} inputs");
}

fn run(name: &str, input: &[u8], most: usize, target: &impl Fn(&[u8])) {
    let before = USED.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let outcome = catch_unwind(AssertUnwindSafe(|| target(input)));
    let taken = MOST.load(Ordering::Relaxed).saturating_sub(before);
    if outcome.is_err() || taken > most {
        let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::write(&path, input).unwrap();
        panic!(
            "{name}: an input of {} bytes, {taken} bytes taken: {}",
            input.len(),
            path.display()
        );
    }
}

/// A file of the corpus, changed in one to eight places.
fn change(corpus: &[Vec<u8>], words: &[&str], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = corpus[rng.below(corpus.len())].clone();
    for _ in 0..1 << rng.below(4) {
        let len = bytes.len().max(1);
        // Half of the changes fall into the beginning, where headers are.
        let reach = if rng.uniform() < 0.5 {
            len.min(200)
        } else {
            len
        };
        let at = rng.below(reach);
        let at = at.min(bytes.len());
        let span = 1 + rng.below(16);
        let end = (at + span).min(bytes.len());
        match rng.below(9) {
            0 => bytes[at..end]
                .iter_mut()
                .for_each(|byte| *byte = rng.next_u64() as u8),
            1 => bytes[at..end]
                .iter_mut()
                .take(1)
                .for_each(|byte| *byte ^= 1 << rng.below(8)),
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let copy = bytes[at..end].to_vec();
                let to = rng.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            5 => {
                // Numbers that mean trouble: 0, -1, the largest.
                let value = [0, u64::MAX, 1 << 31, 0x7FFF_FFFF, 1 << 63][rng.below(5)];
                let width = 1 << rng.below(4);
                let end = (at + width).min(bytes.len());
                let number = value.to_le_bytes();
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
            6 => {
                let other = &corpus[rng.below(corpus.len())];
                let from = rng.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            7 if !words.is_empty() => {
                let word = words[rng.below(words.len())].bytes();
                bytes.splice(at..end, word);
            }
            _ => bytes.extend(std::iter::repeat_n(rng.next_u64() as u8, span)),
        }
    }
    bytes
}

fn preprocess() -> ImagePreprocess {
    ImagePreprocess {
        size: [8, 8],
        channels: 3,
        resize: Filter::Bilinear,
        aspect: Aspect::Fit,
        pad_value: 0,
        alpha: Alpha::White,
        max_pixels: 1 << 20,
        deep: None,
        divide_by: 255.0,
        mean: vec![0.0; 3],
        std: vec![1.0; 3],
    }
}

fn picture(format: ImageFormat) -> Vec<u8> {
    let picture = RgbImage::from_fn(40, 30, |x, y| {
        Rgb([(x * 6) as u8, (y * 8) as u8, (x * y) as u8])
    });
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture)
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}

/// Every kind of picture that is read, small.
fn pictures() -> Vec<Vec<u8>> {
    let formats = [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::Gif,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
        ImageFormat::WebP,
        ImageFormat::Pnm,
    ];
    let mut all: Vec<Vec<u8>> = formats.into_iter().map(picture).collect();
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

const EXPERIMENT: &str = include_str!("../configs/cats_dogs.toml");

#[test]
fn pictures_are_decoded_or_refused() {
    let preprocess = preprocess();
    // A million pixels of up to 16 bytes, their copies, and what the decoders need.
    fuzz("picture", &pictures(), &[], 200 << 20, |bytes| {
        if let Ok(picture) = preprocess.decode(bytes) {
            assert_eq!(picture.bytes.len(), 8 * 8 * 3);
        }
    });
}

#[test]
fn experiments_are_read_or_refused() {
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
}

const MODEL_WORDS: [&str; 8] = [
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
fn trained_on_shapes() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let kiln = |arguments: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
        command
            .current_dir(folder.path())
            .args(arguments.split(' '));
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
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
fn shapes_archive() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in [
        ("circle/1.png", picture(ImageFormat::Png)),
        ("2.cls", b"square".to_vec()),
        ("2.png", picture(ImageFormat::Gif)),
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
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "{arguments:?}: {}\n{told}",
        output.status
    );
    assert!(!told.contains("panicked"), "{arguments:?}: {told}");
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

#[cfg(target_os = "linux")]
#[test]
fn commands_on_images_take_little_memory() {
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
            picture(ImageFormat::Png),
        )
        .unwrap();
    }
    let both: [&[&str]; 2] = [&predict("some"), &eval("some")];
    fuzz_command(
        "command-picture",
        "some/circle/x",
        &pictures(),
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
}

#[cfg(target_os = "linux")]
#[test]
fn commands_on_tables_take_little_memory() {
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
}

#[test]
fn archives_and_cache_files_are_read_or_refused() {
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
            if let Ok(labelled) = ImageDataset::labelled(&path, &trained, &preprocess) {
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
}

/// Looks through, splits, fits and encodes what a file holds, where it can be used.
fn prepare(data: serde_json::Value) {
    let serde_json::Value::Object(data) = data else {
        unreachable!("an object")
    };
    let Ok(source) = read_source(&data.into_iter().collect()) else {
        panic!("the description is whole")
    };
    if let Ok(survey) = source.survey(1) {
        let shape = survey.shape().num_elements();
        if let Ok(datasets) = survey.prepare(&Preprocess::default(), None, true, &Silent) {
            let mut out = vec![0.0; shape];
            for index in 0..datasets.train.len() {
                let _ = datasets.train.load(index, Some(0), &mut out);
                assert!(out.iter().all(|value| value.is_finite()));
            }
        }
    }
}

#[test]
fn tables_are_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    let mut plain = String::from("id,size,kind,note,y\n");
    let mut odd = String::from("\u{feff}y;kind;\"si;ze\"\r\n");
    for row in 0..40 {
        let kind = ["a", "b", ""][row % 3];
        let size = [format!("{}.5", row * 7 % 11), "NA".into()][usize::from(row % 9 == 8)].clone();
        plain.push_str(&format!(
            "{row},{size},{kind},\"the \"\"{row}\"\" of, it\",{}\n",
            row % 2
        ));
        odd.push_str(&format!("{};{kind};\"{size}\"\r\n", row as f64 / 3.0));
    }
    let corpus = [plain.into_bytes(), odd.into_bytes()];
    let words = [
        "\"", ",", ";", "\n", "\r\n", "\0", "nan", "inf", "-1e999", "1e38", "NA", "y", "é",
        "\u{feff}", "0x1F", "00", "+", "1_000",
    ];
    fuzz("table", &corpus, &words, 64 << 20, |bytes| {
        std::fs::write(&path, bytes).unwrap();
        prepare(serde_json::json!({
            "kind": "csv", "train": path, "valid_fraction": 0.3, "target": "y", "cache_memory": "4 kB",
        }));
        prepare(serde_json::json!({
            "kind": "csv", "train": path, "valid_fraction": 0.3, "target": "y", "encoding": "windows-1252",
            "columns": {"note": "text", "kind": {"impute": "most_frequent"}, "size": {"impute": "median"}},
        }));
    });
}

#[test]
fn texts_are_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("texts.csv");
    let mut corpus = String::from("text,label\n");
    for row in 0..30 {
        let mood = ["good", "bad"][row % 2];
        corpus.push_str(&format!("\"The film no. {row}, it's {mood}!\",{mood}\n"));
    }
    let words = [
        "\"",
        ",",
        "\n",
        "\0",
        "İ",
        "ß",
        "\u{1F600}",
        "\u{202e}",
        " ",
        "text",
        "label",
    ];
    fuzz("text", &[corpus.into_bytes()], &words, 64 << 20, |bytes| {
        std::fs::write(&path, bytes).unwrap();
        for level in ["word", "char"] {
            prepare(serde_json::json!({
                "kind": "text", "train": path, "valid_fraction": 0.3, "level": level, "vocabulary": 20,
            }));
        }
    });
}

#[test]
fn idx_files_are_read_or_refused() {
    let idx = |kind: u8, sizes: &[u32], len: usize| {
        let mut bytes = vec![0, 0, kind, sizes.len() as u8];
        sizes
            .iter()
            .for_each(|size| bytes.extend(size.to_be_bytes()));
        bytes.extend((0..len).map(|i| (i * 31 % 10) as u8));
        bytes
    };
    let packed = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    let images = idx(8, &[20, 6, 5], 600);
    let corpus = [
        packed(&images),
        packed(&idx(8, &[20], 20)),
        images,
        idx(8, &[4, 3, 3, 3], 108),
        idx(0x0C, &[5], 20),
        idx(0x0D, &[2, 2, 2], 32),
    ];
    fuzz("idx", &corpus, &[], 16 << 20, |bytes| {
        if let Ok(count) = parse_idx(bytes) {
            assert!(count <= bytes.len() * 1100, "{count}");
        }
    });
}
