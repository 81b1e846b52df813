//! Lists the members of a tar archive by their headers alone. Untrusted sizes are checked against the size of the
//! file before memory is allocated.
//!
//! Supported are ustar, GNU's long names and PAX. Names and extended headers are read up to [`MAX_EXTENDED`]
//! bytes. Hard and symbolic links stand for the member that they name.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use tar::{EntryType, Header};

use super::error::{Damage, TarError};
use super::tar_member::{Content, Member, beside, normal, resolve_links};
use crate::data::core::left_out::short_name;
use crate::storage::open_regular;

/// The members of an archive.
#[derive(Debug, Default)]
pub struct Members {
    /// In the archive's order, links resolved.
    pub list: Vec<Member>,
    /// Whether a block of zeros is there that ends an archive.
    pub has_end: bool,
    /// Whether something other than zeros follows the end: archives put together with `cat`.
    pub has_more: bool,
}

const BLOCK: u64 = 512;
/// A long name or an extended header of more bytes is damage, or an attack on the memory.
const MAX_EXTENDED: u64 = 1 << 20;

const SPARSE: &str =
    "a sparse member, which is not unpacked; pack it again with tar without --sparse";
const SPECIAL: &str = "no plain file (a pipe or device)";

/// Reads all headers of an archive.
///
/// # Errors
/// Damage, a member that is cut off, a header that is too long.
pub fn read_members(path: &Path) -> Result<Members, TarError> {
    let file = open_regular(path)?;
    let size = file.metadata()?.len();
    let reader = Headers {
        reader: BufReader::new(file),
        at: 0,
        size,
    };
    let mut members = reader.read_all()?;
    resolve_links(&mut members.list);
    Ok(members)
}

/// Extended headers of the member that follows.
#[derive(Default)]
struct Extended {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

struct Headers {
    reader: BufReader<File>,
    at: u64,
    size: u64,
}

impl Headers {
    fn read_all(mut self) -> Result<Members, TarError> {
        let mut members = Members::default();
        let mut extended = Extended::default();
        while let Some(header) = self.next_header(&mut members.has_end)? {
            let kind = header.entry_type();
            let size = header
                .entry_size()
                .map_err(|_| self.damage(Damage::SizeNotNumber))?;
            match kind {
                EntryType::GNULongName => {
                    extended.name = Some(self.read_extended(size, "a long name")?)
                }
                EntryType::GNULongLink => {
                    extended.link = Some(self.read_extended(size, "a long link")?)
                }
                EntryType::XHeader => {
                    let bytes = self.read_extended(size, "a PAX header")?;
                    extended.read_pax(&bytes);
                }
                EntryType::XGlobalHeader => {
                    self.read_extended(size, "a global PAX header")?;
                }
                _ => {
                    let own = std::mem::take(&mut extended);
                    let member = self.member(&header, own, size)?;
                    members.list.push(member);
                }
            }
        }
        if members.has_end {
            let mut rest = Vec::new();
            self.reader.take(MAX_EXTENDED).read_to_end(&mut rest)?;
            members.has_more = rest.iter().any(|&byte| byte != 0);
        }
        Ok(members)
    }

    /// The next header; `None` at the end. Blocks of zeros end the archive.
    fn next_header(&mut self, has_end: &mut bool) -> Result<Option<Header>, TarError> {
        let mut header = Header::new_old();
        let left = self.size.saturating_sub(self.at);
        if left < BLOCK {
            return match left {
                0 => Ok(None),
                _ => Err(self.damage(Damage::EndsWithin("a header"))),
            };
        }
        let block = header.as_mut_bytes();
        self.reader.read_exact(block)?;
        self.at += BLOCK;
        if block.iter().all(|&byte| byte == 0) {
            *has_end = true;
            return Ok(None);
        }
        let sum: u32 = block
            .iter()
            .enumerate()
            .map(|(at, &byte)| {
                if (148..156).contains(&at) {
                    32
                } else {
                    u32::from(byte)
                }
            })
            .sum();
        if header.cksum().ok() != Some(sum) {
            return Err(self.damage(Damage::Checksum));
        }
        Ok(Some(header))
    }

    fn damage(&self, damage: Damage) -> TarError {
        let at = self.at;
        TarError::Damaged { damage, at }
    }

    /// Reads the content of an extended header.
    fn read_extended(&mut self, size: u64, what: &'static str) -> Result<Vec<u8>, TarError> {
        if size > MAX_EXTENDED {
            let most = MAX_EXTENDED;
            return Err(self.damage(Damage::Long { what, size, most }));
        }
        if size > self.size - self.at {
            return Err(self.damage(Damage::EndsWithin(what)));
        }
        let mut bytes = vec![0; size as usize];
        self.reader.read_exact(&mut bytes)?;
        self.at += size;
        self.skip(padding(size))?;
        Ok(bytes)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), TarError> {
        let bytes = bytes.min(self.size - self.at);
        self.reader.seek_relative(bytes as i64)?;
        self.at += bytes;
        Ok(())
    }

    /// The member of a header, whose bytes are skipped.
    fn member(
        &mut self,
        header: &Header,
        extended: Extended,
        size: u64,
    ) -> Result<Member, TarError> {
        let name = extended
            .name
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let name: Box<str> = text(&name).into();
        let kind = header.entry_type();
        if kind == EntryType::GNUSparse {
            let mut more = header.as_gnu().is_some_and(|gnu| gnu.is_extended());
            while more {
                let mut block = [0; BLOCK as usize];
                let read = self.reader.read_exact(&mut block);
                read.map_err(|_| self.damage(Damage::EndsWithin("a sparse member's map")))?;
                self.at += BLOCK;
                more = block[504] == 1;
            }
        }
        // Links have no bytes, even if their headers claim some.
        let size = match kind {
            EntryType::Link | EntryType::Symlink | EntryType::Directory => 0,
            _ => extended.size.unwrap_or(size),
        };
        let offset = self.at;
        if size > self.size - offset {
            return Err(TarError::Cut {
                name: short_name(&name).into_owned(),
                held: self.size - offset,
                size,
            });
        }
        // Far members are sought, near ones lie in the buffer already.
        match size
            .checked_add(padding(size))
            .filter(|all| *all < i64::MAX as u64)
        {
            Some(all) => self.skip(all)?,
            None => return Err(self.damage(Damage::Size)),
        }
        let link = || {
            extended
                .link
                .unwrap_or_else(|| header.link_name_bytes().unwrap_or_default().into_owned())
        };
        let content = match kind {
            EntryType::Link => Content::Link(normal(&text(&link())).unwrap_or_default().into()),
            EntryType::Symlink => {
                Content::Link(beside(&name, &text(&link())).unwrap_or_default().into())
            }
            EntryType::Directory => Content::Folder,
            EntryType::GNUSparse => Content::Nothing(SPARSE),
            _ if extended.sparse => Content::Nothing(SPARSE),
            // The oldest archives mark folders by a slash alone.
            EntryType::Regular if name.ends_with('/') => Content::Folder,
            EntryType::Regular | EntryType::Continuous => Content::Bytes { offset, len: size },
            _ => Content::Nothing(SPECIAL),
        };
        Ok(Member { name, content })
    }
}

impl Extended {
    /// Reads records of the form "27 path=a/long/name.png\n"; anything else ends the reading.
    fn read_pax(&mut self, mut bytes: &[u8]) {
        while let Some(blank) = bytes.iter().position(|&byte| byte == b' ') {
            let len = std::str::from_utf8(&bytes[..blank])
                .ok()
                .and_then(|n| n.parse::<usize>().ok());
            let Some(record) = len.and_then(|len| bytes.get(blank + 1..len)) else {
                return;
            };
            bytes = &bytes[blank + 1 + record.len()..];
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            let Some(equals) = record.iter().position(|&byte| byte == b'=') else {
                continue;
            };
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            match key {
                b"path" | b"GNU.sparse.name" => self.name = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => self.size = text(value).parse().ok(),
                _ => {}
            }
            self.sparse |= key.starts_with(b"GNU.sparse.");
        }
    }
}

fn padding(size: u64) -> u64 {
    (BLOCK - size % BLOCK) % BLOCK
}

/// A name without the zeros that end it.
fn text(bytes: &[u8]) -> String {
    let end = bytes
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::image::sources::webdataset::tar_member::LINK_AWAY;

    fn header(kind: EntryType, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        header
    }

    fn written(
        add: impl FnOnce(&mut tar::Builder<Vec<u8>>),
    ) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("a.tar");
        let mut builder = tar::Builder::new(Vec::new());
        add(&mut builder);
        std::fs::write(&path, builder.into_inner().expect("an archive")).expect("a file");
        (folder, path)
    }

    fn add_file(builder: &mut tar::Builder<Vec<u8>>, name: &str, bytes: &[u8]) {
        let mut header = header(EntryType::Regular, bytes.len() as u64);
        builder
            .append_data(&mut header, name, bytes)
            .expect("a member");
    }

    fn add_link(builder: &mut tar::Builder<Vec<u8>>, kind: EntryType, name: &str, target: &str) {
        let mut header = header(kind, 0);
        builder
            .append_link(&mut header, name, target)
            .expect("a member");
    }

    #[test]
    fn links_stand_for_the_members_that_they_name() {
        let long = format!("{}/1.png", "deep/".repeat(40));
        let (_folder, path) = written(|builder| {
            add_file(builder, &long, b"abc");
            add_link(builder, EntryType::Link, "red/copy.png", &long);
            add_link(
                builder,
                EntryType::Symlink,
                "red/link.png",
                "../red/copy.png",
            );
            add_link(
                builder,
                EntryType::Symlink,
                "red/up.png",
                "../../etc/passwd",
            );
            add_link(builder, EntryType::Symlink, "a", "b");
            add_link(builder, EntryType::Symlink, "b", "a");
        });
        let members = read_members(&path).expect("an archive");
        assert!(members.has_end);
        assert_eq!(*members.list[0].name, *long);
        let bytes = |index: usize| match &members.list[index].content {
            Content::Bytes { offset, len } => (*offset, *len),
            other => panic!("{other:?}"),
        };
        assert_eq!((bytes(1), bytes(2)), (bytes(0), bytes(0)));
        assert_eq!(bytes(0).1, 3);
        for away in &members.list[3..] {
            assert_eq!(away.content, Content::Nothing(LINK_AWAY), "{}", away.name);
        }
    }

    #[test]
    fn an_archive_without_its_end_says_so_and_one_cut_within_a_member_names_it() {
        let (_folder, path) = written(|builder| add_file(builder, "1.png", &[7; 600]));
        let whole = std::fs::read(&path).expect("a file");
        let read = |len: usize| {
            std::fs::write(&path, &whole[..len]).expect("a file");
            read_members(&path)
        };
        assert!(!read(512 + 1024).expect("members").has_end);
        let message = read(512 + 600).expect("members without padding").list.len();
        assert_eq!(message, 1);
        let message = read(900).expect_err("a cut member").to_string();
        assert!(
            message.contains("ends early") && message.contains("1.png"),
            "{message}"
        );
        let message = read(300).expect_err("a cut header").to_string();
        assert!(message.contains("ends within a header"), "{message}");
    }

    #[test]
    fn headers_that_claim_too_much_are_refused_before_they_are_read() {
        for kind in [
            EntryType::GNULongName,
            EntryType::GNULongLink,
            EntryType::XHeader,
            EntryType::XGlobalHeader,
        ] {
            for size in [MAX_EXTENDED + 1, u64::from(u32::MAX) << 20, 5000] {
                let mut header = header(kind, size);
                header.set_cksum();
                let folder = tempfile::TempDir::new().expect("a folder");
                let path = folder.path().join("a.tar");
                std::fs::write(
                    &path,
                    [header.as_bytes().as_slice(), &[b'x'; 1024]].concat(),
                )
                .expect("a file");
                let message = read_members(&path).expect_err("too long").to_string();
                assert!(message.contains("is damaged"), "{message}");
            }
        }
    }

    #[test]
    fn sizes_and_names_of_pax_headers_are_taken_and_sparse_members_are_reported() {
        let record = |text: &str| {
            let mut len = text.len() + 2;
            while len.to_string().len() + 1 + text.len() + 1 != len {
                len += 1;
            }
            format!("{len} {text}\n")
        };
        let pax = record("path=ü/1.png") + &record("size=5");
        let sparse = record("GNU.sparse.major=1") + &record("GNU.sparse.name=2.png");
        let (_folder, path) = written(|builder| {
            for (pax, bytes) in [(&pax, &b"12345"[..]), (&sparse, b"1\n0\n9\n")] {
                let mut extended = header(EntryType::XHeader, pax.len() as u64);
                builder
                    .append_data(&mut extended, "pax", pax.as_bytes())
                    .expect("a member");
                add_file(builder, "other", bytes);
            }
        });
        let members = read_members(&path).expect("an archive").list;
        assert_eq!(&*members[0].name, "ü/1.png");
        assert!(matches!(members[0].content, Content::Bytes { len: 5, .. }));
        assert_eq!(
            (&*members[1].name, &members[1].content),
            ("2.png", &Content::Nothing(SPARSE))
        );
    }
}
