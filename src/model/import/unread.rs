//! Why a tensor that is in a file is not read.

use thiserror::Error;

use super::hdf5::Hdf5Fault;
use super::tensor::{MAX_RANK, MAX_TENSOR};
use crate::data::SizeError;

/// Why a tensor, or what lies in its place, is not read; words that follow its name.
#[derive(Debug, Error)]
pub enum Unread {
    /// More dimensions than a tensor of a net has.
    #[error("has {0} dimensions, expected at most {MAX_RANK}")]
    Dimensions(usize),
    /// More values than a tensor of a net has.
    #[error("has the shape {0:?}, more than {MAX_TENSOR} values")]
    Values(Vec<usize>),
    /// Values that do not fit into the machine's memory.
    #[error(transparent)]
    Memory(#[from] SizeError),
    /// Numbers of a type that is not read.
    #[error("holds numbers of the type {0}, which is not read")]
    NumberType(String),
    /// Fewer values than its shape has.
    #[error("is damaged: it is too short")]
    Short,
    /// An object of a class that is no tensor's.
    #[error("is an object of the class {0}, not a tensor")]
    Object(String),
    /// A parameter that is made of an object of another class than a tensor's.
    #[error("is made of an object of the class {0}")]
    MadeOf(String),
    /// A tensor that is not a view of one storage.
    #[error(
        "is made by torch's {0}, which is not read: it is sparse, quantized or on another device; save it as a plain \
         tensor"
    )]
    Rebuilt(String),
    /// A tensor of a subclass that hides how it is made.
    #[error("is a tensor of a class that is not read")]
    Subclass,
    /// A parameter around nothing.
    #[error("is a parameter without a tensor")]
    NoTensor,
    /// A storage by itself.
    #[error("is a storage without a shape")]
    NoShape,
    /// A view that says too little.
    #[error("is damaged: storage, offset, sizes or strides are missing")]
    View,
    /// A storage that is not there.
    #[error("is a part of the storage {0}, which is damaged or not there")]
    NoStorage(String),
    /// Values beyond the end of a storage of so many.
    #[error("lies beyond its storage of {0} values")]
    BeyondStorage(u64),
    /// Steps that no storage has.
    #[error("is damaged: it lies beyond its storage")]
    Beyond,
    /// One value that stands for very many.
    #[error("is expanded to {count} values from a storage of {has}; save a copy of it (.clone())")]
    Expanded {
        /// Its values.
        count: usize,
        /// Those of its storage.
        has: u64,
    },
    /// A damaged part of an HDF5 file.
    #[error("is not read, for the file {0}")]
    Hdf5(#[from] Hdf5Fault),
    /// Something of HDF5 that weights need not have.
    #[error("{0}")]
    Unsupported(&'static str),
    /// Numbers of HDF5 of an unusual width.
    #[error("holds {what} of {bytes} bytes, which are not read")]
    Width {
        /// The kind of numbers.
        what: &'static str,
        /// Bytes of a number.
        bytes: u64,
    },
    /// A filter of HDF5 that weights need not have.
    #[error("is packed by the filter {0} of HDF5, which is not read")]
    Filter(u64),
}
