//! The model file: safetensors, with everything that `eval` and `predict` need as one JSON
//! document in the metadata, under the key `kiln`. It holds neither path nor device.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path as FilePath;

use anyhow::{Context, bail, ensure};
use burn::tensor::{Device, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::layers::Pass;
use super::losses::{LOSSES, Loss};
use super::network::{Layers, Network};
use super::params::{Param, ParamStore, upload};
use super::value::host;
use crate::config::{Experiment, Fault, Path, read_member};
use crate::data::Preprocessor;

/// The version of the metadata that this program writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// The metadata key.
const KEY: &str = "kiln";

/// The JSON document in a model file's metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// [`FORMAT_VERSION`] of the program that wrote the file.
    pub version: u32,
    /// The order of an image's dimensions where it is flattened; always "nhwc".
    pub layout: String,
    /// What was trained, without paths and device.
    pub experiment: Experiment,
    /// Class names; a class's index is its place here.
    pub classes: Vec<String>,
    /// What is done to every sample, as fitted on the training split.
    pub preprocess: Preprocessor,
    /// Figures of the epoch in which the weights were saved.
    pub metrics: BTreeMap<String, Value>,
    /// A digest of the names and sizes of the training samples.
    pub fingerprint: String,
}

impl ModelInfo {
    /// The experiment as a model file may hold it: no paths, no device.
    pub fn strip(mut experiment: Experiment) -> Experiment {
        experiment
            .data
            .retain(|key, _| key != "train" && key != "valid" && !key.starts_with("cache_"));
        experiment.device = Default::default();
        experiment
    }
}

/// A trained net, ready to run.
pub struct ModelFile {
    /// What the metadata says.
    pub info: ModelInfo,
    /// The net.
    pub network: Network,
    /// Its parameters, on the device.
    pub params: ParamStore,
    /// What it was trained with; gives probabilities.
    pub loss: Box<dyn Loss>,
}

/// A tensor on its way into a file.
struct Outgoing {
    shape: Vec<usize>,
    data: TensorData,
}

impl View for Outgoing {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Little-endian, as the format wants it.
    fn data(&self) -> Cow<'_, [u8]> {
        if cfg!(target_endian = "little") {
            return Cow::Borrowed(self.data.as_bytes());
        }
        let values = self.data.iter::<f32>();
        Cow::Owned(values.flat_map(f32::to_le_bytes).collect())
    }

    fn data_len(&self) -> usize {
        self.data.as_bytes().len()
    }
}

impl ModelFile {
    /// Writes a model file: beside its final name first, synced, then renamed.
    ///
    /// # Errors
    /// A full disk, a missing folder, a folder without permission.
    pub fn save(path: &FilePath, info: &ModelInfo, params: &ParamStore) -> anyhow::Result<()> {
        let stored = params.params.iter().map(|param| {
            let data = param.tensor.to_data().convert::<f32>();
            let shape = param.shape.clone();
            (param.name.as_str(), Outgoing { shape, data })
        });
        let metadata = HashMap::from([(KEY.to_string(), serde_json::to_string(info)?)]);
        write_atomically_with(path, |temporary| {
            safetensors::serialize_to_file(stored, Some(metadata), temporary)
                .map_err(|error| std::io::Error::other(error.to_string()))
        })
    }

    /// Reads a model file and puts its parameters on a device.
    ///
    /// # Errors
    /// A file that is missing, damaged, not Kiln's, of a later version, or whose tensors are not
    /// those of its net.
    pub fn open(path: &FilePath, device: &Device) -> anyhow::Result<ModelFile> {
        let bytes = std::fs::read(path)
            .with_context(|| format!("cannot read the model {}", path.display()))?;
        Self::parse(&bytes, device)
            .with_context(|| format!("{} is not a model that can be used", path.display()))
    }

    fn parse(bytes: &[u8], device: &Device) -> anyhow::Result<ModelFile> {
        let info = read_info(bytes)?;
        let input = info.preprocess.shape();
        let loss = read_member(
            LOSSES,
            "loss",
            &info.experiment.train.loss,
            &Path::parse("train.loss"),
        )
        .map_err(|faults| in_words(&faults))?;
        let layers = Layers::read(&info.experiment.model.layers).map_err(|f| in_words(&f))?;
        let network = Network::plan(layers, input, &*loss).map_err(|f| in_words(&f))?;
        network
            .check_head(&*loss, info.classes.len())
            .map_err(|f| in_words(&f))?;
        let mut tensors = decode_tensors(bytes)?;
        let mut params = ParamStore::default();
        for (name, spec) in network.params() {
            let (shape, values) = tensors
                .remove(&name)
                .with_context(|| format!("the tensor {name} is missing"))?;
            ensure!(
                shape == spec.shape,
                "the tensor {name} has the shape {shape:?}, expected {:?}",
                spec.shape
            );
            params.params.push(Param {
                shape,
                trainable: spec.trainable,
                tensor: upload(values, device),
                name,
            });
        }
        if let Some(extra) = tensors.keys().find(|name| name.starts_with("model.")) {
            bail!("the tensor {extra} belongs to no layer");
        }
        Ok(ModelFile {
            info,
            network,
            params,
            loss,
        })
    }

    /// The class probabilities of a batch, `[batch, classes]`, on the host.
    pub fn probabilities(&self, input: crate::data::Value) -> Vec<f32> {
        let logits = self
            .network
            .forward(input, &self.params.tensors(), &Pass::default());
        host(self.loss.probabilities(logits))
    }
}

fn read_info(bytes: &[u8]) -> anyhow::Result<ModelInfo> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| {
        anyhow::anyhow!("it is no whole safetensors file ({error}); copy or train it again")
    })?;
    let json = metadata
        .metadata()
        .as_ref()
        .and_then(|map| map.get(KEY))
        .context("it is a safetensors file, but not one that kiln wrote (no `kiln` metadata)")?;
    let version = serde_json::from_str::<Value>(json)
        .ok()
        .and_then(|value| value.get("version").and_then(Value::as_u64))
        .context("its `kiln` metadata is damaged: no version")?;
    ensure!(
        version == u64::from(FORMAT_VERSION),
        "it has format version {version}, this program reads version {FORMAT_VERSION}; \
         use a kiln of the same age"
    );
    let info: ModelInfo = serde_json::from_str(json).context("its `kiln` metadata is damaged")?;
    info.preprocess
        .check()
        .map_err(|message| anyhow::anyhow!("its preprocessing {message}"))?;
    Ok(info)
}

fn in_words(faults: &[Fault]) -> anyhow::Error {
    let words: Vec<String> = faults.iter().map(ToString::to_string).collect();
    anyhow::anyhow!(words.join("; "))
}

/// A tensor as a file holds it: shape and values.
pub type Stored = (Vec<usize>, Vec<f32>);

/// Every 32-bit float tensor of a safetensors file: shape and values, by name.
///
/// # Errors
/// A damaged file; a tensor of another type.
pub fn decode_tensors(bytes: &[u8]) -> anyhow::Result<BTreeMap<String, Stored>> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|error| anyhow::anyhow!("it is damaged ({error}); copy or train it again"))?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter() {
        ensure!(
            view.dtype() == Dtype::F32,
            "the tensor {name} has the type {:?}, expected F32",
            view.dtype()
        );
        let values = view
            .data()
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        tensors.insert(name.to_string(), (view.shape().to_vec(), values));
    }
    Ok(tensors)
}

/// Writes a file so that at any moment either the old or the new content is there in full: to a
/// temporary name in the same folder, synced, renamed, the folder synced.
///
/// # Errors
/// A full disk, a missing folder, a folder without permission; what was there stays.
pub fn write_atomically(path: &FilePath, bytes: &[u8]) -> anyhow::Result<()> {
    write_atomically_with(path, |temporary| std::fs::write(temporary, bytes))
}

/// The same for content that `write` puts into the file of the name it is given.
fn write_atomically_with(
    path: &FilePath,
    write: impl FnOnce(&FilePath) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let fail = || format!("cannot write {}", path.display());
    let name = path.file_name().with_context(fail)?.to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.tmp"));
    let written =
        write(&temporary).and_then(|()| File::options().write(true).open(&temporary)?.sync_all());
    if let Err(error) = written.and_then(|()| std::fs::rename(&temporary, path)) {
        let _ = std::fs::remove_file(&temporary); // the first error is the one to report
        return Err(error).with_context(fail);
    }
    if let Some(folder) = path.parent()
        && let Ok(folder) = File::open(folder)
    {
        folder.sync_all().with_context(fail)?;
    }
    Ok(())
}
