//! The data: sources, splits, preprocessing, augmentation, loading.
//!
//! A [`Source`] (what the experiment describes) becomes a [`Survey`] (samples listed, headers
//! read), then [`Datasets`] (decoded once, preprocessing fitted); a [`Loader`] turns a split into
//! batches. The value types that every room shares ([`Value`], [`Target`], [`Batch`]) live here.

pub mod audit;
pub mod augment;
mod batch;
pub mod cache;
mod dataset;
mod decode;
mod files;
mod idx;
mod image_folder;
mod image_options;
mod image_survey;
mod images;
mod jpeg;
mod labelled;
mod listing;
mod loader;
pub mod positional;
mod preprocess;
mod random;
mod raw;
mod resize;
mod sampler;
mod shards;
mod split;
pub mod synth;
pub mod table;
mod task;
pub mod text;
mod tiff;
mod webdataset;

use std::collections::BTreeMap;

use crate::config::{Fault, Member, Path, find_member, read_options};
use crate::family;

pub use batch::{Batch, HostBatch, SampleId, Shape, Target, Value, size_product};
pub use dataset::{
    Column, Dataset, Datasets, Progress, ReadingOrder, Silent, Skipped, Source, Summary, Survey,
    class_counts,
};
pub use decode::{Alpha, Header, Pixels, is_picture_name, read_header};
pub use idx::{CifarBinary, Idx, idx_pictures, parse_idx};
pub use image_folder::ImageFolder;
pub use image_options::default_max_pixels;
pub use image_survey::ImageSurvey;
pub use images::ImageDataset;
pub use labelled::Labelled;
pub use listing::{Listing, list_classes, list_pictures};
pub use loader::{Batches, Loaded, Loader, PREFETCH};
pub use preprocess::{ImagePreprocess, Preprocessor};
pub use random::{Purpose, Rng, hash_text};
pub use raw::RawBlock;
pub use resize::{Aspect, Filter, Resizing};
pub use table::{Csv, EmbeddedColumn, TablePreprocess};
pub use task::{Head, Output, Task};
pub use text::{Text, TextFolder, TextPreprocess};
pub use webdataset::WebDataset;

/// Every kind of data: the values of `data.kind`.
pub const SOURCES: &[Member<dyn Source>] = family! { dyn Source:
    "image-folder" => ImageFolder,
    "idx" => Idx,
    "cifar-binary" => CifarBinary,
    "webdataset" => WebDataset,
    "csv" => Csv,
    "text" => Text,
    "text-folder" => TextFolder,
};

/// Reads `[data]`.
///
/// # Errors
/// A missing or unknown kind, and every mistake of its options.
pub fn read_source(
    table: &BTreeMap<String, serde_json::Value>,
) -> Result<Box<dyn Source>, Vec<Fault>> {
    let path = Path::parse("data");
    let kind = match table.get("kind") {
        Some(serde_json::Value::String(kind)) => kind,
        _ => {
            let names: Vec<&str> = SOURCES.iter().map(|member| member.name).collect();
            let message = format!("is missing, expected one of {}", names.join(", "));
            return Err(vec![Fault::new(path.key("kind"), message)]);
        }
    };
    let member = find_member(SOURCES, "kind of data", kind, &path.key("kind"))?;
    let options = table
        .iter()
        .filter(|(key, _)| *key != "kind")
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    read_options(member, serde_json::Value::Object(options), &path)
}
