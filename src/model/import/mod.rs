//! Weights that others trained: files of PyTorch, safetensors and Keras as named tensors.
//!
//! Files are untrusted: no code in them is run, every size is checked against what the file can hold before room is
//! made, and damage is an error. A file's content tells its format, whatever its name is.

mod catalogue;
#[cfg(feature = "download")]
mod download;
mod error;
mod file;
mod hdf5;
mod keras;
mod number_type;
mod opened;
mod pickle;
mod places;
mod pytorch;
mod safetensors;
mod shape;
mod tensor;
mod unread;

pub use catalogue::{
    CATALOGUE, CatalogueEntry, KnownDigest, Origin, WeightsPreprocess, catalogue_entry,
};
#[cfg(feature = "download")]
pub use download::{DownloadError, download};
pub use error::{ImportError, ImportFault};
pub use file::{Format, WeightsFile, digest_of_values};
pub use number_type::NumberType;
pub use places::{
    WeightsFolder, WeightsNotFound, download_folder, find_in_folders, find_weights, weights_folders,
};
pub use tensor::TensorInfo;
pub use unread::Unread;
