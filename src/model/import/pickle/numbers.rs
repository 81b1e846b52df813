//! Numbers as a pickle writes them: as text in protocol 0, as little-endian bytes in the others.

use super::fault::PickleFault;
use super::input::Input;
use super::value::Value;

/// The most bytes of a whole number that is kept.
const MAX_INT: usize = 16;

/// The number, truth value or `None` that an opcode gives.
///
/// # Errors
/// A pickle that ends; text that is no number.
pub fn read_number(op: u8, input: &mut Input) -> Result<Value, PickleFault> {
    Ok(match op {
        b'N' => Value::None,
        0x88 | 0x89 => Value::Bool(op == 0x88),
        b'I' => match &*input.line()? {
            b"00" => Value::Bool(false),
            b"01" => Value::Bool(true),
            digits => from_text(digits)?,
        },
        b'L' => {
            let line = input.line()?;
            from_text(line.strip_suffix(b"L").unwrap_or(&line))?
        }
        b'J' => Value::Int(i32::from_le_bytes(input.array()?).into()),
        b'K' => Value::Int(input.byte()?.into()),
        b'M' => Value::Int(u16::from_le_bytes(input.array()?).into()),
        b'F' => {
            input.line()?;
            Value::Opaque
        }
        b'G' => {
            input.array::<8>()?;
            Value::Opaque
        }
        0x8a => {
            let len = input.byte()?;
            from_bytes(&input.bytes(len.into())?)
        }
        0x8b => {
            let len = u32::from_le_bytes(input.array()?);
            from_bytes(&input.bytes(len.into())?)
        }
        op => return Err(PickleFault::Opcode(op)),
    })
}

fn from_text(digits: &[u8]) -> Result<Value, PickleFault> {
    let text = std::str::from_utf8(digits).map(str::trim);
    let is_number = |text: &str| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    match text {
        Ok(text) if is_number(text) => Ok(text.parse().map_or(Value::Opaque, Value::Int)),
        _ => Err(PickleFault::Damaged("a number has other than digits")),
    }
}

/// Two's complement, the lowest byte first, of any length.
fn from_bytes(bytes: &[u8]) -> Value {
    if bytes.len() > MAX_INT {
        return Value::Opaque;
    }
    let is_negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
    let mut all = [if is_negative { 0xFF } else { 0 }; MAX_INT];
    all[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i128::from_le_bytes(all))
}
