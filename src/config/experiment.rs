//! The experiment: the keys of one file, as plain types. Members of families (data sources, layers, losses, optimizers)
//! stay unparsed here; the room that owns a family reads them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::family::Spec;
use super::preprocess::Preprocess;
use super::sections::{Audit, Checkpoints, Device, Eval};
use super::train::Train;

/// One experiment file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Names the run folders; default: the file's name.
    #[serde(default)]
    pub name: String,
    /// The random seed; every random choice is a function of it.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// The library whose defaults apply to every option that the experiment does not set: `kiln schema --styles`
    /// lists them. Default: neither's as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<Style>,
    /// The samples: kind, folders, size.
    #[schemars(with = "Table", extend("x-family" = "data"))]
    pub data: BTreeMap<String, Value>,
    /// The preprocessing of every sample, in training and inference.
    #[serde(default)]
    pub preprocess: Preprocess,
    /// The random augmentation of training samples.
    #[serde(default)]
    #[schemars(with = "Table", extend("x-family" = "augment"))]
    pub augment: BTreeMap<String, Value>,
    /// The net.
    pub model: Model,
    /// How it is trained.
    pub train: Train,
    /// When checkpoints are saved.
    #[serde(default)]
    pub checkpoint: Checkpoints,
    /// How it is evaluated.
    #[serde(default)]
    pub eval: Eval,
    /// How problems of the data are handled.
    #[serde(default, skip_serializing_if = "Audit::is_default")]
    pub audit: Audit,
    /// Where it runs.
    #[serde(default)]
    pub device: Device,
}

/// A library with defaults of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// Keras 3.
    Keras,
    /// PyTorch 2.
    Torch,
}

/// Any table; its keys are checked by the room that owns them.
pub type Table = BTreeMap<String, Value>;

fn default_seed() -> u64 {
    1
}

/// The net: a list of layers from the input to the output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// From the input to the output; the last layer gives the logits.
    #[schemars(length(min = 1), extend("x-family" = "layers"))]
    pub layers: Vec<Spec>,
    /// For several targets of different kinds: the layers of each head, by the target's name, from the output of `layers`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("x-family" = "heads"))]
    pub heads: BTreeMap<String, Vec<Spec>>,
}
