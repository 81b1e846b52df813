//! The header of an object: a list of messages, in one block or several.

use std::collections::HashSet;

use super::bytes::{Bytes, Cursor};
use super::fault::Hdf5Fault;

/// The most blocks of a header.
const MAX_BLOCKS: usize = 256;
/// The most bytes of a block: attributes lie there, too.
const MAX_BLOCK: u64 = 1 << 20;
/// The message that names another block.
const CONTINUATION: u16 = 0x10;

/// One message.
pub struct Message {
    /// What it is of: 1 the sizes of a dataset, 3 its numbers, 8 where they lie, and so on.
    pub kind: u16,
    /// Whether it only names a message that is elsewhere.
    pub is_shared: bool,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// How messages begin, which the version tells.
#[derive(Clone, Copy)]
enum Style {
    /// Version 1: 8 bytes, and messages at multiples of 8.
    First,
    /// Version 2: 4 bytes, or 6 where the order of creation is kept.
    Second { has_order: bool },
}

/// Reads the messages of the object whose header is at an address.
///
/// # Errors
/// Damage; more blocks than a header has.
pub fn read_messages(bytes: &Bytes, address: u64) -> Result<Vec<Message>, Hdf5Fault> {
    let what = "an object's header";
    let begin = bytes.part(what, address, 4)?;
    let (style, first, len) = match &begin[..] {
        b"OHDR" => second_head(bytes, address)?,
        [1, ..] => {
            let head = bytes.part(what, address, 16)?;
            let len = bytes.cursor(what, &head[8..12]).number(4)?;
            (Style::First, address + 16, len)
        }
        _ => return Err(Hdf5Fault::Damaged("an object has no header")),
    };
    let mut messages = Vec::new();
    let mut seen = HashSet::new();
    let mut open = vec![(first, len)];
    while let Some((at, len)) = open.pop() {
        if len > MAX_BLOCK || seen.len() >= MAX_BLOCKS {
            return Err(Hdf5Fault::TooMany("blocks in a header", MAX_BLOCKS));
        }
        if !seen.insert(at) {
            return Err(Hdf5Fault::Damaged("a header leads back into itself"));
        }
        let block = bytes.part(what, at, len)?;
        let mut cursor = bytes.cursor(what, &block);
        while let Some(message) = next(&mut cursor, style)? {
            if message.kind != CONTINUATION {
                messages.push(message);
                continue;
            }
            let mut place = bytes.cursor(what, &message.data);
            let (address, len) = (place.address()?, place.length()?);
            let address = address.ok_or(Hdf5Fault::Beyond(what))?;
            open.push(match style {
                Style::First => (address, len),
                // Behind a signature, before a checksum.
                Style::Second { .. } => (address.saturating_add(4), len.saturating_sub(8)),
            });
        }
    }
    Ok(messages)
}

/// The beginning of a header of version 2: its style, and where its first messages lie.
fn second_head(bytes: &Bytes, address: u64) -> Result<(Style, u64, u64), Hdf5Fault> {
    let what = "an object's header";
    let flags = bytes.part(what, address, 6)?[5];
    let times = if flags & 0x20 != 0 { 16 } else { 0 };
    let limits = if flags & 0x10 != 0 { 4 } else { 0 };
    let width = 1 << (flags & 3);
    let at = address + 6 + times + limits;
    let len = bytes.part(what, at, width)?;
    let len = bytes.cursor(what, &len).number(width as usize)?;
    let has_order = flags & 4 != 0;
    Ok((Style::Second { has_order }, at + width, len))
}

fn next(cursor: &mut Cursor, style: Style) -> Result<Option<Message>, Hdf5Fault> {
    let head = match style {
        Style::First => 8,
        Style::Second { has_order } => 4 + if has_order { 2 } else { 0 },
    };
    if cursor.left() < head {
        return Ok(None); // a gap at the end
    }
    let (kind, len, flags) = match style {
        Style::First => {
            let (kind, len) = (cursor.number(2)? as u16, cursor.number(2)?);
            let flags = cursor.byte()?;
            cursor.take(3)?;
            (kind, len, flags)
        }
        Style::Second { has_order } => {
            let (kind, len) = (u16::from(cursor.byte()?), cursor.number(2)?);
            let flags = cursor.byte()?;
            cursor.take(if has_order { 2 } else { 0 })?;
            (kind, len, flags)
        }
    };
    Ok(Some(Message {
        kind,
        is_shared: flags & 2 != 0,
        data: cursor.take(len as usize)?.to_vec(),
    }))
}
