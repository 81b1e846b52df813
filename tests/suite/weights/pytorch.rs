//! Files that PyTorch and safetensors wrote.

use kiln::model::import::Format;

use super::{fixture, listing, numbers, open};

const PLAIN: &str = "conv.weight [2, 3, 2, 2] f32\nconv.bias [2] f32\nfc.weight [4, 2] f32\n";

#[test]
fn a_state_dictionary_is_read_from_every_container() {
    let cases = [
        ("zip.pth", Format::PyTorch),
        ("protocol4.pth", Format::PyTorch),
        ("no_checksums.pth", Format::PyTorch),
        ("old.pth", Format::PyTorchLegacy),
        ("old_protocol5.pth", Format::PyTorchLegacy),
    ];
    for (name, format) in cases {
        let file = open(name);
        assert_eq!(file.format(), format, "{name}");
        assert_eq!(listing(&file), PLAIN, "{name}");
        assert_eq!(file.read("conv.weight").unwrap(), numbers(0, 0..24));
        assert_eq!(file.read("conv.bias").unwrap(), numbers(1, 0..2));
        assert_eq!(file.read("fc.weight").unwrap(), numbers(2, 0..8));
        assert_eq!((file.prefix(), file.section()), ("", None), "{name}");
        let missing = file.read("fc.bias").unwrap_err().to_string();
        assert!(missing.ends_with("it has no tensor fc.bias"), "{missing}");
    }
}

#[test]
fn safetensors_lose_a_shared_prefix() {
    for (name, dtype, prefix) in [
        ("plain.safetensors", "f32", ""),
        ("bf16.safetensors", "bf16", "model."),
    ] {
        let file = open(name);
        let expected = format!(
            "conv.bias [2] {dtype}\nconv.weight [2, 3, 2, 2] {dtype}\nfc.weight [4, 2] {dtype}\n"
        );
        assert_eq!(listing(&file), expected);
        assert_eq!(file.prefix(), prefix);
        assert_eq!(file.read("conv.weight").unwrap(), numbers(0, 0..24));
        assert_eq!(file.read("fc.weight").unwrap(), numbers(2, 0..8));
    }
}

#[test]
fn views_of_shared_storages_are_read_as_torch_shows_them() {
    for name in ["views.pth", "old_views.pth"] {
        let file = open(name);
        let read = |tensor: &str| file.read(tensor).unwrap();
        assert_eq!(read("base"), numbers(0, 0..24));
        let transposed = (0..6).flat_map(|column| (0..4).map(move |row| row * 6 + column));
        assert_eq!(read("transposed"), numbers(0, transposed));
        assert_eq!(read("part"), numbers(0, [8, 9, 10, 14, 15, 16]));
    }
    let file = open("views.pth");
    let read = |tensor: &str| file.read(tensor).unwrap();
    assert_eq!(read("every_other"), numbers(0, (0..24).step_by(2)));
    assert_eq!(read("expanded"), numbers(1, (0..15).map(|i| i / 5)));
    assert_eq!(read("scalar"), [7.5]);
    assert!(read("empty").is_empty());
    let permuted =
        (0..4).flat_map(|k| (0..2).flat_map(move |i| (0..3).map(move |j| i * 12 + j * 4 + k)));
    assert_eq!(read("permuted"), numbers(2, permuted));
    assert_eq!(read("channels_last"), numbers(3, 0..12));
}

#[test]
fn numbers_of_every_type_become_floats() {
    let file = open("types.pth");
    assert_eq!(file.tensors().len(), 13);
    for tensor in file.tensors() {
        let expected = match &*tensor.name {
            "bool" => [0.0, 1.0, 1.0, 1.0, 0.0, 1.0],
            _ => [0.0, 1.0, 2.0, 3.0, 0.0, 1.0],
        };
        assert_eq!(
            file.read(&tensor.name).unwrap(),
            expected,
            "{}",
            tensor.name
        );
    }
    let message = file.read("complex64").unwrap_err().to_string();
    assert!(
        message.contains("its tensor complex64 holds numbers of the type ComplexFloat"),
        "{message}"
    );
}

/// The tensors of a convolution and a batch normalisation.
const NET: &str = "0.weight [2, 3, 2, 2] f32\n0.bias [2] f32\n1.weight [2] f32\n1.bias [2] f32\n\
                   1.running_mean [2] f32\n1.running_var [2] f32\n1.num_batches_tracked [] i64\n";

#[test]
fn the_tensors_of_checkpoints_and_whole_nets_are_found() {
    let cases = [
        ("checkpoint.pth", "module.model.", Some("state_dict")),
        ("module.pth", "", None),
        ("old_module.pth", "", None),
        ("script.pt", "", None),
    ];
    for (name, prefix, section) in cases {
        let file = open(name);
        assert_eq!(listing(&file), NET, "{name}");
        assert_eq!((file.prefix(), file.section()), (prefix, section), "{name}");
        assert_eq!(file.read("0.weight").unwrap(), numbers(0, 0..24));
        assert_eq!(file.read("1.running_var").unwrap(), numbers(5, 0..2));
        assert_eq!(file.read("1.num_batches_tracked").unwrap(), [1.0]);
    }
    assert_eq!(
        open("parameters.pth").read("1.bias").unwrap(),
        numbers(3, 0..2)
    );
}

#[test]
fn what_holds_no_tensors_is_reported_with_its_remedy() {
    let message = |name: &str| match kiln::model::import::WeightsFile::open(&fixture(name)) {
        Ok(_) => panic!("{name}: opened"),
        Err(error) => error.to_string(),
    };
    for (name, expected) in [
        ("list.pth", "it holds no dictionary of tensors"),
        ("no_tensors.pth", "its keys are lr, steps"),
    ] {
        let message = message(name);
        assert!(message.contains(expected), "{message}");
        assert!(
            message.contains("torch.save(model.state_dict(), path)"),
            "{message}"
        );
    }
    let message = message("make.py");
    assert!(
        message.contains("of an unknown kind, expected weights"),
        "{message}"
    );
    let sparse = open("sparse.pth");
    assert_eq!(sparse.read("dense").unwrap(), numbers(0, 0..4));
    let message = sparse.read("sparse").unwrap_err().to_string();
    assert!(message.contains("_rebuild_sparse_tensor"), "{message}");
}

#[test]
fn the_digest_is_that_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("renamed.txt");
    let text = br#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let bytes = [
        &(text.len() as u64).to_le_bytes()[..],
        text,
        &1.5f32.to_le_bytes(),
    ]
    .concat();
    std::fs::write(&path, bytes).unwrap();
    let file = kiln::model::import::WeightsFile::open(&path).unwrap();
    assert_eq!(file.read("a").unwrap(), [1.5]);
    // sha256sum of those 66 bytes
    assert_eq!(
        file.digest().unwrap(),
        "70dae5f20019ccde7b3925dc1bb8c2da1ee633adcc6ef37009b68354ee2d665e"
    );
}
