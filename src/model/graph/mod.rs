//! The building blocks of layers: the traits that every layer implements, the tree of planned layers and the walk over it,
//! which neighbours run as one block, and how a chain of layers runs. Knows no layer by name; `layers` holds them.

mod block;
mod chain;
mod convert;
mod fusion;
mod layer;
mod mismatch;
mod operation;
mod planned;
mod run;
mod scope;
mod size;
mod window;

pub use chain::Chain;
pub use convert::{
    channels_first, channels_last, check_numbers, image_dims, into_image, into_sequence, product,
    sequence_dims,
};
pub use fusion::takes_sink;
pub use layer::{Layer, LayerList, LayerReader};
pub use mismatch::Mismatch;
pub use operation::{ConvGeometry, Operation};
pub use planned::{Forward, Planned, PlannedLayer, Visited};
pub use run::{Params, run_block, through};
pub use scope::{Pass, Scope, Training};
pub use size::{MOST_VALUES, Working, cost};
pub use window::{
    Padding, Padding2d, PaddingName, Pair, Spread, Windows, check_pool_padding, spread, windows,
};
