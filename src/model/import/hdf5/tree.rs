//! Trees (B-tree, version 1): groups and chunks are found by them.

use std::collections::HashSet;

use super::bytes::Bytes;
use super::fault::Hdf5Fault;

/// The most levels of a tree.
pub const MAX_LEVEL: u64 = 32;

/// A node of a tree (B-tree, version 1).
pub struct Node {
    /// 0 where its children are not nodes of the tree.
    pub level: u64,
    /// The key before each child, and the child's address.
    pub entries: Vec<(Vec<u8>, u64)>,
}

/// Reads a node of a tree of that kind, which has at most `level` and was not visited before.
///
/// # Errors
/// Damage.
pub fn read_node(
    bytes: &Bytes,
    visited: &mut HashSet<u64>,
    address: u64,
    kind: u8,
    level: u64,
    key: usize,
) -> Result<Node, Hdf5Fault> {
    let what = "a tree";
    if !visited.insert(address) {
        return Err(Hdf5Fault::Damaged("a tree leads back into itself"));
    }
    let head_len = 8 + 2 * bytes.address_width as u64;
    let head = bytes.part(what, address, head_len)?;
    let mut cursor = bytes.cursor(what, &head);
    cursor.expect(b"TREE")?;
    let (found, own, count) = (cursor.byte()?, cursor.number(1)?, cursor.number(2)?);
    if found != kind || own > level {
        return Err(Hdf5Fault::Damaged("a tree has a node of another kind"));
    }
    let entries = count * (key + bytes.address_width) as u64;
    let entries = bytes.part(what, address + head_len, entries)?;
    let mut cursor = bytes.cursor(what, &entries);
    let mut list = Vec::new();
    for _ in 0..count {
        let key = cursor.take(key)?.to_vec();
        let child = cursor.address()?.ok_or(Hdf5Fault::Beyond(what))?;
        list.push((key, child));
    }
    Ok(Node {
        level: own,
        entries: list,
    })
}
