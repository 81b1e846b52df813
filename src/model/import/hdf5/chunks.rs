//! A dataset in chunks: boxes of equal sizes, those at the edges filled up, each of them packed by itself.

use std::collections::HashSet;

use super::bytes::Bytes;
use super::fault::Hdf5Fault;
use super::filters::{Filter, undo};
use super::tree::{MAX_LEVEL, read_node};

/// The most bytes of an unpacked chunk.
pub const MAX_CHUNK: usize = 1 << 28;
/// The most chunks of a dataset.
const MAX_CHUNKS: usize = 1 << 20;

/// Where the chunks of a dataset lie.
#[derive(Debug)]
pub struct Chunks {
    /// The tree that names them.
    pub tree: u64,
    /// The sizes of a chunk, in values.
    pub sizes: Vec<usize>,
    /// What was done to each.
    pub filters: Vec<Filter>,
    /// Bytes of a value.
    pub width: usize,
}

/// One chunk.
struct Chunk {
    /// Its first value, in values along each axis.
    begin: Vec<usize>,
    address: u64,
    /// Bytes in the file.
    packed: u64,
    /// Filters that were left out.
    skipped: u64,
}

impl Chunks {
    /// Bytes of a chunk; `None` where they are too many.
    pub fn chunk_len(&self) -> Option<usize> {
        let len = self
            .sizes
            .iter()
            .try_fold(self.width, |len, size| len.checked_mul(*size));
        len.filter(|len| *len <= MAX_CHUNK && *len > 0)
    }

    /// The bytes of all values of a dataset of this shape, row by row.
    ///
    /// # Errors
    /// Chunks that are missing or damaged.
    pub fn read(&self, bytes: &Bytes, shape: &[usize]) -> Result<Vec<u8>, Hdf5Fault> {
        let grid = shape.iter().zip(&self.sizes);
        let needed: usize = grid
            .map(|(size, chunk)| size.div_ceil((*chunk).max(1)))
            .product();
        let len = self.chunk_len().unwrap_or_default();
        if needed > MAX_CHUNKS {
            return Err(Hdf5Fault::TooMany("chunks", MAX_CHUNKS));
        }
        let mut chunks = Vec::new();
        self.list(
            bytes,
            self.tree,
            MAX_LEVEL,
            &mut HashSet::new(),
            needed,
            &mut chunks,
        )?;
        let begins: HashSet<&[usize]> = chunks.iter().map(|chunk| &chunk.begin[..]).collect();
        if begins.len() != needed || chunks.len() != needed {
            return Err(Hdf5Fault::Damaged("chunks of a dataset are missing"));
        }
        let total: usize = shape.iter().product::<usize>() * self.width;
        let mut out = Vec::new();
        for chunk in &chunks {
            if !bytes.has(chunk.address, chunk.packed) {
                return Err(Hdf5Fault::Beyond("a chunk"));
            }
            let packed = bytes.part("a chunk", chunk.address, chunk.packed)?;
            let unpacked = undo(&self.filters, chunk.skipped, packed, len, self.width)?;
            if out.is_empty() {
                out = vec![0; total]; // the first chunk is there, so the others may be
            }
            self.put(&unpacked, &chunk.begin, shape, &mut out);
        }
        Ok(out)
    }

    /// Lists the chunks of a tree, at most one more than `needed`.
    fn list(
        &self,
        bytes: &Bytes,
        node: u64,
        level: u64,
        visited: &mut HashSet<u64>,
        needed: usize,
        chunks: &mut Vec<Chunk>,
    ) -> Result<(), Hdf5Fault> {
        let key = 8 + 8 * (self.sizes.len() + 1);
        let node = read_node(bytes, visited, node, 1, level, key)?;
        for (key, child) in node.entries {
            if chunks.len() > needed {
                return Ok(());
            }
            if node.level > 0 {
                self.list(bytes, child, node.level - 1, visited, needed, chunks)?;
                continue;
            }
            let mut cursor = bytes.cursor("a chunk", &key);
            let (packed, skipped) = (cursor.number(4)?, cursor.number(4)?);
            let begin = (0..self.sizes.len()).map(|_| Ok(cursor.number(8)? as usize));
            let begin: Result<Vec<usize>, Hdf5Fault> = begin.collect();
            let begin = begin?;
            let on_grid = begin
                .iter()
                .zip(&self.sizes)
                .all(|(at, size)| at % size == 0);
            if !on_grid || !visited.insert(child) {
                return Err(Hdf5Fault::Damaged("a chunk has an impossible place"));
            }
            chunks.push(Chunk {
                begin,
                address: child,
                packed,
                skipped,
            });
        }
        Ok(())
    }

    /// Copies a chunk to its place; what lies beyond the shape is left out.
    fn put(&self, chunk: &[u8], begin: &[usize], shape: &[usize], out: &mut [u8]) {
        let rank = shape.len();
        let Some(last) = rank.checked_sub(1) else {
            out.copy_from_slice(&chunk[..out.len()]);
            return;
        };
        if begin.iter().zip(shape).any(|(at, size)| at >= size) {
            return;
        }
        let run = self.sizes[last].min(shape[last] - begin[last]) * self.width;
        let rows: usize = self.sizes[..last].iter().product();
        for row in 0..rows {
            let (mut rest, mut at, mut step, mut inside) = (row, begin[last], shape[last], true);
            for axis in (0..last).rev() {
                let index = begin[axis] + rest % self.sizes[axis];
                rest /= self.sizes[axis];
                inside &= index < shape[axis];
                at += index.min(shape[axis]) * step;
                step *= shape[axis];
            }
            if inside {
                let from = row * self.sizes[last] * self.width;
                let to = at * self.width;
                out[to..to + run].copy_from_slice(&chunk[from..from + run]);
            }
        }
    }
}
