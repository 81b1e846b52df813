//! The types of the numbers of a tensor, and their values as `f32`.

use half::{bf16, f16};

/// The type of a tensor's numbers in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberType {
    /// 64-bit floats.
    F64,
    /// 32-bit floats.
    F32,
    /// 16-bit floats, IEEE 754.
    F16,
    /// 16-bit floats with the exponent of 32-bit ones.
    Bf16,
    /// Signed whole numbers of 64 bits.
    I64,
    /// Signed whole numbers of 32 bits.
    I32,
    /// Signed whole numbers of 16 bits.
    I16,
    /// Signed whole numbers of 8 bits.
    I8,
    /// Unsigned whole numbers of 64 bits.
    U64,
    /// Unsigned whole numbers of 32 bits.
    U32,
    /// Unsigned whole numbers of 16 bits.
    U16,
    /// Unsigned whole numbers of 8 bits.
    U8,
    /// A byte that is 0 or 1.
    Bool,
}

impl NumberType {
    /// Bytes of a number.
    pub fn width(self) -> usize {
        match self {
            NumberType::F64 | NumberType::I64 | NumberType::U64 => 8,
            NumberType::F32 | NumberType::I32 | NumberType::U32 => 4,
            NumberType::F16 | NumberType::Bf16 | NumberType::I16 | NumberType::U16 => 2,
            NumberType::I8 | NumberType::U8 | NumberType::Bool => 1,
        }
    }

    /// Its name, as safetensors has it in small letters.
    pub fn name(self) -> &'static str {
        match self {
            NumberType::F64 => "f64",
            NumberType::F32 => "f32",
            NumberType::F16 => "f16",
            NumberType::Bf16 => "bf16",
            NumberType::I64 => "i64",
            NumberType::I32 => "i32",
            NumberType::I16 => "i16",
            NumberType::I8 => "i8",
            NumberType::U64 => "u64",
            NumberType::U32 => "u32",
            NumberType::U16 => "u16",
            NumberType::U8 => "u8",
            NumberType::Bool => "bool",
        }
    }

    /// The type of that name of safetensors, in capitals.
    pub fn named(name: &str) -> Option<NumberType> {
        const ALL: [NumberType; 13] = [
            NumberType::F64,
            NumberType::F32,
            NumberType::F16,
            NumberType::Bf16,
            NumberType::I64,
            NumberType::I32,
            NumberType::I16,
            NumberType::I8,
            NumberType::U64,
            NumberType::U32,
            NumberType::U16,
            NumberType::U8,
            NumberType::Bool,
        ];
        ALL.into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// The numbers of `bytes`, as near as `f32` has them.
    pub fn decode(self, bytes: &[u8], order: ByteOrder) -> Vec<f32> {
        macro_rules! numbers {
            ($kind:ty, $convert:expr) => {
                words(bytes, order, |word| {
                    ($convert)(<$kind>::from_le_bytes(word))
                })
            };
        }
        match self {
            NumberType::F64 => numbers!(f64, |x| x as f32),
            NumberType::F32 => numbers!(f32, |x| x),
            NumberType::F16 => numbers!(f16, f16::to_f32),
            NumberType::Bf16 => numbers!(bf16, bf16::to_f32),
            NumberType::I64 => numbers!(i64, |x| x as f32),
            NumberType::I32 => numbers!(i32, |x| x as f32),
            NumberType::I16 => numbers!(i16, f32::from),
            NumberType::I8 => numbers!(i8, f32::from),
            NumberType::U64 => numbers!(u64, |x| x as f32),
            NumberType::U32 => numbers!(u32, |x| x as f32),
            NumberType::U16 => numbers!(u16, f32::from),
            NumberType::U8 => numbers!(u8, f32::from),
            NumberType::Bool => numbers!(u8, |x| f32::from(u8::from(x != 0))),
        }
    }
}

/// Which byte of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// The lowest.
    Little,
    /// The highest.
    Big,
}

fn words<const N: usize>(
    bytes: &[u8],
    order: ByteOrder,
    number: impl Fn([u8; N]) -> f32,
) -> Vec<f32> {
    let (words, _) = bytes.as_chunks::<N>();
    match order {
        ByteOrder::Little => words.iter().map(|word| number(*word)).collect(),
        ByteOrder::Big => {
            let turned = |word: &[u8; N]| {
                let mut word = *word;
                word.reverse();
                number(word)
            };
            words.iter().map(turned).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_type_and_order() {
        let decode = |kind: NumberType, bytes: &[u8]| kind.decode(bytes, ByteOrder::Little);
        assert_eq!(decode(NumberType::F32, &1.5f32.to_le_bytes()), [1.5]);
        assert_eq!(decode(NumberType::F64, &0.1f64.to_le_bytes()), [0.1]);
        assert_eq!(decode(NumberType::F16, &[0x00, 0x3E]), [1.5]);
        assert_eq!(decode(NumberType::Bf16, &[0xC0, 0x3F]), [1.5]);
        assert_eq!(decode(NumberType::I8, &[0xFF, 2]), [-1.0, 2.0]);
        assert_eq!(decode(NumberType::Bool, &[0, 1, 2]), [0.0, 1.0, 1.0]);
        assert_eq!(decode(NumberType::I64, &(-3i64).to_le_bytes()), [-3.0]);
        let big = NumberType::F32.decode(&1.5f32.to_be_bytes(), ByteOrder::Big);
        assert_eq!(big, [1.5]);
        assert_eq!(NumberType::named("BF16"), Some(NumberType::Bf16));
        assert_eq!(NumberType::named("F8_E4M3"), None);
    }
}
