//! Limits on untrusted sizes: what a file claims is checked against the file's own size and the free memory before
//! anything is allocated.

use std::io::Read;
use std::path::Path;

use super::error::{FileError, SizeError};
use crate::config::ByteSize;
use crate::device::memory_limit;
use crate::storage::open_seekable;

/// The most pixels a side of an image that is held in memory as it is.
pub const MAX_SIDE: usize = 16384;

/// What deflate makes of a byte at best.
const DEFLATE: u64 = 1032;
/// A file may unpack to so many times its size without being asked for.
const USUAL: u64 = 64;
/// Small files may unpack to that much, whatever their size.
const SMALL: u64 = 256 << 20;

/// What compressed files may unpack to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Packed {
    most: Option<u64>,
}

impl Packed {
    /// A limit that the experiment names, or the default.
    pub fn new(most: Option<ByteSize>) -> Packed {
        Packed {
            most: most.map(|size| size.0),
        }
    }

    /// Whether a file of `len` bytes may unpack to `claimed` bytes.
    ///
    /// # Errors
    /// A size that is impossible, or more than is allowed or free.
    pub fn check(&self, len: u64, claimed: u64) -> Result<(), SizeError> {
        if claimed > len.saturating_mul(DEFLATE).saturating_add(1 << 16) {
            return Err(SizeError::Impossible { len, claimed });
        }
        let most = self
            .most
            .unwrap_or_else(|| len.saturating_mul(USUAL).max(SMALL));
        if claimed > most {
            return Err(SizeError::Unpacked { len, claimed, most });
        }
        within_memory(claimed)
    }
}

/// Whether there is room for so many bytes.
///
/// # Errors
/// More bytes than the machine has free.
pub fn within_memory(bytes: u64) -> Result<(), SizeError> {
    let limit = memory_limit();
    if bytes <= limit.bytes {
        return Ok(());
    }
    Err(SizeError::Memory {
        bytes,
        free: limit.bytes,
        why: limit.why,
    })
}

/// Reads a whole file whose size `check` accepts.
///
/// # Errors
/// Why it cannot be read; what `check` finds.
pub fn read_within_memory<E: From<FileError>>(
    path: &Path,
    check: impl FnOnce(u64) -> Result<(), E>,
) -> Result<Vec<u8>, E> {
    let file = open_seekable(path).map_err(FileError::Io)?;
    let len = file.metadata().map_err(FileError::Io)?.len();
    check(len)?;
    within_memory(len).map_err(FileError::Size)?;
    let mut bytes = Vec::with_capacity(len as usize);
    let mut file = file.take(len);
    file.read_to_end(&mut bytes).map_err(FileError::Io)?;
    match bytes.len() as u64 == len {
        true => Ok(bytes),
        false => Err(FileError::Shorter.into()),
    }
}

/// The most bytes of a file of names.
const SMALL_FILE: u64 = 1 << 20;

/// Reads a file that is small, such as a list of class names.
///
/// # Errors
/// Why it cannot be read.
pub fn read_small(path: &Path) -> Result<Vec<u8>, FileError> {
    read_within_memory(path, |len| match len <= SMALL_FILE {
        true => Ok(()),
        false => Err(FileError::Long {
            len,
            most: SMALL_FILE,
        }),
    })
}
