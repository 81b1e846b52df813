//! The bytes that tensors are views of.

use super::super::error::ImportFault;

/// Where the bytes of storages come from.
pub trait Storages: Send + Sync {
    /// The size of the storage of that key, bytes; `None` where there is none.
    fn size(&self, key: &str) -> Option<u64>;

    /// The `len` bytes from `offset` on of a storage that has them.
    ///
    /// # Errors
    /// Damage, or as the system says.
    fn bytes(&self, key: &str, offset: u64, len: u64) -> Result<Vec<u8>, ImportFault>;
}
