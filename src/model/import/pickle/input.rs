//! The bytes of a pickle, read once from front to back, within a limit.

use std::io::{BufRead, Read};

use super::fault::PickleFault;

/// The most bytes of a number or name that ends with its line.
const MAX_LINE: u64 = 1 << 16;

/// See the module.
pub struct Input<'a> {
    from: &'a mut dyn BufRead,
    used: u64,
    limit: u64,
}

impl Input<'_> {
    /// What `from` gives, at most `limit` bytes of it.
    pub fn new(from: &mut dyn BufRead, limit: u64) -> Input<'_> {
        Input {
            from,
            used: 0,
            limit,
        }
    }

    /// Bytes that were read.
    pub fn used(&self) -> u64 {
        self.used
    }

    fn count(&mut self, len: u64) -> Result<(), PickleFault> {
        self.used = self.used.saturating_add(len);
        match self.used <= self.limit {
            true => Ok(()),
            false => Err(PickleFault::TooLong(self.limit)),
        }
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleFault> {
        self.count(N as u64)?;
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// The next byte.
    pub fn byte(&mut self) -> Result<u8, PickleFault> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// The next `len` bytes; room is made for those that are there.
    pub fn bytes(&mut self, len: u64) -> Result<Vec<u8>, PickleFault> {
        self.count(len)?;
        let mut bytes = Vec::new();
        Read::take(&mut *self.from, len).read_to_end(&mut bytes)?;
        match bytes.len() as u64 == len {
            true => Ok(bytes),
            false => Err(PickleFault::Cut),
        }
    }

    /// The bytes up to the end of the line, without it.
    pub fn line(&mut self) -> Result<Vec<u8>, PickleFault> {
        let mut bytes = Vec::new();
        Read::take(&mut *self.from, MAX_LINE).read_until(b'\n', &mut bytes)?;
        self.count(bytes.len() as u64)?;
        match bytes.pop() {
            Some(b'\n') => {
                bytes.pop_if(|last| *last == b'\r');
                Ok(bytes)
            }
            _ if bytes.len() as u64 >= MAX_LINE - 1 => {
                Err(PickleFault::Damaged("a line has no end"))
            }
            _ => Err(PickleFault::Cut),
        }
    }
}
