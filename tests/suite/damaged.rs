//! A model file in which one bit has changed is refused, or says what it said before.

use std::path::Path;
use std::process::Command;

use burn::tensor::Device;
use kiln::model::{ModelFile, host};
use kiln::train::Checkpoint;

fn trained(folder: &Path) {
    let rows: String = (0..60)
        .map(|row| format!("{}.5,w{},{}\n", row * 7 % 61, row % 3, row * 3))
        .collect();
    std::fs::write(folder.join("t.csv"), format!("size,place,price\n{rows}")).unwrap();
    let text = "[data]\nkind = \"csv\"\ntrain = \"t.csv\"\nvalid_fraction = 0.2\ntarget = \"price\"\n[model]\n\
                layers = [{ dense = { units = 3, activation = \"relu\" } }, { dense = { units = 1 } }]\n[train]\n\
                epochs = 1\nloss = \"mse\"\n";
    std::fs::write(folder.join("e.toml"), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
    command.current_dir(folder).args([
        "train", "--config", "e.toml", "--device", "cpu", "--out", "run",
    ]);
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// All that answers depend on.
fn content(model: &ModelFile) -> (kiln::model::ModelInfo, Vec<(String, Vec<u32>)>) {
    let params = model.params.params.iter().map(|param| {
        let bits = host(param.tensor.clone()).into_iter().map(f32::to_bits);
        (param.name.clone(), bits.collect())
    });
    (model.info.clone(), params.collect())
}

fn flipped(bytes: &[u8], place: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[place] ^= 1 << (place * 5 % 8);
    bytes
}

#[test]
fn a_bit_that_changed_is_noticed_or_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path());
    let device = Device::flex();
    let path = folder.path().join("damaged.safetensors");
    for name in ["best", "last"] {
        let file = folder.path().join(format!("run/{name}.safetensors"));
        let whole = std::fs::read(&file).unwrap();
        let expected = content(&ModelFile::open(&file, &device).expect("whole"));
        let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
        let places = (0..80)
            .chain((80..header).step_by(7))
            .chain(header..whole.len());
        let (mut refused, mut same) = (0, 0);
        for place in places {
            std::fs::write(&path, flipped(&whole, place)).unwrap();
            match ModelFile::open(&path, &device) {
                Err(error) => {
                    assert!(
                        format!("{error:#}").contains("damaged.safetensors"),
                        "{error:#}"
                    );
                    refused += 1;
                }
                Ok(model) => {
                    assert!(
                        place < header,
                        "byte {place} of {name}: a value changed in silence"
                    );
                    assert!(
                        content(&model) == expected,
                        "byte {place} of {name}: another model in silence"
                    );
                    same += 1;
                }
            }
        }
        // Blanks at the header's end, and the key of the checksum itself.
        assert!(refused > 50 * same, "{refused} refused, {same} opened");
    }
    let file = folder.path().join("run/last.safetensors");
    let whole = std::fs::read(&file).unwrap();
    let state = Checkpoint::open(&file).expect("whole").state;
    for place in (8..whole.len()).step_by(11) {
        std::fs::write(&path, flipped(&whole, place)).unwrap();
        if let Ok(checkpoint) = Checkpoint::open(&path) {
            assert_eq!(checkpoint.state, state, "byte {place}");
        }
    }
}

/// A file of an older kiln, without a checksum, with a value that nothing can be computed with.
#[test]
fn weights_that_are_not_finite_are_named() {
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path());
    let device = Device::flex();
    let path = folder.path().join("nan.safetensors");
    let mut whole = std::fs::read(folder.path().join("run/last.safetensors")).unwrap();
    let key = b"kiln.checksum";
    let place = whole
        .windows(key.len())
        .position(|part| part == key)
        .expect("a checksum");
    whole[place..place + key.len()].copy_from_slice(b"other.checked");
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut bytes = whole.clone();
        bytes[header + 4..header + 8].copy_from_slice(&value.to_le_bytes());
        std::fs::write(&path, bytes).unwrap();
        let model = ModelFile::open(&path, &device).err().expect("refused");
        let checkpoint = Checkpoint::open(&path).err().expect("refused");
        for error in [model, checkpoint] {
            let message = format!("{error:#}");
            assert!(
                message.contains("the tensor model.0.weight holds"),
                "{message}"
            );
        }
    }
    std::fs::write(&path, whole).unwrap();
    ModelFile::open(&path, &device).expect("a file without a checksum opens as before");
}
