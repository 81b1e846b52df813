//! The net: layers, shape inference, parameters, losses, and the model file.

mod activation;
mod atomic;
mod compute;
mod fault_point;
mod file;
mod init;
mod layers;
mod losses;
mod network;
mod params;
mod penalty;
mod tensors;
mod value;

pub use activation::Activation;
pub use atomic::{Aside, failure, temporary_name, write_atomically};
pub use compute::{Compute, Half};
pub use fault_point::FaultPoint;
pub use file::{
    AVERAGES, CHECKPOINT_KEY, FORMAT_VERSION, KEY, ModelFile, ModelInfo, without_average,
};
pub use init::{Fans, Init};
pub use layers::{LAYERS, Layer, LayerPlan, MOST_VALUES, Mismatch, Pass, Scope, Training, Working};
pub use losses::{LOSSES, Loss};
pub use network::{Layers, Memory, MemoryUse, Network, PlannedLayer};
pub use params::{Param, ParamSpec, ParamStore, upload};
pub use penalty::{Penalty, Restraint};
pub use tensors::{
    Head, Outgoing, Stored, decode_tensors, write_header, write_tensors, write_values,
};
pub use value::host;
