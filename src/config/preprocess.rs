//! The section `[preprocess]`: scaling of pixel values.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Scaling of pixel values, in this order: `(value / divide_by - mean) / std`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    /// "weights": the resizing, mean and standard deviation with which the trained weights of the backbone were evaluated.
    /// It is the default where there are some and nothing else is given here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<PreprocessPreset>,
    /// Divides every value (0-255); 255 gives 0-1. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub divide_by: Option<f64>,
    /// Subtracted after dividing: a number for every channel, one per channel, or "fit".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<Statistic>,
    /// Divides after subtracting: a number for every channel, one per channel, or "fit".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0, "items" = {"exclusiveMinimum": 0}))]
    pub std: Option<Statistic>,
}

/// Where the preprocessing comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PreprocessPreset {
    /// From the trained weights.
    Weights,
}

/// A statistic of the training samples, given or fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Statistic {
    /// One number for every channel.
    One(f64),
    /// One number per channel.
    PerChannel(Vec<f64>),
    /// Measured on the training samples.
    Fit(Fit),
}

/// The word "fit".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Measure it on the training samples.
    Fit,
}
