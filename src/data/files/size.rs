//! How large what a file claims may be: checked against what the file holds and what the machine has, before
//! room is made for it.

use std::io::Read;
use std::path::Path;

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
    /// Why not, in words that follow the file's name.
    pub fn check(&self, len: u64, claimed: u64) -> Result<(), String> {
        if claimed > len.saturating_mul(DEFLATE).saturating_add(1 << 16) {
            return Err(format!(
                "is damaged: its {len} bytes cannot hold the {claimed} bytes that its head claims"
            ));
        }
        let most = self
            .most
            .unwrap_or_else(|| len.saturating_mul(USUAL).max(SMALL));
        if claimed > most {
            return Err(format!(
                "has {len} bytes and would unpack to {claimed}, more than {most}. If it is to be trusted, set \
                 data.max_unpacked = {claimed}, or unpack it before"
            ));
        }
        within_memory(claimed)
    }
}

/// Whether there is room for so many bytes.
///
/// # Errors
/// More bytes than the machine has free, in words that follow the file's name.
pub fn within_memory(bytes: u64) -> Result<(), String> {
    let limit = memory_limit();
    if bytes <= limit.bytes {
        return Ok(());
    }
    Err(format!(
        "needs {bytes} bytes of memory, and {} {}; split it into several files",
        limit.bytes, limit.why
    ))
}

/// Reads a whole file whose size `check` accepts.
///
/// # Errors
/// Why it cannot be read, in words that follow its name.
pub fn read_within_memory(
    path: &Path,
    check: impl FnOnce(u64) -> Result<(), String>,
) -> Result<Vec<u8>, String> {
    let fail = |error: std::io::Error| format!("cannot be read: {error}");
    let file = open_seekable(path).map_err(fail)?;
    let len = file.metadata().map_err(fail)?.len();
    check(len)?;
    within_memory(len)?;
    let mut bytes = Vec::with_capacity(len as usize);
    file.take(len).read_to_end(&mut bytes).map_err(fail)?;
    match bytes.len() as u64 == len {
        true => Ok(bytes),
        false => Err("became shorter while it was read".into()),
    }
}

/// The most bytes of a file of names.
const SMALL_FILE: u64 = 1 << 20;

/// Reads a file that is small, such as a list of class names.
///
/// # Errors
/// Why it cannot be read, in words that follow its name.
pub fn read_small(path: &Path) -> Result<Vec<u8>, String> {
    read_within_memory(path, |len| match len <= SMALL_FILE {
        true => Ok(()),
        false => Err(format!("has {len} bytes, expected at most {SMALL_FILE}")),
    })
}
