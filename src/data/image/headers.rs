//! What the headers of a few images tell: the channels of a split.

use super::decode::{HEADER_BYTES, MAX_TIFF, is_tiff, read_header_of};
use super::samples::Split;

/// Headers read to learn whether the pictures are grey.
const HEADERS_READ: usize = 256;

/// 1 where every header read says grey, else 3. Headers that cannot be read do not count.
pub fn infer_channels(split: &Split) -> usize {
    let step = split.len().div_ceil(HEADERS_READ).max(1);
    let mut headers = (0..split.len()).step_by(step).filter_map(|index| {
        let mut bytes = split.read_begin(index, HEADER_BYTES).ok()?;
        if is_tiff(&bytes) {
            bytes = split.read_begin(index, MAX_TIFF).ok()?;
        }
        read_header_of(&bytes).ok()
    });
    let first = headers.next();
    let grey = first.is_some_and(|header| header.channels == 1);
    if grey && headers.all(|header| header.channels == 1) {
        1
    } else {
        3
    }
}
