//! How image files become samples: the options of every kind of data that holds images.

use schemars::JsonSchema;
use serde::Deserialize;

use super::cache::Budget;
use super::decode::pixels::Alpha;
use super::preprocess::ImagePreprocess;
use super::resize::{Aspect, Filter, whole};
use crate::config::{ByteSize, Preprocess};
use crate::data::core::batch::Shape;

/// How image files become samples.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct ImageOptions {
    /// Height and width to which images are resized.
    #[schemars(inner(range(min = 1, max = 16384)))]
    pub size: [usize; 2],
    /// 1 (grey) or 3 (red, green, blue); default: what the images are.
    #[serde(default)]
    #[schemars(schema_with = "channels_schema")]
    pub channels: Option<usize>,
    /// How images are resized.
    #[serde(default)]
    pub resize: Filter,
    /// How images with another aspect ratio than `size` are fitted.
    #[serde(default)]
    pub aspect: Aspect,
    /// The share of the part that fills the size which is kept, with `aspect = "cover"`: 0.875 is torchvision's resizing to
    /// 256 pixels and cutting out the middle 224.
    #[serde(default = "whole")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub crop: f64,
    /// The level of the bars that `aspect = "fit"` adds, 0-255.
    #[serde(default)]
    pub pad_value: u8,
    /// How transparent pixels are handled.
    #[serde(default)]
    pub alpha: Alpha,
    /// Images with more pixels are refused; protects the memory.
    #[serde(default = "default_max_pixels")]
    #[schemars(range(min = 1, max = 1_073_741_824))]
    pub max_pixels: u64,
    /// Decoded images are cached in that much memory; default: a quarter of the free memory.
    #[serde(default)]
    pub cache_memory: Option<ByteSize>,
    /// Images beyond that are cached in files of at most this total size;
    /// default 32 GB (0 for archives).
    #[serde(default)]
    pub cache_disk: Option<ByteSize>,
}

/// The default of `data.max_pixels`.
pub fn default_max_pixels() -> u64 {
    100_000_000
}

fn channels_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"enum": [1, 3, null]})
}

impl ImageOptions {
    /// Every option at its default.
    pub fn of_size(size: [usize; 2]) -> ImageOptions {
        ImageOptions {
            size,
            channels: None,
            resize: Filter::default(),
            aspect: Aspect::default(),
            crop: whole(),
            pad_value: 0,
            alpha: Alpha::default(),
            max_pixels: default_max_pixels(),
            cache_memory: None,
            cache_disk: None,
        }
    }

    /// The net's input.
    pub fn shape(&self, channels: usize) -> Shape {
        Shape::Image {
            height: self.size[0],
            width: self.size[1],
            channels,
        }
    }

    /// The preprocessing before its statistics are known.
    pub fn preprocess(&self, channels: usize, config: &Preprocess) -> ImagePreprocess {
        ImagePreprocess {
            size: self.size,
            channels,
            resize: self.resize,
            aspect: self.aspect,
            crop: self.crop,
            pad_value: self.pad_value,
            alpha: self.alpha,
            max_pixels: self.max_pixels,
            deep: None,
            divide_by: config.divide_by.unwrap_or(1.0),
            mean: vec![0.0; channels],
            std: vec![1.0; channels],
        }
    }

    /// The size of the cache of decoded images.
    pub fn budget(&self, default_disk: u64) -> Budget {
        Budget::new(self.cache_memory, self.cache_disk, default_disk)
    }
}
