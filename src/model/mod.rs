//! The net: layers, shape inference, parameters, losses, the model file, and imported pretrained weights ([`import`]).

mod activation;
mod backbones;
mod checksum;
mod compute;
mod file;
mod graph;
pub mod import;
mod init;
mod layers;
mod losses;
mod names;
mod network;
mod params;
mod penalty;
mod pretrained;
mod reading;
mod tensors;
mod tuning;
mod value;

pub use activation::Activation;
pub use backbones::{
    BACKBONES, Backbone, Choice, Chosen, LoadedWeights, Mapped, Output, Scheme, SourceTensor,
    TensorSource, Transform, find_backbone, load_weights, mapping,
};
pub use backbones::{bare_name, drop_weights_folders, visit_weights};
pub use checksum::{CHECKSUM_KEY, digest_values};
pub use compute::{Compute, Half};
pub use file::{ModelFile, ModelInfo, ensure_finite};
pub use graph::{
    ConvGeometry, Forward, Layer, LayerReader, MOST_VALUES, Mismatch, Operation, Padding, Pass,
    Planned, PlannedLayer, Scope, Training, Visited, Working, through,
};
pub use init::{Fans, Init};
pub use layers::LAYERS;
pub use losses::{LOSSES, Loss, LossMismatch, TargetKind, read_loss};
pub use names::{AVERAGES, CHECKPOINT_KEY, FORMAT_VERSION, KEY, split_name, without_average};
pub use network::{Layers, Memory, MemoryUse, Network, PlannedHead};
pub use params::{Param, ParamSpec, ParamStore, upload};
pub use penalty::{Penalty, Restraint};
pub use reading::read_model;
pub use tensors::{
    Head, Outgoing, Stored, decode_tensors, write_header, write_tensors, write_values,
};
pub use tuning::{Frozen, Tuning};
pub use value::{flat_values, host};
