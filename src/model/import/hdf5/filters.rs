//! What was done to the bytes of a chunk before they were written, undone.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::bytes::Bytes;
use super::fault::Hdf5Fault;
use crate::model::import::unread::Unread;

/// The most filters of a dataset.
const MAX_FILTERS: u64 = 32;
/// Bytes of a checksum.
const CHECKSUM: usize = 4;
/// What deflate makes of a byte at best.
const DEFLATE: u64 = 1032;

/// One filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Packed by zlib.
    Deflate,
    /// The first bytes of all numbers, then the second ones, and so on.
    Shuffle,
    /// A checksum behind the bytes (Fletcher's of 32 bits).
    Fletcher,
}

/// Reads the message of the filters, in the order in which they were used.
///
/// # Errors
/// Damage, or a filter that is not read.
pub fn read_filters(bytes: &Bytes, message: &[u8]) -> Result<Vec<Filter>, Unread> {
    let filters = filter_ids(bytes, message)?.into_iter().map(|id| match id {
        1 => Ok(Filter::Deflate),
        2 => Ok(Filter::Shuffle),
        3 => Ok(Filter::Fletcher),
        id => Err(Unread::Filter(id)),
    });
    filters.collect()
}

fn filter_ids(bytes: &Bytes, message: &[u8]) -> Result<Vec<u64>, Hdf5Fault> {
    let mut cursor = bytes.cursor("the filters", message);
    let (version, count) = (cursor.byte()?, cursor.number(1)?);
    if count > MAX_FILTERS {
        return Err(Hdf5Fault::TooMany("filters", MAX_FILTERS as usize));
    }
    cursor.take(if version == 1 { 6 } else { 0 })?;
    let mut ids = Vec::new();
    for _ in 0..count {
        let id = cursor.number(2)?;
        let name_len = match version == 1 || id >= 256 {
            true => cursor.number(2)? as usize,
            false => 0,
        };
        cursor.take(2)?; // flags
        let values = cursor.number(2)? as usize;
        let padded = version == 1;
        cursor.take(if padded {
            name_len.next_multiple_of(8)
        } else {
            name_len
        })?;
        cursor.take(4 * values + if padded && values % 2 == 1 { 4 } else { 0 })?;
        ids.push(id);
    }
    Ok(ids)
}

/// Undoes the filters of a chunk that has `len` bytes without them; `skipped` has a bit for each filter that was left
/// out. Numbers have `width` bytes.
///
/// # Errors
/// A chunk that is damaged, or has another size.
pub fn undo(
    filters: &[Filter],
    skipped: u64,
    mut bytes: Vec<u8>,
    len: usize,
    width: usize,
) -> Result<Vec<u8>, Hdf5Fault> {
    const WRONG: Hdf5Fault = Hdf5Fault::Damaged("a chunk has the wrong size");
    for (place, filter) in filters.iter().enumerate().rev() {
        if skipped >> place & 1 == 1 {
            continue;
        }
        match filter {
            Filter::Fletcher => bytes.truncate(bytes.len().checked_sub(CHECKSUM).ok_or(WRONG)?),
            Filter::Shuffle => bytes = unshuffle(&bytes, width),
            Filter::Deflate => {
                // A checksum that was put in before packing comes out with the bytes.
                let most = len as u64 + CHECKSUM as u64;
                if len as u64 > (bytes.len() as u64).saturating_mul(DEFLATE) + (1 << 10) {
                    return Err(WRONG);
                }
                let mut out = Vec::with_capacity(most as usize);
                ZlibDecoder::new(&bytes[..])
                    .take(most + 1)
                    .read_to_end(&mut out)
                    .map_err(|_| Hdf5Fault::Damaged("a chunk cannot be unpacked"))?;
                bytes = out;
            }
        }
    }
    match bytes.len() == len {
        true => Ok(bytes),
        false => Err(WRONG),
    }
}

fn unshuffle(bytes: &[u8], width: usize) -> Vec<u8> {
    let count = bytes.len() / width;
    let mut out = bytes.to_vec(); // what is left over at the end stays
    for place in 0..width {
        for number in 0..count {
            out[number * width + place] = bytes[place * count + number];
        }
    }
    out
}
