//! The walk through the groups of a file.

use std::collections::HashSet;

use super::bytes::Bytes;
use super::dataset::{Dataset, read_dataset};
use super::fault::Hdf5Fault;
use super::header::{Message, read_messages};
use super::tree::{MAX_LEVEL, read_node};
use crate::model::import::tensor::MAX_NAME;
use crate::model::import::unread::Unread;

/// The most objects of a file.
const MAX_OBJECTS: usize = 1 << 16;
/// Groups within groups.
const MAX_DEPTH: usize = 64;
/// The most bytes of the names of one group.
const MAX_HEAP: u64 = 16 << 20;

const MANY_LINKS: &str = "is a group of more links than its header holds, in the newest format of HDF5, which is not \
                          read; write it with h5py's default libver";

const LINK_INFO: u16 = 0x02;
const LAYOUT: u16 = 0x08;
const LINK: u16 = 0x06;
const SYMBOL_TABLE: u16 = 0x11;

/// An object of a file that holds, or may hold, numbers.
pub struct Found {
    /// The names of the groups to it and its own, with slashes.
    pub path: String,
    /// A dataset of numbers, or why it is not read.
    pub dataset: Result<Dataset, Unread>,
}

/// Lists the datasets of a file, in the order of its groups; names that are numbers are in their order.
///
/// # Errors
/// Damage; more objects than a file of weights has.
pub fn walk(bytes: &Bytes, root: u64) -> Result<Vec<Found>, Hdf5Fault> {
    let mut walk = Walk {
        bytes,
        nodes: HashSet::new(),
        found: Vec::new(),
    };
    let (mut seen, mut count) = (HashSet::new(), 0);
    let mut open = vec![(String::new(), root, 0)];
    while let Some((path, address, depth)) = open.pop() {
        count += 1;
        if count > MAX_OBJECTS || depth > MAX_DEPTH {
            return Err(Hdf5Fault::TooMany("objects", MAX_OBJECTS));
        }
        let messages = read_messages(bytes, address)?;
        if messages.iter().any(|message| message.kind == LAYOUT) {
            if let Some(dataset) = read_dataset(bytes, &messages) {
                walk.found.push(Found { path, dataset });
            }
            continue;
        }
        if !seen.insert(address) {
            continue; // the same group under another name
        }
        let mut links = walk.links(&path, &messages)?;
        // "10" comes behind "2".
        links.sort_by_key(|(name, _)| name.parse::<u64>().ok());
        for (name, address) in links.into_iter().rev() {
            let path = match path.is_empty() {
                true => name,
                false => format!("{path}/{name}"),
            };
            if path.len() > MAX_NAME {
                return Err(Hdf5Fault::TooMany("bytes in a name", MAX_NAME));
            }
            open.push((path, address, depth + 1));
        }
    }
    Ok(walk.found)
}

struct Walk<'a> {
    bytes: &'a Bytes,
    /// Nodes of trees that were visited.
    nodes: HashSet<u64>,
    found: Vec<Found>,
}

impl Walk<'_> {
    /// Names and headers of the objects of a group.
    fn links(&mut self, path: &str, messages: &[Message]) -> Result<Vec<(String, u64)>, Hdf5Fault> {
        let mut links = Vec::new();
        for message in messages {
            let mut cursor = self.bytes.cursor("a group", &message.data);
            match message.kind {
                SYMBOL_TABLE => {
                    let (tree, heap) = (cursor.address()?, cursor.address()?);
                    if let Some((tree, heap)) = tree.zip(heap) {
                        let names = self.names(heap)?;
                        self.tree(tree, MAX_LEVEL, &names, &mut links)?;
                    }
                }
                LINK => links.extend(self.link(&message.data)?),
                LINK_INFO => {
                    cursor.byte()?;
                    let flags = cursor.byte()?;
                    cursor.take(if flags & 1 != 0 { 8 } else { 0 })?;
                    if cursor.address()?.is_some() {
                        self.found.push(Found {
                            path: if path.is_empty() { "/" } else { path }.to_string(),
                            dataset: Err(Unread::Unsupported(MANY_LINKS)),
                        });
                    }
                }
                _ => {}
            }
        }
        Ok(links)
    }

    /// The bytes of the names of a group's objects.
    fn names(&self, heap: u64) -> Result<Vec<u8>, Hdf5Fault> {
        let what = "the names of a group";
        let (lengths, addresses) = (self.bytes.length_width, self.bytes.address_width);
        let head = self
            .bytes
            .part(what, heap, 8 + 2 * lengths as u64 + addresses as u64)?;
        let mut cursor = self.bytes.cursor(what, &head);
        cursor.expect(b"HEAP")?;
        cursor.take(4)?;
        let (len, _free, at) = (cursor.length()?, cursor.length()?, cursor.address()?);
        if len > MAX_HEAP {
            return Err(Hdf5Fault::TooMany(
                "bytes of names in a group",
                MAX_HEAP as usize,
            ));
        }
        self.bytes
            .part(what, at.ok_or(Hdf5Fault::Beyond(what))?, len)
    }

    /// Follows a tree whose nodes have at most `level`, and each of which is visited once in all.
    fn tree(
        &mut self,
        node: u64,
        level: u64,
        names: &[u8],
        links: &mut Vec<(String, u64)>,
    ) -> Result<(), Hdf5Fault> {
        let children = read_node(
            self.bytes,
            &mut self.nodes,
            node,
            0,
            level,
            self.bytes.length_width,
        )?;
        for (_, child) in children.entries {
            match children.level {
                0 => self.symbols(child, names, links)?,
                level => self.tree(child, level - 1, names, links)?,
            }
        }
        Ok(())
    }

    /// The entries of a leaf.
    fn symbols(
        &mut self,
        node: u64,
        names: &[u8],
        links: &mut Vec<(String, u64)>,
    ) -> Result<(), Hdf5Fault> {
        let what = "the objects of a group";
        if !self.nodes.insert(node) {
            return Err(Hdf5Fault::Damaged("a group leads back into itself"));
        }
        let head = self.bytes.part(what, node, 8)?;
        let mut cursor = self.bytes.cursor(what, &head);
        cursor.expect(b"SNOD")?;
        cursor.take(2)?;
        let count = cursor.number(2)?;
        let width = 2 * self.bytes.address_width as u64 + 24;
        let entries = self.bytes.part(what, node + 8, count * width)?;
        let mut cursor = self.bytes.cursor(what, &entries);
        for _ in 0..count {
            let (name, address) = (cursor.number(self.bytes.address_width)?, cursor.address()?);
            cursor.take(24)?;
            let name = usize::try_from(name).ok().and_then(|at| names.get(at..));
            let name = name.ok_or(Hdf5Fault::Beyond("a name"))?;
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
            if name.len() > MAX_NAME {
                return Err(Hdf5Fault::TooMany("bytes in a name", MAX_NAME));
            }
            if let Some(address) = address {
                links.push((String::from_utf8_lossy(name).into_owned(), address));
            }
            if links.len() > MAX_OBJECTS {
                return Err(Hdf5Fault::TooMany("objects", MAX_OBJECTS));
            }
        }
        Ok(())
    }

    /// A link of the newer format; `None` where it leads to a path or another file.
    fn link(&self, message: &[u8]) -> Result<Option<(String, u64)>, Hdf5Fault> {
        let mut cursor = self.bytes.cursor("a link", message);
        cursor.byte()?; // version
        let flags = cursor.byte()?;
        let kind = if flags & 8 != 0 { cursor.byte()? } else { 0 };
        cursor.take(if flags & 4 != 0 { 8 } else { 0 })?; // order of creation
        cursor.take(if flags & 16 != 0 { 1 } else { 0 })?; // character set
        let len = cursor.number(1 << (flags & 3))?;
        let name = cursor.take(usize::try_from(len).unwrap_or(usize::MAX))?;
        if kind != 0 {
            return Ok(None);
        }
        let address = cursor.address()?;
        let name = String::from_utf8_lossy(name).into_owned();
        Ok(address.map(|address| (name, address)))
    }
}
