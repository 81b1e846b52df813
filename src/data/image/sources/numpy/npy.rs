//! NumPy's `.npy` format: a header with type, order and shape, then the values. Only numbers, strings and booleans are
//! read; Python objects (pickles) are refused. The header is untrusted: memory grows with the values that are read, not
//! with the claimed size.
//!
//! The format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

use std::io::Read;

use super::error::{HeadError, NumpyError};
use crate::data::files::error::FileError;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The most bytes of a header; three lines are usual.
const MAX_HEAD: usize = 1 << 16;
/// Images have four dimensions, at most.
const MAX_DIMENSIONS: usize = 8;

/// The type of an array's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Booleans, one byte each.
    Bool,
    /// Whole numbers from 0.
    Unsigned,
    /// Whole numbers.
    Signed,
    /// Floats of 16, 32 or 64 bits.
    Float,
    /// Strings of 32-bit characters, padded with zeros.
    Unicode,
    /// Strings of bytes, padded with zeros.
    Bytes,
}

/// An array: values in C order.
#[derive(Debug)]
pub struct Array {
    /// The type of the values.
    pub kind: Kind,
    /// Bytes per value.
    pub width: usize,
    /// The extents.
    pub shape: Vec<usize>,
    /// The values, the lower byte first.
    bytes: Vec<u8>,
}

struct Head {
    kind: Kind,
    width: usize,
    big_endian: bool,
    fortran: bool,
    shape: Vec<usize>,
    /// Bytes of all values.
    len: u64,
}

impl Array {
    /// Reads a whole array; `check` validates the number of bytes that the header claims.
    ///
    /// # Errors
    /// Why it is no array that can be read; what `check` finds.
    pub fn read<E: Into<NumpyError>>(
        mut from: impl Read,
        check: impl FnOnce(u64) -> Result<(), E>,
    ) -> Result<Array, NumpyError> {
        let head = Head::read(&mut from)?;
        check(head.len).map_err(Into::into)?;
        let mut bytes = Vec::new();
        let read = from.take(head.len + 1).read_to_end(&mut bytes);
        read.map_err(FileError::Io)?;
        let (found, claimed) = (bytes.len() as u64, head.len);
        if found != claimed {
            let shape = head.shape;
            return Err(match found < claimed {
                true => NumpyError::Short {
                    found,
                    claimed,
                    shape,
                },
                false => NumpyError::Long { claimed, shape },
            });
        }
        let unit = if head.kind == Kind::Unicode {
            4
        } else {
            head.width
        };
        if head.big_endian && unit > 1 {
            bytes.chunks_exact_mut(unit).for_each(<[u8]>::reverse);
        }
        if head.fortran && head.shape.len() > 1 {
            bytes = in_c_order(&bytes, &head.shape, head.width);
        }
        Ok(Array {
            kind: head.kind,
            width: head.width,
            shape: head.shape,
            bytes,
        })
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.width
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of all values, the lower one first.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Each value's bytes.
    pub fn values(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks_exact(self.width)
    }

    /// A value as a number; whole numbers beyond 2^53 are rounded, texts are none.
    pub fn number(&self, bytes: &[u8]) -> f64 {
        let unsigned = bytes
            .iter()
            .rev()
            .fold(0u64, |all, &byte| all << 8 | u64::from(byte));
        match (self.kind, self.width) {
            (Kind::Bool, _) => f64::from(u8::from(unsigned != 0)),
            (Kind::Unsigned, _) => unsigned as f64,
            (Kind::Signed, width) => {
                let unused = 64 - 8 * width as u32;
                ((unsigned << unused) as i64 >> unused) as f64
            }
            (Kind::Float, 2) => f64::from(half(unsigned as u16)),
            (Kind::Float, 4) => f64::from(f32::from_bits(unsigned as u32)),
            (Kind::Float, _) => f64::from_bits(unsigned),
            (Kind::Unicode | Kind::Bytes, _) => f64::NAN,
        }
    }

    /// A value of a text array.
    pub fn text(&self, bytes: &[u8]) -> String {
        if self.kind == Kind::Bytes {
            let end = bytes
                .iter()
                .rposition(|&byte| byte != 0)
                .map_or(0, |last| last + 1);
            return String::from_utf8_lossy(&bytes[..end]).into_owned();
        }
        let characters = bytes.chunks_exact(4).map(|four| {
            let number = four
                .iter()
                .rev()
                .fold(0, |all, &byte| all << 8 | u32::from(byte));
            char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER)
        });
        let text: String = characters.collect();
        text.trim_end_matches('\0').to_string()
    }
}

/// A float of 16 bits: a sign, 5 bits of exponent, 10 of fraction.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    let value = match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -value } else { value }
}

/// Converts values from Fortran order to C order.
fn in_c_order(bytes: &[u8], shape: &[usize], width: usize) -> Vec<u8> {
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = width;
    for extent in shape {
        strides.push(stride);
        stride *= extent;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    while out.len() < bytes.len() {
        out.extend_from_slice(&bytes[at..at + width]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    out
}

impl Head {
    fn read(from: &mut impl Read) -> Result<Head, NumpyError> {
        let fail = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => NumpyError::Head,
            _ => FileError::Io(error).into(),
        };
        let mut begin = [0; 8];
        from.read_exact(&mut begin).map_err(fail)?;
        let [magic @ .., version, _] = begin;
        if magic != *MAGIC {
            return Err(NumpyError::Magic(magic));
        }
        let len = match version {
            1 => {
                let mut len = [0; 2];
                from.read_exact(&mut len).map_err(fail)?;
                usize::from(u16::from_le_bytes(len))
            }
            2 | 3 => {
                let mut len = [0; 4];
                from.read_exact(&mut len).map_err(fail)?;
                u32::from_le_bytes(len) as usize
            }
            version => return Err(NumpyError::Version(version)),
        };
        if len > MAX_HEAD {
            let most = MAX_HEAD;
            return Err(NumpyError::LongHead { len, most });
        }
        let mut text = vec![0; len];
        from.read_exact(&mut text).map_err(fail)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        Head::parse(&text).map_err(|error| NumpyError::Unclear {
            error,
            text: text.trim().to_string(),
        })
    }

    /// Parses `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
    fn parse(text: &str) -> Result<Head, HeadError> {
        let after = |key: &'static str| -> Result<&str, HeadError> {
            let quoted = [format!("'{key}'"), format!("\"{key}\"")];
            let found = quoted
                .iter()
                .find_map(|key| Some(text.split_once(key.as_str())?.1));
            let value = found.and_then(|rest| rest.trim_start().strip_prefix(':'));
            value.map(str::trim_start).ok_or(HeadError::Missing(key))
        };
        let fortran = match after("fortran_order")? {
            value if value.starts_with("True") => true,
            value if value.starts_with("False") => false,
            _ => return Err(HeadError::Order),
        };
        let shape = after("shape")?
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(')'));
        let shape: Option<Vec<usize>> = shape.and_then(|(list, _)| {
            let numbers = list
                .split(',')
                .map(str::trim)
                .filter(|number| !number.is_empty());
            numbers.map(|number| number.parse().ok()).collect()
        });
        let shape = shape
            .filter(|shape| shape.len() <= MAX_DIMENSIONS)
            .ok_or(HeadError::Missing("shape"))?;
        let descr = after("descr")?;
        let quote = descr.chars().next().filter(|quote| "'\"".contains(*quote));
        let quote = quote.ok_or(HeadError::Record)?;
        let descr = descr[1..].split_once(quote).ok_or(HeadError::DescrEnd)?.0;
        let (kind, width, big_endian) = parse_type(descr)?;
        let len = shape
            .iter()
            .try_fold(width as u64, |all, &extent| all.checked_mul(extent as u64));
        let len = len.filter(|len| *len < 1 << 44).ok_or(HeadError::Values)?;
        Ok(Head {
            kind,
            width,
            big_endian,
            fortran,
            shape,
            len,
        })
    }
}

/// A type such as "<f4", "|u1", ">i2", "<U12".
fn parse_type(descr: &str) -> Result<(Kind, usize, bool), HeadError> {
    let unknown = || HeadError::Type(descr.to_string());
    let order = descr
        .chars()
        .next()
        .filter(|order| "<>|=".contains(*order))
        .ok_or_else(unknown)?;
    let mut rest = descr[1..].chars();
    let kind = match rest.next().ok_or_else(unknown)? {
        'b' => Kind::Bool,
        'u' => Kind::Unsigned,
        'i' => Kind::Signed,
        'f' => Kind::Float,
        'U' => Kind::Unicode,
        'S' | 'a' => Kind::Bytes,
        'O' => return Err(HeadError::Objects),
        _ => return Err(unknown()),
    };
    let size: usize = rest.as_str().parse().map_err(|_| unknown())?;
    let width = if kind == Kind::Unicode {
        size.saturating_mul(4)
    } else {
        size
    };
    let known = match kind {
        Kind::Bool => width == 1,
        Kind::Unsigned | Kind::Signed => [1, 2, 4, 8].contains(&width),
        Kind::Float => [2, 4, 8].contains(&width),
        Kind::Unicode | Kind::Bytes => (1..=4096).contains(&width),
    };
    known
        .then_some((kind, width, order == '>'))
        .ok_or_else(unknown)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// An array as NumPy writes it.
    pub fn npy(descr: &str, fortran: bool, shape: &str, bytes: &[u8]) -> Vec<u8> {
        let order = if fortran { "True" } else { "False" };
        let head =
            format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let len = (head.len() as u16).to_le_bytes();
        [&b"\x93NUMPY\x01\0"[..], &len, head.as_bytes(), bytes].concat()
    }

    fn read(bytes: &[u8]) -> Result<Array, NumpyError> {
        Array::read(bytes, |_| Ok::<_, NumpyError>(()))
    }

    fn numbers(bytes: &[u8]) -> Vec<f64> {
        let array = read(bytes).expect("an array");
        array.values().map(|value| array.number(value)).collect()
    }

    #[test]
    fn numbers_of_every_type_and_byte_order_are_read() {
        assert_eq!(
            numbers(&npy("|u1", false, "(3,)", &[1, 2, 255])),
            [1.0, 2.0, 255.0]
        );
        assert_eq!(numbers(&npy("|i1", false, "(1,)", &[0xFF])), [-1.0]);
        assert_eq!(numbers(&npy("<u2", false, "(1,)", &[1, 2])), [513.0]);
        assert_eq!(numbers(&npy(">u2", false, "(1,)", &[1, 2])), [258.0]);
        assert_eq!(
            numbers(&npy("<i8", false, "(1,)", &(-7i64).to_le_bytes())),
            [-7.0]
        );
        assert_eq!(
            numbers(&npy(">f4", false, "(1,)", &0.5f32.to_be_bytes())),
            [0.5]
        );
        assert_eq!(
            numbers(&npy("<f8", false, "()", &1.25f64.to_le_bytes())),
            [1.25]
        );
        // 0x3E00 is 1.5 in 16 bits, 0x0001 the smallest number
        assert_eq!(
            numbers(&npy("<f2", false, "(2,)", &[0, 0x3E, 1, 0])),
            [1.5, f64::from(2f32.powi(-24))]
        );
        assert_eq!(numbers(&npy("|b1", false, "(2,)", &[0, 1])), [0.0, 1.0]);
    }

    #[test]
    fn fortran_order_becomes_c_order() {
        // [[1, 2, 3], [4, 5, 6]] column by column
        assert_eq!(
            numbers(&npy("|u1", true, "(2, 3)", &[1, 4, 2, 5, 3, 6])),
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
        );
    }

    #[test]
    fn texts_are_read() {
        let wide: Vec<u8> = "ab\0é"
            .chars()
            .flat_map(|c| (c as u32).to_le_bytes())
            .collect();
        let array = read(&npy("<U2", false, "(2,)", &wide)).expect("texts");
        let texts: Vec<String> = array.values().map(|value| array.text(value)).collect();
        assert_eq!(texts, ["ab", "\0é"]);
        let array = read(&npy("|S3", false, "(2,)", b"abcd\0\0")).expect("texts");
        let texts: Vec<String> = array.values().map(|value| array.text(value)).collect();
        assert_eq!(texts, ["abc", "d"]);
    }

    #[test]
    fn what_is_no_whole_array_is_reported() {
        let message = |bytes: &[u8]| read(bytes).expect_err("no array").to_string();
        assert!(message(b"PK\x03\x04....").contains("begins with [50, 4b"));
        assert!(message(&npy("|u1", false, "(3,)", &[1])).contains("holds 1 of the 3 bytes"));
        assert!(message(&npy("|u1", false, "(1,)", &[1, 2])).contains("more bytes than the 1"));
        assert!(message(&npy("|O", false, "(1,)", &[1])).contains("Python objects"));
        assert!(message(&npy("<c8", false, "(1,)", &[1; 8])).contains("type <c8"));
        let huge = format!("({0}, {0}, {0})", u64::MAX);
        assert!(message(&npy("|u1", false, &huge, &[])).contains("no shape") || usize::BITS == 64);
        assert!(
            message(&npy("|u1", false, "(9000000000, 9000000000)", &[])).contains("more values")
        );
        assert!(message(&npy("|u1", false, "(-1,)", &[])).contains("no shape"));
        assert!(message(b"\x93NUMPY\x02\0\xff\xff\xff\xff").contains("a head of 4294967295 bytes"));
    }
}
