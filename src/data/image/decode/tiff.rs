//! TIFF: a tag may claim any number of values, and the decoder allocates memory for them before it checks that they
//! exist. Therefore the claims are validated first.

use super::error::DecodeError;

/// Checks that no tag of the first directory claims more values than the file has bytes for.
///
/// # Errors
/// The tag that does.
pub fn check_claims(bytes: &[u8]) -> Result<(), DecodeError> {
    let Some(directory) = Directory::find(bytes) else {
        return Ok(()); // no directory: the decoder has the last word
    };
    for index in 0..directory.len {
        let Some((tag, kind, count)) = directory.entry(index) else {
            return Ok(());
        };
        let size: u64 = match kind {
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16 | 17 | 18 => 8,
            _ => 1,
        };
        if count.saturating_mul(size) > bytes.len() as u64 {
            return Err(DecodeError::Tag { tag, count });
        }
    }
    Ok(())
}

/// The first directory of a file, classic or "big".
struct Directory<'a> {
    bytes: &'a [u8],
    little: bool,
    big: bool,
    /// Where the entries begin.
    begin: u64,
    /// Entries.
    len: u64,
}

impl Directory<'_> {
    fn find(bytes: &[u8]) -> Option<Directory<'_>> {
        let little = match bytes.get(..2)? {
            b"II" => true,
            b"MM" => false,
            _ => return None,
        };
        let mut directory = Directory {
            bytes,
            little,
            big: false,
            begin: 0,
            len: 0,
        };
        directory.big = directory.number(2, 2)? == 43;
        let (at, width, count_width) = if directory.big { (8, 8, 8) } else { (4, 4, 2) };
        let offset = directory.number(at, width)?;
        directory.len = directory.number(offset, count_width)?;
        directory.begin = offset.checked_add(count_width)?;
        Some(directory)
    }

    /// Tag, kind and number of values of an entry.
    fn entry(&self, index: u64) -> Option<(u64, u64, u64)> {
        let (stride, width) = if self.big { (20, 8) } else { (12, 4) };
        let at = self.begin.checked_add(index.checked_mul(stride)?)?;
        Some((
            self.number(at, 2)?,
            self.number(at.checked_add(2)?, 2)?,
            self.number(at.checked_add(4)?, width)?,
        ))
    }

    fn number(&self, at: u64, width: u64) -> Option<u64> {
        let begin = usize::try_from(at).ok()?;
        let bytes = self.bytes.get(begin..begin.checked_add(width as usize)?)?;
        let push = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(match self.little {
            true => bytes.iter().rev().fold(0, push),
            false => bytes.iter().fold(0, push),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A classic file of one directory with one entry: tag 257, 32-bit numbers.
    fn file(count: u32) -> Vec<u8> {
        let mut bytes = b"II\x2a\0\x08\0\0\0\x01\0".to_vec();
        bytes.extend(257u16.to_le_bytes());
        bytes.extend(4u16.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend([0; 8]);
        bytes
    }

    #[test]
    fn a_tag_may_not_claim_more_than_the_file_holds() {
        assert!(check_claims(&file(1)).is_ok());
        let message = check_claims(&file(u32::MAX))
            .expect_err("a fault")
            .to_string();
        assert!(
            message.contains("tag 257 claims 4294967295 values"),
            "{message}"
        );
    }

    #[test]
    fn what_is_no_directory_is_left_to_the_decoder() {
        for bytes in [&b""[..], b"II", b"MM\0\x2a\xff\xff\xff\xff", &file(9)[..11]] {
            assert!(check_claims(bytes).is_ok());
        }
    }
}
