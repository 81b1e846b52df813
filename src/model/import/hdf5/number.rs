//! The datatype of a dataset, where it is one of numbers.

use super::bytes::Bytes;
use super::fault::Hdf5Fault;
use crate::model::import::number_type::{ByteOrder, NumberType};

/// Enumerations of enumerations that are followed.
const MAX_DEPTH: usize = 4;

/// Reads the message of a datatype; `None` where it is not one of numbers (texts, records).
///
/// # Errors
/// A message that is cut; numbers of an unusual width, in words that follow the dataset's name.
pub fn read_number_type(
    bytes: &Bytes,
    message: &[u8],
) -> Result<Option<(NumberType, ByteOrder)>, String> {
    read(bytes, message, MAX_DEPTH).map_err(|fault| fault.to_string())?
}

type Number = Result<Option<(NumberType, ByteOrder)>, String>;

fn read(bytes: &Bytes, message: &[u8], depth: usize) -> Result<Number, Hdf5Fault> {
    let mut cursor = bytes.cursor("a datatype", message);
    let class = cursor.byte()? & 0x0F;
    let bits = cursor.byte()?;
    cursor.take(2)?;
    let width = cursor.number(4)?;
    let order = match bits & 1 {
        0 => ByteOrder::Little,
        _ => ByteOrder::Big,
    };
    let unusual = |what: &str| Err(format!("holds {what} of {width} bytes, which are not read"));
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
            _ => return Ok(unusual("whole numbers")),
        },
        1 => {
            cursor.take(5)?; // offset, precision, the exponent's place
            match (width, cursor.byte()?) {
                (2, 5) => NumberType::F16,
                (2, 8) => NumberType::Bf16,
                (4, 8) => NumberType::F32,
                (8, 11) => NumberType::F64,
                _ => return Ok(unusual("floats")),
            }
        }
        // An enumeration, as h5py writes truth values: the type of its numbers follows.
        8 if depth > 0 => return read(bytes, cursor.take(cursor.left())?, depth - 1),
        _ => return Ok(Ok(None)),
    };
    Ok(Ok(Some((kind, order))))
}
