//! ZIP archives as NumPy writes them: members stored or deflated, found by the directory at the end. Whatever the
//! directory claims is checked against the file before it is believed.
//!
//! The format: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use flate2::Crc;
use flate2::read::DeflateDecoder;

/// A directory of more bytes is damage, or an attack on the memory.
const MAX_DIRECTORY: u64 = 16 << 20;
/// Bytes of the end of the directory, and of the longest comment after it.
const MAX_END: u64 = 22 + 0xFFFF;

/// An archive whose directory was read.
#[derive(Debug)]
pub struct Zip {
    file: File,
    size: u64,
    members: Vec<ZipMember>,
}

/// What the directory says of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZipMember {
    /// Its name; what is no Unicode is replaced.
    pub name: String,
    /// Bytes in the archive.
    pub packed: u64,
    /// Bytes when unpacked.
    pub size: u64,
    method: u16,
    encrypted: bool,
    crc: u32,
    header: u64,
}

fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(width)?)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |all, &byte| all << 8 | u64::from(byte)),
    )
}

impl Zip {
    /// Reads the directory of an archive.
    ///
    /// # Errors
    /// Why it is no whole archive, in words that follow the file's name.
    pub fn open(mut file: File) -> Result<Zip, String> {
        let damaged = |what: &str| format!("is no whole .npz file ({what})");
        let size = file
            .metadata()
            .map_err(|error| format!("cannot be read: {error}"))?
            .len();
        let tail_at = size.saturating_sub(MAX_END);
        let tail = read_part(&mut file, tail_at, size - tail_at)?;
        let end = (0..tail.len().saturating_sub(21))
            .rev()
            .find(|&at| tail[at..].starts_with(b"PK\x05\x06"));
        let end = end.ok_or_else(|| damaged("its directory is missing; fetch it again"))?;
        let field = |at: usize, width: usize| number(&tail, end + at, width).unwrap_or_default();
        let (mut count, mut len, mut offset) = (field(10, 2), field(12, 4), field(16, 4));
        if let Some(locator) = end
            .checked_sub(20)
            .filter(|&at| tail[at..].starts_with(b"PK\x06\x07"))
        {
            let at = number(&tail, locator + 8, 8).unwrap_or(u64::MAX);
            if at > size.saturating_sub(56) {
                return Err(damaged("its directory lies beyond its end"));
            }
            let record = read_part(&mut file, at, 56)?;
            let field = |at: usize| number(&record, at, 8).unwrap_or_default();
            (count, len, offset) = (field(32), field(40), field(48));
        }
        if len > MAX_DIRECTORY || offset.checked_add(len).is_none_or(|end| end > size) {
            return Err(damaged("its directory is larger than it can be"));
        }
        let directory = read_part(&mut file, offset, len)?;
        let members = ZipMember::list(&directory, count)
            .ok_or_else(|| damaged("its directory is damaged"))?;
        Ok(Zip {
            file,
            size,
            members,
        })
    }

    /// The members, in the order of the directory.
    pub fn members(&self) -> &[ZipMember] {
        &self.members
    }

    /// Gives the unpacked bytes of a member to `read`, and checks their sum when it has read all of them.
    ///
    /// # Errors
    /// Those of `read`, and why there are no such bytes.
    pub fn read<T>(
        &mut self,
        index: usize,
        read: impl FnOnce(&mut dyn Read) -> Result<T, String>,
    ) -> Result<T, String> {
        let member = &self.members[index];
        if member.encrypted {
            return Err("is encrypted".into());
        }
        let beyond = || "is damaged: it lies beyond the end of its archive".to_string();
        let head = member
            .header
            .checked_add(30)
            .filter(|end| *end <= self.size)
            .ok_or_else(beyond)?
            - 30;
        let local = read_part(&mut self.file, head, 30)?;
        let lengths =
            number(&local, 26, 2).unwrap_or_default() + number(&local, 28, 2).unwrap_or_default();
        let begin = head + 30 + lengths;
        let end = begin
            .checked_add(member.packed)
            .filter(|end| *end <= self.size);
        if !local.starts_with(b"PK\x03\x04") || end.is_none() {
            return Err(beyond());
        }
        let fail = |error: std::io::Error| format!("cannot be read: {error}");
        self.file.seek(SeekFrom::Start(begin)).map_err(fail)?;
        let packed = (&mut self.file).take(member.packed);
        let (value, found) = match member.method {
            0 => summed(packed, read)?,
            8 => summed(DeflateDecoder::new(packed), read)?,
            method => {
                return Err(format!(
                    "is packed by method {method}, expected deflate (numpy.savez_compressed)"
                ));
            }
        };
        match found == member.crc {
            true => Ok(value),
            false => Err("is damaged: its checksum is wrong".into()),
        }
    }
}

fn summed<T>(
    from: impl Read,
    read: impl FnOnce(&mut dyn Read) -> Result<T, String>,
) -> Result<(T, u32), String> {
    let mut from = Summed {
        from,
        sum: Crc::new(),
    };
    let value = read(&mut from)?;
    Ok((value, from.sum.sum()))
}

/// Sums up what is read.
struct Summed<R> {
    from: R,
    sum: Crc,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.from.read(into)?;
        self.sum.update(&into[..count]);
        Ok(count)
    }
}

fn read_part(file: &mut File, at: u64, len: u64) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; len as usize];
    let read = file
        .seek(SeekFrom::Start(at))
        .and_then(|_| file.read_exact(&mut bytes));
    read.map_err(|error| format!("cannot be read: {error}"))?;
    Ok(bytes)
}

impl ZipMember {
    /// The entries of a directory; `None` where it is damaged.
    fn list(mut directory: &[u8], count: u64) -> Option<Vec<ZipMember>> {
        let mut members = Vec::new();
        while (members.len() as u64) < count {
            if !directory.starts_with(b"PK\x01\x02") {
                return None;
            }
            let field = |at: usize, width: usize| number(directory, at, width);
            let lengths = [field(28, 2)?, field(30, 2)?, field(32, 2)?].map(|len| len as usize);
            let [name, extra, comment] = lengths;
            let mut member = ZipMember {
                name: String::from_utf8_lossy(directory.get(46..46 + name)?).into_owned(),
                packed: field(20, 4)?,
                size: field(24, 4)?,
                method: field(10, 2)? as u16,
                encrypted: field(8, 2)? & 1 != 0,
                crc: field(16, 4)? as u32,
                header: field(42, 4)?,
            };
            member.read_extra(directory.get(46 + name..46 + name + extra)?);
            members.push(member);
            directory = directory.get(46 + name + extra + comment..)?;
        }
        Some(members)
    }

    /// Sizes of 64 bits, where those of 32 say that they are there.
    fn read_extra(&mut self, mut extra: &[u8]) {
        while let (Some(kind), Some(len)) = (number(extra, 0, 2), number(extra, 2, 2)) {
            let Some(body) = extra.get(4..4 + len as usize) else {
                return;
            };
            let mut at = 0;
            if kind == 1 {
                for value in [&mut self.size, &mut self.packed, &mut self.header] {
                    if *value == u64::from(u32::MAX) {
                        *value = number(body, at, 8).unwrap_or(*value);
                        at += 8;
                    }
                }
            }
            extra = &extra[4 + body.len()..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `numpy.savez_compressed(path, a=numpy.arange(4, dtype='u1'))` writes, but for the array's head: the text
    /// "hello", stored, as Python's zipfile writes it.
    const HELLO: &[u8] = b"PK\x03\x04\x14\0\0\0\0\0\0\0!\0\x86\xa6\x106\x05\0\0\0\x05\0\0\0\x05\0\0\0a.npyhello\
        PK\x01\x02\x14\x03\x14\0\0\0\0\0\0\0!\0\x86\xa6\x106\x05\0\0\0\x05\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\x80\x01\
        \0\0\0\0a.npyPK\x05\x06\0\0\0\0\x01\0\x01\x003\0\0\0\x28\0\0\0\0\0";

    fn open(bytes: &[u8]) -> Result<Zip, String> {
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("a.npz");
        std::fs::write(&path, bytes).expect("a file");
        Zip::open(File::open(path).expect("a file"))
    }

    fn text(zip: &mut Zip) -> Result<String, String> {
        zip.read(0, |from| {
            let mut text = String::new();
            from.read_to_string(&mut text)
                .map_err(|error| error.to_string())?;
            Ok(text)
        })
    }

    #[test]
    fn a_stored_member_is_read_and_its_sum_is_checked() {
        let mut zip = open(HELLO).expect("an archive");
        assert_eq!(
            (zip.members()[0].name.as_str(), zip.members()[0].size),
            ("a.npy", 5)
        );
        assert_eq!(text(&mut zip).as_deref(), Ok("hello"));
        let mut damaged = HELLO.to_vec();
        damaged[36] ^= 1;
        let message = text(&mut open(&damaged).expect("an archive")).expect_err("damaged");
        assert!(message.contains("checksum"), "{message}");
    }

    #[test]
    fn a_directory_that_claims_too_much_is_refused() {
        assert!(
            open(&HELLO[..60])
                .expect_err("cut")
                .contains("directory is missing")
        );
        let end = HELLO.len() - 22;
        for (at, value) in [(end + 12, 0xFF), (end + 16, 0xFF), (end + 10, 9)] {
            let mut bytes = HELLO.to_vec();
            bytes[at..at + 1].fill(value);
            assert!(open(&bytes).is_err(), "byte {at}");
        }
        let mut bytes = HELLO.to_vec();
        bytes[40 + 20..40 + 24].fill(0xF0); // the packed size
        let message = text(&mut open(&bytes).expect("a directory")).expect_err("beyond");
        assert!(message.contains("beyond the end"), "{message}");
    }
}
