//! Reads a model file into memory, after validating the header of a large one: the path may name any file of any size.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use super::names::KEY;
use crate::data::within_memory;
use crate::storage::open_seekable;

/// Files up to this size are read without validating their header first.
const MAX_UNCHECKED: u64 = 64 << 20;
/// The most bytes of a header; the limit of `safetensors`.
const MAX_HEADER: u64 = 100_000_000;

/// A header entry: one tensor, or the metadata.
#[derive(Deserialize)]
struct Entry {
    data_offsets: Option<[u64; 2]>,
    #[serde(rename = "kiln")]
    is_kilns: Option<serde::de::IgnoredAny>,
}

/// Reads the bytes of a model file or checkpoint.
///
/// # Errors
/// A file that cannot be read; a large one whose size contradicts its header, or that Kiln did not write; one larger
/// than the machine's memory.
pub fn read_model(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut file = open_seekable(path)?;
    let len = file.metadata()?.len();
    let mut bytes = Vec::new();
    if len > MAX_UNCHECKED {
        let mut size = [0; 8];
        file.read_exact(&mut size)?;
        let header_len = u64::from_le_bytes(size);
        ensure!(
            header_len <= MAX_HEADER && header_len + 8 <= len,
            "it is no safetensors file: its head would have {header_len} bytes"
        );
        let mut header = vec![0; header_len as usize];
        file.read_exact(&mut header)?;
        check_header(&header, len - 8 - header_len)?;
        within_memory(len).map_err(|message| anyhow::anyhow!("it {message}"))?;
        bytes.reserve_exact(len as usize);
        bytes.extend(size);
        bytes.extend(header);
    }
    let left = len - bytes.len() as u64;
    file.take(left).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Validates a header: its tensors take `len` bytes, and its metadata is Kiln's.
fn check_header(text: &[u8], len: u64) -> anyhow::Result<()> {
    let entries: BTreeMap<String, Entry> =
        serde_json::from_slice(text).context("it is no safetensors file: its head is no JSON")?;
    let metadata = entries.get("__metadata__");
    if metadata.is_none_or(|metadata| metadata.is_kilns.is_none()) {
        bail!("it is a safetensors file, but not one that kiln wrote (no `{KEY}` metadata)");
    }
    let ends = entries.values().filter_map(|entry| entry.data_offsets);
    let end = ends.map(|[_, end]| end).max().unwrap_or(0);
    ensure!(
        end == len,
        "it is no whole safetensors file: its tensors have {end} bytes, and it holds {len}; copy or train it again"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_large_file_is_read_only_where_its_head_is_that_of_a_model() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("m.safetensors");
        // Sparse: it takes no room on the disk.
        let told = |begin: &[u8]| {
            std::fs::write(&path, begin).expect("a file");
            let file = File::options().write(true).open(&path).expect("a file");
            file.set_len(1 << 42).expect("a size");
            read_model(&path).expect_err("refused").to_string()
        };
        assert!(
            told(&u64::MAX.to_le_bytes()).contains("head would have 18446744073709551615 bytes")
        );
        let head = |json: &str| [&(json.len() as u64).to_le_bytes()[..], json.as_bytes()].concat();
        assert!(told(&head("{}")).contains("not one that kiln wrote"));
        let kilns = r#"{"__metadata__": {"kiln": "{}"}, "a": {"data_offsets": [0, 8], "dtype": "F32", "shape": [2]}}"#;
        assert!(told(&head(kilns)).contains("tensors have 8 bytes"));
        std::fs::write(&path, b"small").expect("a file");
        assert_eq!(read_model(&path).expect("bytes"), b"small");
    }
}
