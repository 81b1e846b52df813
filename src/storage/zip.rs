//! Zip archives: members stored or deflated, found by the directory at the end. Whatever the directory claims is
//! checked against the file before it is believed, and every member's checksum when it is read.
//!
//! The format: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::Arc;

use flate2::Crc;
use flate2::read::DeflateDecoder;
use thiserror::Error;

use super::positional::{Section, read_at};

/// A directory of more bytes is damage, or an attack on the memory.
const MAX_DIRECTORY: u64 = 16 << 20;
/// Bytes of the end of the directory, and of the longest comment after it.
const MAX_END: u64 = 22 + 0xFFFF;
/// Bytes of a member's own head, without its name.
const LOCAL_HEAD: u64 = 30;
/// What deflate makes of a byte at best.
const DEFLATE: u64 = 1032;

/// Why an archive or one of its members is not read; words that follow its name.
#[derive(Debug, Error)]
pub enum ZipError {
    /// As the system reports.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// A damaged archive.
    #[error("is cut or damaged: {0}")]
    Archive(&'static str),
    /// A damaged member.
    #[error("is damaged: {0}")]
    Member(&'static str),
    /// A member that needs a password.
    #[error("is encrypted")]
    Encrypted,
    /// Another way of packing than deflate.
    #[error("is packed by method {0}, expected deflate or none")]
    Method(u16),
    /// A member that unpacks to more than is allowed.
    #[error("has more than {0} bytes")]
    TooLarge(u64),
}

/// An archive whose directory was read.
#[derive(Debug)]
pub struct Zip {
    file: Arc<File>,
    size: u64,
    members: Vec<ZipMember>,
    /// Whether a checksum of 0 stands for none.
    zero_is_none: bool,
}

/// The directory entry of a member.
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
    /// A file that cannot be read, or is no whole archive; members that lie over one another.
    pub fn open(file: Arc<File>) -> Result<Zip, ZipError> {
        let size = file.metadata()?.len();
        let tail_at = size.saturating_sub(MAX_END);
        let tail = part(&file, tail_at, size - tail_at)?;
        let end = (0..tail.len().saturating_sub(21))
            .rev()
            .find(|&at| tail[at..].starts_with(b"PK\x05\x06"));
        let end = end.ok_or(ZipError::Archive("its directory is missing"))?;
        let field = |at: usize, width: usize| number(&tail, end + at, width).unwrap_or_default();
        let (mut count, mut len, mut offset) = (field(10, 2), field(12, 4), field(16, 4));
        if let Some(locator) = end
            .checked_sub(20)
            .filter(|&at| tail[at..].starts_with(b"PK\x06\x07"))
        {
            let at = number(&tail, locator + 8, 8).unwrap_or(u64::MAX);
            if at > size.saturating_sub(56) {
                return Err(ZipError::Archive("its directory lies beyond its end"));
            }
            let record = part(&file, at, 56)?;
            let field = |at: usize| number(&record, at, 8).unwrap_or_default();
            (count, len, offset) = (field(32), field(40), field(48));
        }
        if len > MAX_DIRECTORY || offset.checked_add(len).is_none_or(|end| end > size) {
            return Err(ZipError::Archive("its directory is larger than it can be"));
        }
        let directory = part(&file, offset, len)?;
        let members = ZipMember::list(&directory, count)
            .ok_or(ZipError::Archive("its directory is damaged"))?;
        require_apart(&members, offset)?;
        Ok(Zip {
            file,
            size,
            members,
            zero_is_none: false,
        })
    }

    /// Takes a checksum of 0 for none, as PyTorch writes it where it is told to leave checksums out.
    pub fn with_optional_checksums(self) -> Zip {
        Zip {
            zero_is_none: true,
            ..self
        }
    }

    /// The members, in the order of the directory.
    pub fn members(&self) -> &[ZipMember] {
        &self.members
    }

    /// The place of the member of that name among the members.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|member| member.name == name)
    }

    /// Where a member's packed bytes begin.
    fn begin(&self, member: &ZipMember) -> Result<u64, ZipError> {
        let beyond = || ZipError::Member("it lies beyond the end of its archive");
        let fits = |end: &u64| *end <= self.size;
        let head_end = member.header.checked_add(LOCAL_HEAD).filter(fits);
        let head_end = head_end.ok_or_else(beyond)?;
        let local = part(&self.file, member.header, LOCAL_HEAD)?;
        let lengths =
            number(&local, 26, 2).unwrap_or_default() + number(&local, 28, 2).unwrap_or_default();
        let begin = head_end + lengths;
        let end = begin.checked_add(member.packed).filter(fits);
        if !local.starts_with(b"PK\x03\x04") || end.is_none() {
            return Err(beyond());
        }
        Ok(begin)
    }

    /// Gives the unpacked bytes of a member to `read`, and checks their sum when it has read all of them.
    ///
    /// # Errors
    /// Those of `read`, and why there are no such bytes.
    pub fn read<T, E: From<ZipError>>(
        &self,
        index: usize,
        read: impl FnOnce(&mut dyn Read) -> Result<T, E>,
    ) -> Result<T, E> {
        let member = &self.members[index];
        let (value, sum) = self.unchecked(member, read)?;
        match sum == member.crc || self.zero_is_none && member.crc == 0 {
            true => Ok(value),
            false => Err(ZipError::Member("its checksum is wrong").into()),
        }
    }

    fn unchecked<T, E: From<ZipError>>(
        &self,
        member: &ZipMember,
        read: impl FnOnce(&mut dyn Read) -> Result<T, E>,
    ) -> Result<(T, u32), E> {
        if member.encrypted {
            return Err(ZipError::Encrypted.into());
        }
        let begin = self.begin(member)?;
        let packed = Section::new(&self.file, begin, member.packed);
        match member.method {
            0 => summed(packed, read),
            8 => summed(DeflateDecoder::new(BufReader::new(packed)), read),
            method => Err(ZipError::Method(method).into()),
        }
    }

    /// The `len` bytes from `offset` on of what a member holds; with `check`, the member is read to its end and its
    /// checksum compared.
    ///
    /// # Errors
    /// A member that is damaged or shorter.
    pub fn part(
        &self,
        index: usize,
        offset: u64,
        len: u64,
        check: bool,
    ) -> Result<Vec<u8>, ZipError> {
        let member = &self.members[index];
        let end = offset.checked_add(len);
        if !member.is_possible() || end.is_none_or(|end| end > member.size) {
            return Err(ZipError::Member("its size is wrong"));
        }
        if member.method == 0 && !check && !member.encrypted {
            let begin = self.begin(member)? + offset;
            return Ok(part(&self.file, begin, len)?);
        }
        let read = |from: &mut dyn Read| -> Result<Vec<u8>, ZipError> {
            io::copy(&mut from.take(offset), &mut io::sink())?;
            let mut bytes = Vec::with_capacity(len as usize);
            from.take(len).read_to_end(&mut bytes)?;
            let rest = match check {
                true => io::copy(from, &mut io::sink())?,
                false => 0,
            };
            let is_whole = !check || offset + len + rest == member.size;
            match bytes.len() as u64 == len && is_whole {
                true => Ok(bytes),
                false => Err(ZipError::Member("its size is wrong")),
            }
        };
        match check {
            true => self.read(index, read),
            false => Ok(self.unchecked(member, read)?.0),
        }
    }

    /// What a member holds, at most `limit` bytes.
    ///
    /// # Errors
    /// A member that is larger or damaged, or whose size is not what the directory says.
    pub fn bytes(&self, index: usize, limit: u64) -> Result<Vec<u8>, ZipError> {
        let size = self.members[index].size;
        match size > limit {
            true => Err(ZipError::TooLarge(limit)),
            false => self.part(index, 0, size, true),
        }
    }
}

/// Refuses members of which one lies over another or over the directory: a small file would unpack to any size.
fn require_apart(members: &[ZipMember], directory: u64) -> Result<(), ZipError> {
    let mut spans: Vec<(u64, u64)> = Vec::with_capacity(members.len());
    for member in members {
        let len = LOCAL_HEAD + member.name_len() + member.packed.min(u64::MAX / 2);
        spans.push((member.header, member.header.saturating_add(len)));
    }
    spans.sort_unstable();
    let ends = spans.iter().map(|(_, end)| *end);
    let begins = spans.iter().skip(1).map(|(begin, _)| *begin);
    let apart = ends
        .zip(begins.chain([directory]))
        .all(|(end, begin)| end <= begin);
    match apart {
        true => Ok(()),
        false => Err(ZipError::Archive("its members lie over one another")),
    }
}

fn summed<T, E>(
    from: impl Read,
    read: impl FnOnce(&mut dyn Read) -> Result<T, E>,
) -> Result<(T, u32), E> {
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
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.sum.update(&into[..count]);
        Ok(count)
    }
}

fn part(file: &File, at: u64, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len as usize];
    read_at(file, &mut bytes, at)?;
    Ok(bytes)
}

impl ZipMember {
    /// Whether so many packed bytes can hold so many unpacked ones.
    pub fn is_possible(&self) -> bool {
        let most = match self.method {
            0 => self.packed,
            _ => self.packed.saturating_mul(DEFLATE).saturating_add(1 << 10),
        };
        self.size <= most
    }

    /// A bound of the bytes of its name in the archive: a letter that replaces one of no Unicode has more.
    fn name_len(&self) -> u64 {
        self.name.chars().count() as u64
    }

    /// The entries of a directory; `None` if it is damaged.
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

    fn open(bytes: &[u8]) -> Result<Zip, ZipError> {
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("a.npz");
        std::fs::write(&path, bytes).expect("a file");
        Zip::open(Arc::new(File::open(path).expect("a file")))
    }

    #[test]
    fn a_stored_member_is_read_and_its_sum_is_checked() {
        let zip = open(HELLO).expect("an archive");
        assert_eq!(
            (zip.members()[0].name.as_str(), zip.members()[0].size),
            ("a.npy", 5)
        );
        assert_eq!(zip.find("a.npy"), Some(0));
        assert_eq!(zip.bytes(0, 5).expect("whole"), b"hello");
        let error = zip.bytes(0, 4).expect_err("too large").to_string();
        assert_eq!(error, "has more than 4 bytes");
        let mut damaged = HELLO.to_vec();
        damaged[36] ^= 1;
        let message = open(&damaged)
            .expect("an archive")
            .bytes(0, 5)
            .expect_err("damaged");
        assert!(message.to_string().contains("checksum"), "{message}");
    }

    #[test]
    fn a_directory_that_claims_too_much_is_refused() {
        let cut = open(&HELLO[..60]).expect_err("cut").to_string();
        assert!(cut.contains("directory is missing"), "{cut}");
        let end = HELLO.len() - 22;
        for (at, value) in [(end + 12, 0xFF), (end + 16, 0xFF), (end + 10, 9)] {
            let mut bytes = HELLO.to_vec();
            bytes[at..at + 1].fill(value);
            assert!(open(&bytes).is_err(), "byte {at}");
        }
        let mut bytes = HELLO.to_vec();
        bytes[40 + 20..40 + 24].fill(0xF0); // the packed size
        let message = open(&bytes).expect_err("over the directory").to_string();
        assert!(message.contains("over one another"), "{message}");
        let mut bytes = HELLO.to_vec();
        bytes[40 + 24] = 6; // the unpacked size
        let zip = open(&bytes).expect("a directory");
        assert!(!zip.members()[0].is_possible());
        let message = zip.bytes(0, 100).expect_err("beyond").to_string();
        assert!(message.contains("size is wrong"), "{message}");
    }

    #[test]
    fn members_that_share_their_bytes_are_refused() {
        let entry = &HELLO[40..40 + 51];
        let mut bytes = HELLO[..40].to_vec();
        bytes.extend([entry, entry].concat());
        bytes.extend(&HELLO[40 + 51..]);
        let end = bytes.len() - 22;
        (bytes[end + 10], bytes[end + 12]) = (2, 102);
        let message = open(&bytes).expect_err("twice").to_string();
        assert!(message.contains("over one another"), "{message}");
    }
}
