//! The bytes of an HDF5 file, and numbers within a piece of them.

use std::fs::File;
use std::sync::Arc;

use super::fault::Hdf5Fault;
use crate::storage::positional::read_at;

/// Where the bytes come from.
pub enum Source {
    /// A file.
    File(Arc<File>),
    /// A member of an archive, unpacked.
    Memory(Vec<u8>),
}

/// The bytes of a file, by address.
pub struct Bytes {
    source: Source,
    size: u64,
    /// What is added to every address.
    base: u64,
    /// Bytes of an address.
    pub address_width: usize,
    /// Bytes of a length.
    pub length_width: usize,
}

impl Bytes {
    /// All bytes of a source.
    ///
    /// # Errors
    /// As the system says.
    pub fn new(source: Source) -> Result<Bytes, Hdf5Fault> {
        let size = match &source {
            Source::File(file) => file.metadata()?.len(),
            Source::Memory(bytes) => bytes.len() as u64,
        };
        Ok(Bytes {
            source,
            size,
            base: 0,
            address_width: 8,
            length_width: 8,
        })
    }

    /// The same with the widths and the base of a superblock.
    pub fn with_layout(self, base: u64, address_width: usize, length_width: usize) -> Bytes {
        Bytes {
            base,
            address_width,
            length_width,
            ..self
        }
    }

    /// Whether there are `len` bytes from an address on.
    pub fn has(&self, at: u64, len: u64) -> bool {
        let begin = self.base.checked_add(at);
        let end = begin.and_then(|begin| begin.checked_add(len));
        end.is_some_and(|end| end <= self.size)
    }

    /// The `len` bytes from an address on; `what` they are is told where they are not there.
    ///
    /// # Errors
    /// An address beyond the end.
    pub fn part(&self, what: &'static str, at: u64, len: u64) -> Result<Vec<u8>, Hdf5Fault> {
        if !self.has(at, len) {
            return Err(Hdf5Fault::Beyond(what));
        }
        let begin = self.base + at;
        match &self.source {
            Source::File(file) => {
                let mut bytes = vec![0; len as usize];
                read_at(file, &mut bytes, begin)?;
                Ok(bytes)
            }
            Source::Memory(bytes) => Ok(bytes[begin as usize..(begin + len) as usize].to_vec()),
        }
    }

    /// A cursor at the beginning of a piece.
    pub fn cursor<'a>(&self, what: &'static str, bytes: &'a [u8]) -> Cursor<'a> {
        Cursor {
            what,
            bytes,
            at: 0,
            address_width: self.address_width,
            length_width: self.length_width,
        }
    }
}

/// Reads numbers one after another.
pub struct Cursor<'a> {
    what: &'static str,
    bytes: &'a [u8],
    at: usize,
    address_width: usize,
    length_width: usize,
}

impl<'a> Cursor<'a> {
    /// The next `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Hdf5Fault> {
        let end = self.at.checked_add(len);
        let piece = end.and_then(|end| self.bytes.get(self.at..end));
        let piece = piece.ok_or(Hdf5Fault::Beyond(self.what))?;
        self.at += len;
        Ok(piece)
    }

    /// The bytes that are left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// A little-endian number of so many bytes, at most 8.
    pub fn number(&mut self, width: usize) -> Result<u64, Hdf5Fault> {
        let bytes = self.take(width)?;
        let number = bytes.iter().rev();
        Ok(number.fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }

    /// A number of one byte.
    pub fn byte(&mut self) -> Result<u8, Hdf5Fault> {
        Ok(self.take(1)?[0])
    }

    /// An address; `None` where it is that of nothing.
    pub fn address(&mut self) -> Result<Option<u64>, Hdf5Fault> {
        let none = u64::MAX >> (64 - 8 * self.address_width);
        let address = self.number(self.address_width)?;
        Ok((address != none).then_some(address))
    }

    /// A length.
    pub fn length(&mut self) -> Result<u64, Hdf5Fault> {
        self.number(self.length_width)
    }

    /// Checks and passes over a signature.
    pub fn expect(&mut self, signature: &[u8]) -> Result<(), Hdf5Fault> {
        match self.take(signature.len())? == signature {
            true => Ok(()),
            false => Err(Hdf5Fault::Damaged("a signature is wrong")),
        }
    }
}
