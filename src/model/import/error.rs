//! Why weights cannot be read.

use std::io;
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use super::hdf5::Hdf5Fault;
use super::pickle::fault::PickleError;
use super::unread::Unread;
use crate::console::{shown, visible};
use crate::data::short_name;
use crate::storage::ZipError;

/// Why a file of weights cannot be used, with its path.
#[derive(Debug, Error)]
#[error("cannot use the weights of {path}: {fault}")]
pub struct ImportError {
    path: String,
    /// What is wrong with it.
    pub fault: ImportFault,
}

impl ImportError {
    /// A fault of the file at `path`.
    pub fn new(path: &Path, fault: impl Into<ImportFault>) -> ImportError {
        ImportError {
            path: shown(path).to_string(),
            fault: fault.into(),
        }
    }
}

/// What is wrong with a file of weights.
#[derive(Debug, Error)]
pub enum ImportFault {
    /// As the system says.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// Another kind of file.
    #[error(
        "it is {0}, expected weights as PyTorch (.pth, .pt, .bin), safetensors or Keras (.keras, .weights.h5, .h5) \
         write them"
    )]
    Kind(&'static str),
    /// A damaged zip archive, or one whose members are.
    #[error("its {member} {error}; copy or download it again")]
    Zip {
        /// The member, or "archive".
        member: String,
        /// What is wrong with it.
        error: ZipError,
    },
    /// A damaged pickle.
    #[error("{0}; copy or download it again")]
    Pickle(#[from] PickleError),
    /// A damaged HDF5 file.
    #[error("it {0}; copy or download it again")]
    Hdf5(#[from] Hdf5Fault),
    /// Damage anywhere else.
    #[error("{0}; copy or download it again")]
    Damaged(String),
    /// A file without tensors that can be found.
    #[error("{0}")]
    NoTensors(String),
    /// A tensor that is there in a form that is not read.
    #[error("its tensor {} {why}", shown_name(name))]
    Tensor {
        /// Its name in the file.
        name: String,
        /// Why it is not read.
        why: Arc<Unread>,
    },
    /// A name that is not there.
    #[error("it has no tensor {}", shown_name(.0))]
    Missing(String),
}

/// A name that a file holds, as messages show it.
pub fn shown_name(name: &str) -> String {
    short_name(&visible(name)).into_owned()
}

impl ImportFault {
    /// A fault of a tensor.
    pub fn tensor(name: &str, why: impl Into<Unread>) -> ImportFault {
        ImportFault::Tensor {
            name: name.to_string(),
            why: Arc::new(why.into()),
        }
    }

    /// A fault of a zip archive's directory or member.
    pub fn zip(member: &str, error: ZipError) -> ImportFault {
        ImportFault::Zip {
            member: shown_name(member),
            error,
        }
    }
}
