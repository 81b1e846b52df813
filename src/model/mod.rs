//! The net: layers, shape inference, parameters, losses, and the model file.

mod activation;
mod compute;
mod file;
mod init;
mod layers;
mod losses;
mod network;
mod params;
mod value;

pub use activation::Activation;
pub use compute::{Compute, Half};
pub use file::{FORMAT_VERSION, ModelFile, ModelInfo, decode_tensors, write_atomically};
pub use init::{Fans, Init};
pub use layers::{LAYERS, Layer, LayerPlan, Mismatch, Pass, Scope, Training};
pub use losses::{LOSSES, Loss};
pub use network::{Layers, Network, PlannedLayer};
pub use params::{Param, ParamSpec, ParamStore, upload};
pub use value::host;
