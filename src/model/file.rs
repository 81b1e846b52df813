//! The model file: safetensors, with everything that `eval` and `predict` need as one JSON
//! document in the metadata, under the key `kiln`. It holds neither path nor device.

use std::collections::{BTreeMap, HashMap};
use std::path::Path as FilePath;

use anyhow::{Context, bail, ensure};
use burn::tensor::Device;
use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::backbones::drop_weights_folders;
use super::graph::Pass;
use super::losses::{Loss, read_loss};
use super::names::{AVERAGES, CHECKPOINT_KEY, FORMAT_VERSION, KEY, PARAMS};
use super::network::{Layers, Network};
use super::params::{Param, ParamStore, upload};
use super::reading::read_model;
use super::tensors::decode_tensors;
use super::value::host;
use crate::config::{Experiment, Fault, Path};
use crate::console::Show as _;
use crate::data::{Preprocessor, Task, path_keys};

/// The JSON document in a model file's metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// [`FORMAT_VERSION`] of the program that wrote the file.
    pub version: u32,
    /// The order of an image's dimensions where it is flattened; always "nhwc".
    pub layout: String,
    /// The experiment, without paths and device.
    pub experiment: Experiment,
    /// The prediction task; a class's index is its position in it.
    pub task: Task,
    /// The preprocessing of every sample, as fitted on the training split.
    pub preprocess: Preprocessor,
    /// Metrics of the epoch in which the weights were saved.
    pub metrics: BTreeMap<String, Value>,
    /// A digest of the names and sizes of the training samples.
    pub fingerprint: String,
}

impl ModelInfo {
    /// Removes from the experiment what a model file may not hold: paths, the device, and whatever does not affect
    /// the model.
    pub fn strip(mut experiment: Experiment) -> Experiment {
        let paths = path_keys(&experiment.data);
        experiment
            .data
            .retain(|key, _| !paths.contains(key) && !key.starts_with("cache_"));
        drop_weights_folders(&mut experiment);
        experiment.device = Default::default();
        experiment.checkpoint = Default::default();
        experiment
    }

    /// The JSON document of a file, byte for byte: numbers that are parsed and written again may differ in their last
    /// digit.
    ///
    /// # Errors
    /// A file that is damaged or not Kiln's.
    pub fn text(bytes: &[u8]) -> anyhow::Result<String> {
        let mut metadata = read_metadata(bytes)?;
        metadata.remove(KEY).context("it was not written by kiln")
    }

    /// Parses the metadata of a file, and returns with it the text that a checkpoint adds; `None` in a plain model.
    ///
    /// # Errors
    /// A file that is damaged, not Kiln's, or of another version.
    pub fn read(bytes: &[u8]) -> anyhow::Result<(ModelInfo, Option<String>)> {
        let mut metadata = read_metadata(bytes)?;
        let checkpoint = metadata.remove(CHECKPOINT_KEY);
        Ok((read_info(&metadata)?, checkpoint))
    }
}

/// A trained net, ready for inference.
pub struct ModelFile {
    /// Its metadata.
    pub info: ModelInfo,
    /// The net.
    pub network: Network,
    /// Its parameters, on the device.
    pub params: ParamStore,
    /// The loss it was trained with, which turns logits into predictions.
    pub loss: Box<dyn Loss>,
}

impl ModelFile {
    /// Reads a model file and puts its parameters on a device.
    ///
    /// # Errors
    /// A file that is missing, damaged, not Kiln's, of a later version, or whose tensors are not
    /// those of its net.
    pub fn open(path: &FilePath, device: &Device) -> anyhow::Result<ModelFile> {
        let bytes =
            read_model(path).with_context(|| format!("cannot read the model {}", path.shown()))?;
        Self::parse(&bytes, device)
            .with_context(|| format!("{} is not a model that can be used", path.shown()))
    }

    fn parse(bytes: &[u8], device: &Device) -> anyhow::Result<ModelFile> {
        let (info, _) = ModelInfo::read(bytes)?;
        let mut tensors = decode_tensors(bytes)?; // verifies the checksum before anything else is parsed
        let (input, embedded) = (info.preprocess.shape(), info.preprocess.embedded());
        let mut loss = read_loss(&info.experiment.train.loss, &Path::parse("train.loss"))
            .map_err(|faults| in_words(&faults))?;
        let layers = Layers::of(&info.experiment.model).map_err(|f| in_words(&f))?;
        let layers = layers.with_columns(embedded).map_err(|f| in_words(&f))?;
        let network = Network::plan(layers, input, &*loss).map_err(|f| in_words(&f))?;
        network
            .check_head(&mut *loss, &info.task)
            .map_err(|f| in_words(&f))?;
        let mut params = ParamStore::default();
        for (name, spec) in network.params() {
            let averages = AVERAGES.iter();
            let average =
                averages.filter_map(|average| tensors.remove(&format!("{average}/{name}")));
            let average = average.last();
            let last = tensors.remove(&name);
            let (shape, values) = average
                .or(last)
                .with_context(|| format!("the tensor {name} is missing"))?;
            ensure!(
                shape == spec.shape,
                "the tensor {name} has the shape {shape:?}, expected {:?}",
                spec.shape
            );
            ensure_finite(&name, &values)?;
            params.params.push(Param {
                shape,
                trainable: spec.trainable,
                restraint: spec.restraint,
                tuning: spec.tuning,
                frozen: false,
                tensor: upload(values, device),
                name,
            });
        }
        if let Some(extra) = tensors.keys().find(|name| name.starts_with(PARAMS)) {
            bail!("the tensor {extra} belongs to no layer");
        }
        Ok(ModelFile {
            info,
            network,
            params,
            loss,
        })
    }

    /// Predictions for a batch, `[batch, names]`, on the host, in the units of the data.
    pub fn predictions(&self, input: crate::data::Value) -> Vec<f32> {
        let logits = self
            .network
            .forward(input, &self.params.tensors(), &Pass::default());
        let mut predictions = host(self.loss.predictions(logits));
        self.info.task.unscale(&mut predictions);
        predictions
    }
}

fn read_metadata(bytes: &[u8]) -> anyhow::Result<HashMap<String, String>> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| {
        anyhow::anyhow!("it is no whole safetensors file ({error}); copy or train it again")
    })?;
    Ok(metadata.metadata().clone().unwrap_or_default())
}

fn read_info(metadata: &HashMap<String, String>) -> anyhow::Result<ModelInfo> {
    let json = metadata
        .get(KEY)
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
    info.task
        .check()
        .map_err(|message| anyhow::anyhow!("its task {message}"))?;
    info.preprocess
        .check()
        .and_then(|()| info.preprocess.check_task(&info.task))
        .map_err(|message| anyhow::anyhow!("its preprocessing {message}"))?;
    Ok(info)
}

/// Refuses weights that are not finite.
///
/// # Errors
/// The tensor's name, and the first value that is not finite.
pub fn ensure_finite(name: &str, values: &[f32]) -> anyhow::Result<()> {
    // A fold without an early return is vectorised.
    if !values
        .iter()
        .fold(false, |bad, value| bad | !value.is_finite())
    {
        return Ok(());
    }
    let place = values.iter().position(|value| !value.is_finite());
    let (place, value) = place.map_or((0, f32::NAN), |place| (place, values[place]));
    bail!(
        "the tensor {name} holds {value} (value {place} of {}), with which nothing can be computed; take an earlier \
         checkpoint, or train it again with a lower learning rate",
        values.len()
    )
}

fn in_words(faults: &[Fault]) -> anyhow::Error {
    let words: Vec<String> = faults.iter().map(ToString::to_string).collect();
    anyhow::anyhow!(words.join("; "))
}
