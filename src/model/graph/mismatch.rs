//! A shape that a layer cannot take, in words that name the option at fault.

use crate::config::{Fault, Path};

/// A shape that a layer cannot take: what it expects and what it gets.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// One, or several where the layer holds layers that cannot be read. Their paths begin at the layer's options:
    /// empty where the layer as a whole is at fault.
    pub faults: Vec<Fault>,
}

impl Mismatch {
    /// A mismatch of the layer as a whole.
    pub fn new(message: impl Into<String>) -> Mismatch {
        Mismatch::from(Fault::new(Path::default(), message))
    }

    /// A mismatch of one option.
    pub fn of(key: &'static str, message: impl Into<String>) -> Mismatch {
        Mismatch::from(Fault::new(Path::default().key(key), message))
    }

    /// Adds what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Mismatch {
        if let Some(fault) = self.faults.pop() {
            self.faults.push(fault.hint(hint));
        }
        self
    }

    /// The same as faults of the experiment: `layer` is where it describes the layer, by the name `tag`.
    pub fn at(self, layer: &Path, tag: &str) -> Vec<Fault> {
        let faults = self.faults.into_iter();
        let placed = faults.map(|fault| match fault.path.0.is_empty() {
            true => Fault {
                path: layer.clone(),
                message: format!("({tag}) {}", fault.message),
                ..fault
            },
            false => Fault {
                path: layer.key(tag).join(&fault.path),
                ..fault
            },
        });
        placed.collect()
    }
}

impl From<Fault> for Mismatch {
    fn from(fault: Fault) -> Mismatch {
        Mismatch {
            faults: vec![fault],
        }
    }
}
