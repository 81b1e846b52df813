//! Files that nobody should trust: each is refused with the reason, or read for what it is.

use std::path::Path;

use kiln::model::import::WeightsFile;

use super::fixture;
use super::pickles::{Pickle, counted};
use crate::support::allocator::most_taken;
use crate::support::arrays::zip;
use crate::support::process::alone;

/// Opens a file with these bytes.
fn open(bytes: &[u8]) -> Result<WeightsFile, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.pth");
    std::fs::write(&path, bytes).unwrap();
    WeightsFile::open(&path).map_err(|error| error.to_string())
}

fn refused(bytes: &[u8]) -> String {
    open(bytes).err().expect("refused")
}

/// `{"w": ...}` around what `value` writes.
fn dictionary(value: impl FnOnce(Pickle) -> Pickle) -> Pickle {
    value(Pickle::new().op(b"}").text("w")).op(b"s")
}

#[test]
fn a_pickle_that_imports_os_runs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("ran");
    let command = format!("touch {}", trace.to_str().unwrap());
    let call = |pickle: Pickle| {
        pickle
            .global("os", "system")
            .op(b"(")
            .text(&command)
            .op(b"tR")
    };
    let message = refused(&call(Pickle::new()).archive(&[]));
    assert!(
        message.contains("an object of the class os.system"),
        "{message}"
    );
    let message = refused(&dictionary(call).archive(&[]));
    assert!(
        message.contains("a dictionary without tensors"),
        "{message}"
    );
    // Beside a tensor it is no reason to refuse the tensor.
    let both = dictionary(call)
        .text("good")
        .tensor("0", 2, 0, &[2], &[1])
        .op(b"s");
    let file = open(&both.archive(&[("0", &counted(2))])).expect("opened");
    assert_eq!(file.read("good").unwrap(), [0.0, 1.0]);
    let message = file.read("w").unwrap_err().to_string();
    assert!(
        message.contains("its tensor w is an object of the class os.system"),
        "{message}"
    );
    assert!(!trace.exists(), "the command ran");
}

#[test]
fn a_tensor_that_depends_on_unknown_code_is_refused() {
    let parameter = |pickle: Pickle| {
        pickle
            .global("torch._utils", "_rebuild_parameter")
            .op(b"(")
            .global("builtins", "eval")
            .op(b"(")
            .text("1")
            .op(b"tR\x89")
            .op(b")tR")
    };
    let message = refused(&dictionary(parameter).archive(&[]));
    assert!(
        message.contains("its tensor w is made of an object of the class builtins.eval"),
        "{message}"
    );
}

#[test]
fn sizes_that_no_storage_backs_are_refused_before_room_is_made() {
    alone(|| {
        let storage = counted(4);
        let cases: [(&[i64], &[i64], i64, &str); 9] = [
            (
                &[1 << 29],
                &[0],
                0,
                "is expanded to 536870912 values from a storage of 4",
            ),
            (&[1 << 40], &[0], 0, "more than 1073741824 values"),
            (
                &[1 << 62, 1 << 62],
                &[0, 0],
                0,
                "more than 1073741824 values",
            ),
            (&[5], &[1], 0, "lies beyond its storage of 4 values"),
            (&[2], &[1], i64::MAX, "lies beyond its storage of 4 values"),
            (&[2], &[i64::MAX], 0, "lies beyond its storage of 4 values"),
            (
                &[3, 3],
                &[i64::MAX, i64::MAX],
                0,
                "is damaged: it lies beyond its storage",
            ),
            (
                &[-1],
                &[1],
                0,
                "is damaged: storage, offset, sizes or strides",
            ),
            (&[1; 9], &[1; 9], 0, "has 9 dimensions"),
        ];
        for (sizes, strides, offset, expected) in cases {
            let tensor = |pickle: Pickle| pickle.tensor("0", 1 << 40, offset, sizes, strides);
            let bytes = dictionary(tensor).archive(&[("0", &storage)]);
            let (message, taken) = most_taken(|| refused(&bytes));
            assert!(message.contains(expected), "{sizes:?}: {message}");
            assert!(taken < 1 << 20, "{sizes:?}: {taken} bytes");
        }
        // Strides of an axis of one value are not used, whatever they are; nor are those of no values.
        let tensor = |pickle: Pickle| pickle.tensor("0", 4, 1, &[1, 2], &[i64::MAX, 1]);
        let file = open(&dictionary(tensor).archive(&[("0", &storage)])).unwrap();
        assert_eq!(file.read("w").unwrap(), [1.0, 2.0]);
        let tensor =
            |pickle: Pickle| pickle.tensor("0", 4, 0, &[0, i64::MAX, i64::MAX], &[i64::MAX; 3]);
        let file = open(&dictionary(tensor).archive(&[("0", &storage)])).unwrap();
        assert!(file.read("w").unwrap().is_empty());
    });
}

#[test]
fn a_storage_that_is_missing_is_reported() {
    let tensor = |pickle: Pickle| pickle.tensor("7", 4, 0, &[2], &[1]);
    let message = refused(&dictionary(tensor).archive(&[("0", &counted(4))]));
    assert!(
        message.contains("storage 7, which is damaged or not there"),
        "{message}"
    );
}

#[test]
fn pickles_that_multiply_are_bounded() {
    alone(|| {
        // A list of ten of a list of ten of ...: 10^40 values for whoever follows them all.
        let mut laughs = Pickle::new().op(b"]");
        for _ in 0..40 {
            laughs = laughs.op(b"]").op(b"q\0");
            for _ in 0..10 {
                laughs = laughs.op(b"h\0a");
            }
        }
        // Dictionaries that hold themselves under every usual key.
        let mut itself = Pickle::new().op(b"}q\0");
        for key in ["state_dict", "model", "net", "ema"] {
            itself = itself.text(key).op(b"h\0s");
        }
        // A name of 30 MB for each of many tensors.
        let mut names = Pickle::new()
            .op(b"}")
            .text(&"x".repeat(30 << 20))
            .op(b"q\x010");
        for _ in 0..1000 {
            names = names.op(b"h\x01").tensor("0", 4, 0, &[2], &[1]).op(b"s");
        }
        let deep = Pickle::new().op(&b"(".repeat(5_000_000));
        let tuples = Pickle::new().op(b")").op(&b"\x85".repeat(5_000_000));
        let copies = Pickle::new().op(b"N").op(&b"2".repeat(5_000_000));
        for (name, pickle) in [
            ("laughs", laughs),
            ("itself", itself),
            ("names", names),
            ("deep", deep),
            ("tuples", tuples),
            ("copies", copies),
        ] {
            let bytes = pickle.archive(&[("0", &counted(4))]);
            let begin = std::time::Instant::now();
            let (told, taken) = most_taken(|| refused(&bytes));
            println!("{name}: {told}");
            let most = 4 * bytes.len() + (400 << 20);
            assert!(taken < most, "{name}: {taken} bytes of {most}");
            assert!(begin.elapsed().as_secs() < 20, "{name}");
        }
    });
}

#[test]
fn zip_bombs_and_damaged_archives_are_refused() {
    alone(|| {
        let pickle = dictionary(|pickle| pickle.tensor("0", 1 << 28, 0, &[4], &[1])).end();
        let zeros = vec![0; 64 << 20];
        // Unpacked, the storage is a thousand times the file: so much is read only where its tensor is asked for.
        let bomb = zip(&[("a/data.pkl", &pickle), ("a/data/0", &zeros)], true);
        assert!(bomb.len() < 1 << 20);
        let (file, taken) = most_taken(|| open(&bomb).unwrap());
        assert!(taken < 8 << 20, "{taken}");
        let (values, taken) = most_taken(|| file.read("w").unwrap());
        assert_eq!(values, [0.0; 4]);
        assert!(taken < 8 << 20, "{taken}");
        let bomb = zip(
            &[("a/data.pkl", &[&pickle[..], &zeros, &zeros].concat())],
            true,
        );
        let message = refused(&bomb);
        assert!(
            message.contains("has more than 67108864 bytes"),
            "{message}"
        );

        let whole = std::fs::read(fixture("zip.pth")).unwrap();
        let message = refused(&whole[..whole.len() - 30]);
        assert!(
            message.contains("its archive is cut or damaged"),
            "{message}"
        );
        let mut flipped = whole.clone();
        let place = whole.windows(12).position(|part| {
            part == &counted(0)[..] || part == [0, 0, 0, 0, 0, 0, 0, 0x3E, 0, 0, 0x80, 0x3E]
        });
        flipped[place.expect("the values 0, 1/8, 1/4") + 7] ^= 1;
        let message = open(&flipped)
            .unwrap()
            .read("conv.weight")
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("its zip/data/0 is damaged: its checksum is wrong"),
            "{message}"
        );
        assert!(
            refused(&zip(&[("a/b.txt", b"c")], false))
                .contains("a zip archive that holds no weights")
        );
        let twice = zip(&[("a/data.pkl", &pickle), ("a/data.pkl", &pickle)], false);
        assert!(refused(&twice).contains("two members of one name"));
    });
}

#[test]
fn every_cut_of_a_file_is_refused_or_reads_the_same() {
    for name in [
        "zip.pth",
        "old.pth",
        "checkpoint.pth",
        "old_views.pth",
        "plain.safetensors",
    ] {
        let whole = std::fs::read(fixture(name)).unwrap();
        let step = 1 + whole.len() / 700;
        for len in (0..whole.len()).step_by(step) {
            assert!(open(&whole[..len]).is_err(), "{name} cut to {len} bytes");
        }
    }
}

#[test]
fn a_file_of_another_kind_is_named() {
    let cases: [(&[u8], &str); 7] = [
        (b"", "an empty file"),
        (b"<!DOCTYPE html>", "a web page"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "git lfs pull",
        ),
        (b"\x80\x04\x95.", "a pickle that torch.save did not write"),
        (b"\x80\x02}.", "a pickle that torch.save did not write"),
        (b"GGUF\x03", "a GGUF file"),
        (b"\x08\x07\x12\x07pytorch", "an ONNX file"),
    ];
    for (bytes, expected) in cases {
        let told = refused(bytes);
        assert!(told.contains(expected), "{told}");
    }
    let error = WeightsFile::open(Path::new("/nowhere/w.pth"))
        .err()
        .expect("missing");
    assert!(
        error
            .to_string()
            .contains("/nowhere/w.pth: it cannot be read"),
        "{error}"
    );
    assert!(WeightsFile::open(&fixture(".")).is_err());
}

/// The place of bytes in a file.
fn place(file: &[u8], wanted: &[u8]) -> usize {
    let found = file.windows(wanted.len()).position(|part| part == wanted);
    found.expect("they are there")
}

#[test]
fn hdf5_files_that_lead_back_into_themselves_or_claim_too_much_are_refused() {
    let whole = std::fs::read(fixture("h5py.h5")).unwrap();
    let change = |at: usize, bytes: &[u8]| {
        let mut changed = whole.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    // The root's tree, a leaf with two children, becomes a node whose children are itself: 2^32 ways or more for
    // whoever follows them all.
    let root = place(&whole, b"TREE");
    assert_eq!(
        &whole[root + 4..root + 8],
        [0, 0, 2, 0],
        "a group's leaf with two children"
    );
    let own = (root as u64).to_le_bytes();
    let mut looped = change(root + 32, &own);
    looped[root + 48..root + 56].copy_from_slice(&own);
    looped[root + 5] = 9;
    let told = refused(&looped);
    assert!(told.contains("a tree leads back into itself"), "{told}");
    let told = refused(&change(root + 6, &[0xFF, 0xFF]));
    assert!(told.contains("is cut or damaged"), "{told}");
    // Sizes of the dataset "plain", 10 x 7, which has neither chunks nor a largest shape of its own.
    let sizes = [&10u64.to_le_bytes()[..], &7u64.to_le_bytes()].concat();
    let plain = place(&whole, &sizes);
    let names = open(&whole).unwrap().tensors().len();
    for size in [11, 1 << 20, 1 << 40, u64::MAX] {
        let file = open(&change(plain, &size.to_le_bytes())).expect("the others are whole");
        assert_eq!(file.tensors().len(), names - 1, "{size}");
        let why = file.unreadable().values().next().unwrap().to_string();
        assert!(
            why.contains("its values are not there") || why.contains("more than"),
            "{why}"
        );
    }
    for cut in [20, 90, whole.len() / 2] {
        refused(&whole[..cut]);
    }
}

#[test]
fn a_keras_archive_that_is_a_bomb_is_refused() {
    alone(|| {
        let zeros = vec![0; 80 << 20];
        let bomb = zip(
            &[("config.json", b"{}"), ("model.weights.h5", &zeros)],
            true,
        );
        let (told, taken) = most_taken(|| refused(&bomb));
        assert!(
            told.contains("its model.weights.h5 has more than 67108864 bytes"),
            "{told}"
        );
        assert!(taken < 4 << 20, "{taken}");
    });
}
