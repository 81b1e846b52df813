//! Infers the channels and the typical size of a split from the headers of a few images.

use super::decode::pixels::Header;
use super::decode::{HEADER_BYTES, MAX_TIFF, is_tiff, read_header_of};
use super::samples::Split;

/// The number of headers read to detect grey images.
const HEADERS_READ: usize = 256;

/// The number of headers read to measure the typical size.
const SIZES_READ: usize = 64;

/// The headers of about `count` images, evenly spaced over the split. Those that cannot be read are left out.
fn read_headers(split: &Split, count: usize) -> impl Iterator<Item = Header> + '_ {
    let step = split.len().div_ceil(count).max(1);
    (0..split.len()).step_by(step).filter_map(|index| {
        let mut bytes = split.read_begin(index, HEADER_BYTES).ok()?;
        if is_tiff(&bytes) {
            bytes = split.read_begin(index, MAX_TIFF).ok()?;
        }
        read_header_of(&bytes).ok()
    })
}

/// 1 where every header read is of a grey image, else 3. Headers that cannot be read do not count.
pub fn infer_channels(split: &Split) -> usize {
    let mut headers = read_headers(split, HEADERS_READ);
    let first = headers.next();
    let grey = first.is_some_and(|header| header.channels == 1);
    if grey && headers.all(|header| header.channels == 1) {
        1
    } else {
        3
    }
}

/// The median height and the median width, pixels; `None` if no header can be read.
pub fn typical_size(split: &Split) -> Option<[usize; 2]> {
    let headers: Vec<_> = read_headers(split, SIZES_READ).collect();
    let median = |mut sides: Vec<u32>| {
        sides.sort_unstable();
        sides.get(sides.len() / 2).map(|side| *side as usize)
    };
    let height = median(headers.iter().map(|header| header.height).collect())?;
    let width = median(headers.iter().map(|header| header.width).collect())?;
    Some([height, width])
}
