//! Binary files that Kiln reads and does not write: IDX, NumPy's arrays and archives, zip and gzip; and images for them.

use std::io::Write;

use flate2::Compression;
use flate2::Crc;
use flate2::write::{DeflateEncoder, GzEncoder};

/// An array: a type such as "<u2", a shape such as "(2, 3)", the bytes of the values.
pub fn npy(descr: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let len = (head.len() as u16).to_le_bytes();
    [&b"\x93NUMPY\x01\0"[..], &len, head.as_bytes(), bytes].concat()
}

/// An archive of named arrays, deflated as `numpy.savez_compressed` does.
pub fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let names: Vec<String> = arrays
        .iter()
        .map(|(name, _)| format!("{name}.npy"))
        .collect();
    let bytes = arrays.iter().map(|(_, bytes)| &**bytes);
    let members: Vec<(&str, &[u8])> = names.iter().map(|name| &**name).zip(bytes).collect();
    zip(&members, true)
}

/// A zip archive; its members are deflated, or stored as they are.
pub fn zip(members: &[(&str, &[u8])], deflated: bool) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        let packed = match deflated {
            true => encoder.finish().unwrap(),
            false => bytes.to_vec(),
        };
        let mut sum = Crc::new();
        sum.update(bytes);
        let method = if deflated { 8 } else { 0 };
        // version, flags, method, time, date, sum, sizes, lengths of name and extra
        let mut common = [20u16, 0, method, 0, 33].map(u16::to_le_bytes).concat();
        common.extend(sum.sum().to_le_bytes());
        common.extend((packed.len() as u32).to_le_bytes());
        common.extend((bytes.len() as u32).to_le_bytes());
        common.extend([name.len() as u16, 0].map(u16::to_le_bytes).concat());
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&common);
        directory.extend([0; 10]); // comment, disk, attributes
        directory.extend((out.len() as u32).to_le_bytes());
        directory.extend(name.as_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(packed);
    }
    let (begin, count) = (out.len() as u32, members.len() as u16);
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count, count].map(u16::to_le_bytes).concat());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(begin.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// An IDX file: the type of its values (8: bytes), its sizes, the bytes of the values.
pub fn idx(kind: u8, sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0, kind, sizes.len() as u8];
    sizes.iter().for_each(|size| out.extend(size.to_be_bytes()));
    out.extend(bytes);
    out
}

/// The bytes, packed by gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Grey images of 6 x 6 by their number: bright above for the even ones, below for the odd; no two alike.
pub fn bright_halves(from: u32, count: u32) -> Vec<u8> {
    let pixel = |index: u32, place: u32| {
        let noise = (index * 36 + place).wrapping_mul(2_654_435_761) >> 25;
        let bright = (place < 18) == index.is_multiple_of(2);
        noise as u8 + if bright { 120 } else { 0 }
    };
    (from..from + count)
        .flat_map(|index| (0..36).map(move |place| pixel(index, place)))
        .collect()
}

/// The labels 0, 1, 0, 1, ...
pub fn alternating(count: u32) -> Vec<u8> {
    (0..count).map(|index| (index % 2) as u8).collect()
}
