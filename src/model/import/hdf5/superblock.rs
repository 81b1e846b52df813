//! The superblock: where a file begins, how wide its addresses are, and where its root group is.

use super::bytes::{Bytes, Source};
use super::fault::Hdf5Fault;

/// The signature of a file.
const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";
/// Places in which it is looked for: other bytes may come before the file.
const PLACES: [u64; 5] = [0, 512, 1024, 2048, 4096];
/// The most bytes of a superblock.
const MAX_LEN: u64 = 128;

/// Whether bytes begin as an HDF5 file does.
pub fn is_hdf5(begin: &[u8]) -> bool {
    begin.starts_with(SIGNATURE)
}

/// Reads the superblock; the bytes by address, and the address of the root group's header.
///
/// # Errors
/// A file that is none, damaged, or of an unknown version.
pub fn read(source: Source) -> Result<(Bytes, u64), Hdf5Fault> {
    let bytes = Bytes::new(source)?;
    let begin = PLACES.into_iter().find(|at| {
        let begin = bytes.part("the signature", *at, 8);
        begin.is_ok_and(|begin| begin == SIGNATURE)
    });
    let begin = begin.ok_or(Hdf5Fault::Damaged("its signature is missing"))?;
    let len = (9..=MAX_LEN).rev().find(|len| bytes.has(begin, *len));
    let len = len.ok_or(Hdf5Fault::Beyond("the superblock"))?;
    let block = bytes.part("the superblock", begin, len)?;
    let widths = match block[8] {
        0 | 1 => block.get(13..15),
        2 | 3 => block.get(9..11),
        _ => return Err(Hdf5Fault::Damaged("its version is unknown")),
    };
    let widths = widths.ok_or(Hdf5Fault::Beyond("the superblock"))?;
    let [address_width, length_width] = [widths[0], widths[1]].map(usize::from);
    if ![2, 4, 8].contains(&address_width) || ![2, 4, 8].contains(&length_width) {
        return Err(Hdf5Fault::Damaged("its addresses have an impossible width"));
    }
    let bytes = bytes.with_layout(0, address_width, length_width);
    let mut cursor = bytes.cursor("the superblock", &block);
    let (base, root) = match block[8] {
        version @ (0 | 1) => {
            cursor.take(if version == 0 { 24 } else { 28 })?;
            let base = cursor.address()?;
            cursor.take(3 * address_width)?; // free space, end of the file, driver
            cursor.address()?; // the root's name
            (base, cursor.address()?)
        }
        _ => {
            cursor.take(12)?;
            let base = cursor.address()?;
            cursor.take(2 * address_width)?; // extension, end of the file
            (base, cursor.address()?)
        }
    };
    let root = root.ok_or(Hdf5Fault::Damaged("it has no root group"))?;
    let bytes = bytes.with_layout(base.unwrap_or(begin), address_width, length_width);
    Ok((bytes, root))
}
