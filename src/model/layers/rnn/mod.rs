//! Recurrent layers.

mod gru;
mod lstm;
mod recurrent;

pub use gru::Gru;
pub use lstm::Lstm;
