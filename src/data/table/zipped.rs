//! The members of a zip archive, as spreadsheets are; every size is bounded.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use crate::data::positional::read_at;

/// The most bytes of the list of members.
const MAX_LIST: u64 = 16 << 20;
/// The most bytes of a member.
const MAX_MEMBER: u64 = 512 << 20;
/// Where the end of an archive is looked for: its record and a comment.
const MAX_END: u64 = 22 + (1 << 16);

/// A member.
struct Member {
    name: String,
    method: u16,
    packed: u64,
    offset: u64,
}

/// An archive.
pub struct Zip {
    file: Arc<File>,
    size: u64,
    members: Vec<Member>,
}

fn number(bytes: &[u8], at: usize, len: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + len)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    )
}

impl Zip {
    /// Reads the list of members.
    ///
    /// # Errors
    /// What is no archive, in words that follow the file's name.
    pub fn open(file: &Arc<File>) -> Result<Zip, String> {
        let cannot = |error: std::io::Error| format!("cannot be read: {error}");
        let size = file.metadata().map_err(cannot)?.len();
        let mut zip = Zip {
            file: file.clone(),
            size,
            members: Vec::new(),
        };
        let damaged = || {
            "is a zip archive or a spreadsheet that is cut or damaged; export it as CSV".to_string()
        };
        let begin = size.saturating_sub(MAX_END);
        let end = zip.bytes(begin, size - begin)?;
        let record = (0..end.len().saturating_sub(21))
            .rev()
            .find(|&at| end[at..].starts_with(b"PK\x05\x06"));
        let record = record.ok_or_else(damaged)?;
        let list_len = number(&end, record + 12, 4).ok_or_else(damaged)?;
        let list_at = number(&end, record + 16, 4).ok_or_else(damaged)?;
        if list_len > MAX_LIST || list_at + list_len > size {
            return Err(damaged());
        }
        let list = zip.bytes(list_at, list_len)?;
        let mut at = 0;
        while list
            .get(at..)
            .is_some_and(|rest| rest.starts_with(b"PK\x01\x02"))
        {
            let field =
                |offset: usize, len: usize| number(&list, at + offset, len).ok_or_else(damaged);
            let name_len = field(28, 2)? as usize;
            let name = list.get(at + 46..at + 46 + name_len).ok_or_else(damaged)?;
            zip.members.push(Member {
                name: String::from_utf8_lossy(name).into_owned(),
                method: field(10, 2)? as u16,
                packed: field(20, 4)?,
                offset: field(42, 4)?,
            });
            at += 46 + name_len + field(30, 2)? as usize + field(32, 2)? as usize;
        }
        Ok(zip)
    }

    fn bytes(&self, offset: u64, len: u64) -> Result<Vec<u8>, String> {
        if len > self.size || offset > self.size - len {
            return Err("is an archive that is cut or damaged; export it as CSV".into());
        }
        let mut bytes = vec![0; len as usize];
        read_at(&self.file, &mut bytes, offset)
            .map_err(|error| format!("cannot be read: {error}"))?;
        Ok(bytes)
    }

    /// Whether there is a member of that name.
    pub fn holds(&self, name: &str) -> bool {
        self.members.iter().any(|member| member.name == name)
    }

    /// What a member holds; `None` where there is none of that name.
    ///
    /// # Errors
    /// One that cannot be unpacked, or is too large; in words that follow the file's name.
    pub fn member(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let Some(member) = self.members.iter().find(|member| member.name == name) else {
            return Ok(None);
        };
        let head = self.bytes(member.offset, 30)?;
        let skip = 30 + number(&head, 26, 2).unwrap_or(0) + number(&head, 28, 2).unwrap_or(0);
        let packed = self.bytes(member.offset + skip, member.packed)?;
        let mut out = Vec::new();
        let read = match member.method {
            0 => Read::take(&packed[..], MAX_MEMBER + 1).read_to_end(&mut out),
            8 => flate2::read::DeflateDecoder::new(&packed[..])
                .take(MAX_MEMBER + 1)
                .read_to_end(&mut out),
            method => {
                return Err(format!(
                    "holds {name}, packed in a way that is not read ({method}); export it as CSV"
                ));
            }
        };
        read.map_err(|error| {
            format!("holds {name}, which cannot be unpacked: {error}; export it as CSV")
        })?;
        if out.len() as u64 > MAX_MEMBER {
            return Err(format!(
                "holds {name} of more than {} MB; export it as CSV",
                MAX_MEMBER >> 20
            ));
        }
        Ok(Some(out))
    }
}
