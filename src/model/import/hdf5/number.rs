//! The datatype of a dataset, where it is one of numbers.

use super::bytes::Bytes;
use crate::model::import::number_type::{ByteOrder, NumberType};
use crate::model::import::unread::Unread;

/// Enumerations of enumerations that are followed.
const MAX_DEPTH: usize = 4;

/// Reads the message of a datatype; `None` where it is not one of numbers (texts, records).
///
/// # Errors
/// A message that is cut; numbers of an unusual width.
pub fn read_number_type(
    bytes: &Bytes,
    message: &[u8],
) -> Result<Option<(NumberType, ByteOrder)>, Unread> {
    read(bytes, message, MAX_DEPTH)
}

fn read(
    bytes: &Bytes,
    message: &[u8],
    depth: usize,
) -> Result<Option<(NumberType, ByteOrder)>, Unread> {
    let mut cursor = bytes.cursor("a datatype", message);
    let class = cursor.byte()? & 0x0F;
    let bits = cursor.byte()?;
    cursor.take(2)?;
    let width = cursor.number(4)?;
    let order = match bits & 1 {
        0 => ByteOrder::Little,
        _ => ByteOrder::Big,
    };
    let unusual = |what| Err(Unread::Width { what, bytes: width });
    let kind = match class {
        0 => match (width, bits & 8 != 0) {
            (1, true) => NumberType::I8,
            (2, true) => NumberType::I16,
            (4, true) => NumberType::I32,
            (8, true) => NumberType::I64,
            (1, false) => NumberType::U8,
            (2, false) => NumberType::U16,
            (4, false) => NumberType::U32,
            (8, false) => NumberType::U64,
            _ => return unusual("whole numbers"),
        },
        1 => {
            cursor.take(5)?; // offset, precision, the exponent's place
            match (width, cursor.byte()?) {
                (2, 5) => NumberType::F16,
                (2, 8) => NumberType::Bf16,
                (4, 8) => NumberType::F32,
                (8, 11) => NumberType::F64,
                _ => return unusual("floats"),
            }
        }
        // An enumeration, as h5py writes truth values: the type of its numbers follows.
        8 if depth > 0 => return read(bytes, cursor.take(cursor.left())?, depth - 1),
        _ => return Ok(None),
    };
    Ok(Some((kind, order)))
}
