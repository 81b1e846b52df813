//! The net: layers, shape inference, parameters, losses, and the model file.

mod activation;
mod checksum;
mod compute;
mod file;
mod init;
mod layers;
mod losses;
mod network;
mod params;
mod penalty;
mod reading;
mod tensors;
mod value;

pub use activation::Activation;
pub use checksum::{CHECKSUM_KEY, digest_values};
pub use compute::{Compute, Half};
pub use file::{
    AVERAGES, CHECKPOINT_KEY, FORMAT_VERSION, KEY, ModelFile, ModelInfo, ensure_finite, split_name,
    without_average,
};
pub use init::{Fans, Init};
pub use layers::{LAYERS, Layer, LayerPlan, MOST_VALUES, Mismatch, Pass, Scope, Training, Working};
pub use losses::{LOSSES, Loss, read_loss};
pub use network::{Layers, Memory, MemoryUse, Network, PlannedLayer};
pub use params::{Param, ParamSpec, ParamStore, upload};
pub use penalty::{Penalty, Restraint};
pub use reading::read_model;
pub use tensors::{
    Head, Outgoing, Stored, decode_tensors, write_header, write_tensors, write_values,
};
pub use value::host;
