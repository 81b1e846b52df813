//! Faults of the keys of `[data]`.

use std::fmt::Display;

use crate::config::{Fault, Path};

/// The path of a key of `[data]`.
pub fn key(name: &str) -> Path {
    Path::parse("data").key(name)
}

/// A fault of one key of `[data]`, in words that follow the key.
pub fn fault(name: &str, message: impl Display) -> Vec<Fault> {
    vec![Fault::new(key(name), message.to_string())]
}
