//! What a container of `torch.save` holds, of either kind.

use super::super::error::ImportFault;
use super::super::number_type::ByteOrder;
use super::super::pickle::value::{Heap, Id};

/// The saved object, and the storages of which its tensors are views.
pub struct Container {
    /// The values of its pickle.
    pub heap: Heap,
    /// The saved object.
    pub root: Id,
    /// Where the bytes of storages lie.
    pub storages: Box<dyn Storages>,
    /// The byte order of their numbers.
    pub order: ByteOrder,
}

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
