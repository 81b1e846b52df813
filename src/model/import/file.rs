//! A file of weights of any format that is read, with its tensors by name.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::error::{ImportError, ImportFault, shown_name};
use super::opened::{Opened, ValueReader};
use super::tensor::TensorInfo;
use super::unread::Unread;
use super::{hdf5, keras, pytorch, safetensors};
use crate::data::within_memory;
use crate::storage::positional::Section;
use crate::storage::{Zip, open_seekable};

/// Prefixes that wrappers put before every name: `DataParallel`, `torch.compile`, `LightningModule`.
const PREFIXES: [&str; 3] = ["module.", "_orig_mod.", "model."];

/// Wrappers within wrappers whose prefixes are taken off.
const MAX_PREFIXES: usize = 4;

/// Bytes of a file's beginning that tell its format.
const BEGIN: u64 = 64;

/// The format of a file of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The zip archive of `torch.save`.
    PyTorch,
    /// The container of `torch.save` before PyTorch 1.6.
    PyTorchLegacy,
    /// safetensors.
    Safetensors,
    /// The archive of Keras 3.
    Keras,
    /// HDF5, as Keras writes it.
    Hdf5,
}

impl Format {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Format::PyTorch => "PyTorch",
            Format::PyTorchLegacy => "PyTorch (before 1.6)",
            Format::Safetensors => "safetensors",
            Format::Keras => "Keras",
            Format::Hdf5 => "Keras (HDF5)",
        }
    }
}

/// A file of weights; its tensors' values are read when they are asked for.
///
/// The content tells the format, not the name. No code that a file holds is run.
pub struct WeightsFile {
    path: PathBuf,
    file: Arc<File>,
    format: Format,
    tensors: Vec<TensorInfo>,
    places: HashMap<String, usize>,
    unreadable: BTreeMap<String, Arc<Unread>>,
    prefix: String,
    section: Option<String>,
    source: Box<dyn ValueReader>,
}

impl WeightsFile {
    /// Opens a file and reads the names and shapes of its tensors.
    ///
    /// # Errors
    /// A file that cannot be read, is of another kind, damaged, or without tensors that can be found.
    pub fn open(path: &Path) -> Result<WeightsFile, ImportError> {
        Self::read_head(path).map_err(|fault| ImportError::new(path, fault))
    }

    fn read_head(path: &Path) -> Result<WeightsFile, ImportFault> {
        let file = Arc::new(open_seekable(path)?);
        let (format, mut opened) = open_as(&file)?;
        let prefix = match opened.is_kilns {
            true => String::new(),
            false => strip_prefixes(&mut opened),
        };
        let mut places = HashMap::new();
        for (place, tensor) in opened.tensors.iter().enumerate() {
            if places.insert(tensor.name.clone(), place).is_some() {
                let name = shown_name(&tensor.name);
                return Err(ImportFault::Damaged(format!("it has two tensors {name}")));
            }
        }
        let Some(source) = opened.source.filter(|_| !opened.tensors.is_empty()) else {
            return Err(match opened.unreadable.pop() {
                Some((name, why)) => ImportFault::tensor(&name, why),
                None => ImportFault::NoTensors("it holds no tensors".into()),
            });
        };
        let unreadable = opened.unreadable.into_iter();
        let unreadable = unreadable.map(|(name, why)| (name, Arc::new(why)));
        Ok(WeightsFile {
            path: path.to_path_buf(),
            file,
            format,
            tensors: opened.tensors,
            places,
            unreadable: unreadable.collect(),
            prefix,
            section: opened.section,
            source,
        })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Its tensors, in the order of the file.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// The tensor of that name.
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.places.get(name).map(|place| &self.tensors[*place])
    }

    /// Tensors, or what lies in their place, that are not read, by name: why not.
    pub fn unreadable(&self) -> &BTreeMap<String, Arc<Unread>> {
        &self.unreadable
    }

    /// What was taken off all names, as `module.`.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The keys, with dots, under which the tensors lie in the saved object; `None` where it is all there is.
    pub fn section(&self) -> Option<&str> {
        self.section.as_deref()
    }

    /// The values of a tensor, row by row.
    ///
    /// # Errors
    /// A name that is not there, a tensor that is not read, damage.
    pub fn read(&self, name: &str) -> Result<Vec<f32>, ImportError> {
        self.values(name)
            .map_err(|fault| ImportError::new(&self.path, fault))
    }

    fn values(&self, name: &str) -> Result<Vec<f32>, ImportFault> {
        let Some(place) = self.places.get(name) else {
            return Err(match self.unreadable.get(name) {
                Some(why) => ImportFault::Tensor {
                    name: name.to_string(),
                    why: why.clone(),
                },
                None => ImportFault::Missing(name.to_string()),
            });
        };
        let tensor = &self.tensors[*place];
        let count: usize = tensor.shape.iter().product();
        within_memory(count as u64 * 4).map_err(|why| ImportFault::tensor(name, why))?;
        let values = self.source.read(*place)?;
        match values.len() == count {
            true => Ok(values),
            false => Err(ImportFault::tensor(name, Unread::Short)),
        }
    }

    /// The SHA-256 of the file, in hexadecimal digits.
    ///
    /// # Errors
    /// As the system says.
    pub fn digest(&self) -> Result<String, ImportError> {
        digest(&self.file).map_err(|error| ImportError::new(&self.path, error))
    }
}

/// The SHA-256 of a file's bytes, in hexadecimal digits.
///
/// # Errors
/// As the system says.
pub fn digest(file: &File) -> std::io::Result<String> {
    let mut sum = Sha256::new();
    let mut from = Section::new(file, 0, file.metadata()?.len());
    let mut chunk = vec![0; 1 << 16];
    loop {
        match from.read(&mut chunk)? {
            0 => break,
            count => sum.update(&chunk[..count]),
        }
    }
    Ok(hexadecimal(&sum.finalize()))
}

/// The SHA-256 of values as little-endian 32-bit floats, in hexadecimal digits.
pub fn digest_of_values(values: &[f32]) -> String {
    let mut sum = Sha256::new();
    for piece in values.chunks(1 << 12) {
        let bytes: Vec<u8> = piece.iter().flat_map(|value| value.to_le_bytes()).collect();
        sum.update(&bytes);
    }
    hexadecimal(&sum.finalize())
}

/// Bytes as hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Opens a file as what its first bytes say that it is.
fn open_as(file: &Arc<File>) -> Result<(Format, Opened), ImportFault> {
    let mut begin = Vec::new();
    Section::new(file, 0, BEGIN).read_to_end(&mut begin)?;
    if begin.starts_with(b"PK") {
        let zip = Zip::open(file.clone()).map_err(|error| ImportFault::zip("archive", error))?;
        if pytorch::is_pytorch(&zip) {
            let zip = zip.with_optional_checksums();
            return Ok((Format::PyTorch, pytorch::open_zip(zip)?));
        }
        if keras::is_keras(&zip) {
            return Ok((Format::Keras, keras::open_archive(&zip)?));
        }
        return Err(ImportFault::Kind("a zip archive that holds no weights"));
    }
    if hdf5::is_hdf5(&begin) {
        return Ok((Format::Hdf5, keras::open_file(file)?));
    }
    if pytorch::is_legacy(&begin) {
        return Ok((Format::PyTorchLegacy, pytorch::open_legacy(file)?));
    }
    if safetensors::is_safetensors(&begin) {
        return Ok((Format::Safetensors, safetensors::open(file)?));
    }
    Err(ImportFault::Kind(other_kind(&begin)))
}

/// What a file is that holds no weights.
fn other_kind(begin: &[u8]) -> &'static str {
    let starts: [(&[u8], &str); 9] = [
        (b"", "an empty file"),
        (
            b"version https://git-lfs",
            "a pointer of Git LFS (git lfs pull fetches the file itself)",
        ),
        (
            b"<",
            "a web page or another text (the download may have ended on a page of an error)",
        ),
        (
            b"{",
            "JSON, as an index of several files or a configuration",
        ),
        (b"\x1f\x8b", "compressed by gzip; unpack it"),
        (b"GGUF", "a GGUF file"),
        (b"\x93NUMPY", "a NumPy array"),
        (b"\x80", "a pickle that torch.save did not write"),
        (b"\x08", "an ONNX file, as it seems"),
    ];
    if begin.is_empty() {
        return starts[0].1;
    }
    let known = starts[1..]
        .iter()
        .find(|(start, _)| begin.starts_with(start));
    known.map_or("of an unknown kind", |(_, name)| name)
}

/// Takes the prefixes off that all names have; what was taken off.
fn strip_prefixes(opened: &mut Opened) -> String {
    let mut taken = String::new();
    for _ in 0..MAX_PREFIXES {
        let shared = PREFIXES.iter().find(|prefix| {
            let mut names = opened.tensors.iter().map(|tensor| &tensor.name);
            !opened.tensors.is_empty() && names.all(|name| name.starts_with(**prefix))
        });
        let Some(prefix) = shared else {
            break;
        };
        taken.push_str(prefix);
        let names = opened.tensors.iter_mut().map(|tensor| &mut tensor.name);
        let unread = opened.unreadable.iter_mut().map(|(name, _)| name);
        for name in names.chain(unread) {
            if let Some(rest) = name.strip_prefix(prefix) {
                *name = rest.to_string();
            }
        }
    }
    taken
}
