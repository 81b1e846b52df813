//! Images: where they come from, decoding, preprocessing, augmentation, cache and audit.

pub mod audit;
pub mod augment;
pub mod cache;
pub mod copies;
pub mod dataset;
pub mod decode;
pub mod decode_all;
pub mod deep_images;
pub mod divide;
pub mod headers;
pub mod joined;
pub mod labelled;
pub mod labelled_error;
pub mod labelling;
pub mod look_alikes;
pub mod options;
pub mod preprocess;
pub mod reader;
pub mod resize;
pub mod samples;
pub mod scale;
pub mod sources;
pub mod survey;
mod survey_of_folder;
pub mod synth;
pub mod usable;
