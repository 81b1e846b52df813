//! Measurements: how fast a net is, and which learning rate suits it.

pub mod bench;
pub mod lr_find;
