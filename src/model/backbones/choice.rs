//! What an experiment chooses of a backbone.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Style;

/// What a backbone gives to the layers behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// A row of features: the mean over all pixels, and the normalisation behind it where the net has one.
    #[default]
    Pooled,
    /// The last image, `[height, width, channels]`.
    Features,
    /// The scores of ImageNet's 1000 classes, by the classifier that the weights were trained with.
    Logits,
}

/// What an experiment chooses of a backbone, defaults filled in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// What the numbers of channels are multiplied by.
    pub width: f64,
    /// Whose padding, normalisation and places of strides.
    pub style: Style,
    /// What it gives.
    pub output: Output,
    /// The share of samples that skip the last residual block in training; it grows linearly from 0 at the first.
    pub drop_path: f64,
}
