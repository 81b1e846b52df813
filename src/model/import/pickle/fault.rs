//! What can be wrong with a pickle.

use std::io;

use thiserror::Error;

/// Why a pickle is not read, and where.
#[derive(Debug, Error)]
#[error("its pickle {fault} (byte {at})")]
pub struct PickleError {
    /// Bytes from its beginning.
    pub at: u64,
    /// What is wrong there.
    pub fault: PickleFault,
}

/// What is wrong; words that follow "its pickle".
#[derive(Debug, Error)]
pub enum PickleFault {
    /// As the system says.
    #[error("cannot be read: {0}")]
    Read(io::Error),
    /// It has no end.
    #[error("is cut: it ends before its last opcode")]
    Cut,
    /// More bytes than a pickle without the tensors' values needs.
    #[error("has more than {0} bytes")]
    TooLong(u64),
    /// More values than a pickle without the tensors' values needs.
    #[error("makes more than {0} values")]
    TooMany(usize),
    /// What no pickle of protocol 0 to 5 has.
    #[error("has the unknown opcode {0:#04x}")]
    Opcode(u8),
    /// What no program that writes pickles writes.
    #[error("is damaged: {0}")]
    Damaged(&'static str),
}

impl From<io::Error> for PickleFault {
    fn from(error: io::Error) -> PickleFault {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => PickleFault::Cut,
            _ => PickleFault::Read(error),
        }
    }
}
