//! The data: sources, splits, preprocessing, augmentation, loading.
//!
//! A [`Source`] (what the experiment describes) becomes a [`Survey`] (samples listed, headers
//! read), then [`Datasets`] (decoded once, preprocessing fitted); a [`Loader`] turns a split into
//! batches. The value types that every room shares ([`Value`], [`Target`], [`Batch`]) live here.

pub mod audit;
pub mod core;
mod files;
pub mod image;
mod loading;
pub mod preprocess;
mod reader;
pub mod source;
pub mod table;
pub mod text;

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Fault, Member, Path, find_member, read_options};
use crate::family;

pub use self::core::batch::{
    Batch, HostBatch, HostTargets, SampleId, Shape, Target, Value, input_to_device, size_product,
};
pub use self::core::dataset::{
    Column, Dataset, MixSamples, Progress, ReadingOrder, SampleError, Silent, Skipped, Summary,
    class_counts, view_of,
};
pub use self::core::random::{Purpose, Rng, hash_text};
pub use self::core::reader::{
    BATCH as READER_BATCH, Ended, Item, Labelled, LabelledError, LabelledPath, Origin, Reader,
    Sample, Sink, Stopped, Subject,
};
pub use self::core::task::{Head, Output, Task};
pub use self::source::{Datasets, Source, Survey};
pub use crate::data::core::left_out::{LeftOut, Reason, list_names, short_name};
pub use crate::data::files::kind::is_image_name;
pub use crate::data::files::listing::{list_classes, list_images};
pub use crate::data::image::decode::pixels::{Alpha, Header, Pixels};
pub use crate::data::image::deep_images::DeepImages;
pub use crate::data::image::labelled::{LabelledImages, labelled_images};
pub use crate::data::image::labelling::below::images_below;
pub use crate::data::image::labelling::options::{Columns, Labelling};
pub use crate::data::image::sources::idx_file::parse_idx;
pub use crate::data::loading::batches::{Batches, Loaded};
pub use crate::data::preprocess::Preprocessor;
pub use files::error::SizeError;
pub use files::layout::{Labelled as LabelledBy, Layout as FolderLayout};
pub use files::listing::{Content, Listing};
pub use files::pattern::is_pattern;
pub use files::size::within_memory;
pub use files::split_names::{SplitName, split_name};
pub use image::dataset::ImageDataset;
pub use image::decode::deep::DeepRange;
pub use image::decode::raw::RawBlock;
pub use image::decode::read_header;
pub use image::labelling::index::{Found, ImageIndex};
pub use image::labelling::pattern::LabelPattern;
pub use image::labelling::rows::{IMAGE_COLUMNS, LABEL_COLUMNS, split_of};
pub use image::options::default_max_pixels;
pub use image::preprocess::ImagePreprocess;
pub use image::resize::{Aspect, Filter, Resizing};
pub use image::sources::blocks::name_of;
pub use image::sources::cifar::CifarBinary;
pub use image::sources::idx::{Idx, idx_images, is_images};
pub use image::sources::image_folder::ImageFolder;
pub use image::sources::labels::TrainedClasses;
pub use image::sources::numpy::{Npz, array_names, numpy_images};
pub use image::sources::webdataset::WebDataset;
pub use image::survey::ImageSurvey;
pub use loading::loader::{Loader, PREFETCH};
pub use table::{Csv, EmbeddedColumn, TablePreprocess};
pub use text::{Text, TextFolder, TextPreprocess};

/// Every kind of data: the values of `data.kind`.
pub const SOURCES: &[Member<dyn Source>] = family! { dyn Source:
    "image-folder" => ImageFolder,
    "idx" => Idx,
    "cifar-binary" => CifarBinary,
    "npz" => Npz,
    "npy" => Npz,
    "webdataset" => WebDataset,
    "csv" => Csv,
    "text" => Text,
    "text-folder" => TextFolder,
};

/// Reads an experiment, and makes the paths of its data absolute.
///
/// # Errors
/// As [`Source::load`](crate::config::Source::load).
pub fn load(file: &std::path::Path, sets: &[String]) -> anyhow::Result<crate::config::Source> {
    let mut source = crate::config::Source::load(file, sets)?;
    for key in path_keys(&source.experiment.data) {
        source.resolve_paths(&key)?;
    }
    Ok(source)
}

/// The keys of `[data]` that hold paths, as the options of its kind declare them (`x-path` in their schema); of an
/// unknown kind those of all.
pub fn path_keys(table: &BTreeMap<String, serde_json::Value>) -> BTreeSet<String> {
    let kind = table.get("kind").and_then(serde_json::Value::as_str);
    let known = SOURCES.iter().any(|member| Some(member.name) == kind);
    let members = SOURCES
        .iter()
        .filter(|member| !known || Some(member.name) == kind);
    let mut keys = BTreeSet::new();
    for member in members {
        let schema = (member.schema)();
        let options = schema["properties"].as_object().into_iter().flatten();
        let paths = options.filter(|(_, option)| option["x-path"] == true);
        keys.extend(paths.map(|(key, _)| key.clone()));
    }
    keys
}

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
