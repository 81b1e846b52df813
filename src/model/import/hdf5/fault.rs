//! What can be wrong with an HDF5 file.

use std::io;

use thiserror::Error;

/// Why an HDF5 file or one of its datasets is not read; words that follow "it".
#[derive(Debug, Error)]
pub enum Hdf5Fault {
    /// As the system says.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// An address beyond the file's end, or a structure that ends early.
    #[error("is cut or damaged: {0} lies beyond its end")]
    Beyond(&'static str),
    /// What no program that writes HDF5 writes.
    #[error("is damaged: {0}")]
    Damaged(&'static str),
    /// More than a file of weights has.
    #[error("has more than {1} {0}")]
    TooMany(&'static str, usize),
}
