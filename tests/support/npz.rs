//! Writes NumPy's files: arrays (`.npy`) and archives of them (`.npz`).

use std::io::Write;

use flate2::Compression;
use flate2::Crc;
use flate2::write::DeflateEncoder;

/// An array: a type such as "<u2", a shape such as "(2, 3)", the bytes of the values.
pub fn npy(descr: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let len = (head.len() as u16).to_le_bytes();
    [&b"\x93NUMPY\x01\0"[..], &len, head.as_bytes(), bytes].concat()
}

/// An archive of named arrays, deflated as `numpy.savez_compressed` does.
pub fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in arrays {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        let packed = encoder.finish().unwrap();
        let mut sum = Crc::new();
        sum.update(bytes);
        let name = format!("{name}.npy");
        // version, flags, method 8, time, date, sum, sizes, lengths of name and extra
        let mut common = [20u16, 0, 8, 0, 33].map(u16::to_le_bytes).concat();
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
    let (begin, count) = (out.len() as u32, arrays.len() as u16);
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count, count].map(u16::to_le_bytes).concat());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(begin.to_le_bytes());
    out.extend([0, 0]);
    out
}
