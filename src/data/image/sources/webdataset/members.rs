//! The images of an archive, without labels.

use std::fs::File;
use std::path::Path;

use super::error::MemberError;
use super::tar_member::Content;
use super::tar_members::read_members;
use crate::console::Show as _;
use crate::data::core::left_out::LeftOut;
use crate::data::files::kind::{HIDDEN, MAGIC_BYTES, Named, is_hidden, named, sniff};
use crate::storage::open_regular;
use crate::storage::positional::read_at;

/// The images of an archive.
pub struct ImageMembers {
    /// In the archive's order.
    pub images: Vec<ImageMember>,
    /// Members that are neither images nor labels.
    pub left_out: LeftOut,
    file: File,
}

/// An image of an archive.
pub struct ImageMember {
    name: Box<str>,
    offset: u64,
    len: u64,
}

impl ImageMembers {
    /// The name of an image and its bytes, or why they cannot be used; more than `most` bytes are not read.
    pub fn read(&self, image: &ImageMember, most: u64) -> (String, Result<Vec<u8>, MemberError>) {
        let read = || {
            if image.len > most {
                return Err(MemberError::Large(image.len));
            }
            let mut bytes = vec![0; image.len as usize];
            read_at(&self.file, &mut bytes, image.offset).map_err(MemberError::Io)?;
            Ok(bytes)
        };
        (image.name.to_string(), read())
    }
}

/// File extensions of label members.
const LABELS: [&str; 3] = [".cls", ".json", ".txt"];

/// Finds the images of an archive. Members that hold labels (`.cls`, `.json`, `.txt` beside an image) are skipped.
///
/// # Errors
/// An archive that cannot be read to its end.
pub fn image_members(path: &Path) -> Result<ImageMembers, MemberError> {
    let members = read_members(path).map_err(MemberError::Tar)?;
    let file = open_regular(path).map_err(MemberError::Io)?;
    let mut found = ImageMembers {
        images: Vec::new(),
        left_out: LeftOut::default(),
        file,
    };
    let archive = path.file_name().unwrap_or_default().shown().to_string();
    for member in members.list {
        let name = member.name;
        let (offset, len) = match member.content {
            Content::Bytes { offset, len } => (offset, len),
            Content::Folder | Content::Link(_) => continue,
            Content::Nothing(reason) => {
                found.left_out.add(reason, || format!("{archive}:{name}"));
                continue;
            }
        };
        let base = name.rsplit('/').next().unwrap_or(&name);
        let checked = match is_hidden_member(&name) {
            true => Err(HIDDEN),
            false if LABELS.iter().any(|end| base.ends_with(end)) => continue,
            false => check_image(&found.file, base, offset, len),
        };
        match checked {
            Ok(()) => found.images.push(ImageMember { name, offset, len }),
            Err(reason) => found.left_out.add(reason, || format!("{archive}:{name}")),
        }
    }
    Ok(found)
}

/// Whether a member or a folder above it is hidden.
pub fn is_hidden_member(name: &str) -> bool {
    let mut parts = name.split('/');
    parts.any(|part| part != "." && part != ".." && is_hidden(part.as_ref()))
}

/// Checks that a member is an image: by its name or, if the extension is not known, by its first bytes.
///
/// # Errors
/// Why it is none.
pub fn check_image(file: &File, base: &str, offset: u64, len: u64) -> Result<(), &'static str> {
    match named(Path::new(base)) {
        Named::Image => Ok(()),
        Named::Other(reason) => Err(reason),
        Named::Unknown => {
            let mut begin = vec![0; len.min(MAGIC_BYTES as u64) as usize];
            read_at(file, &mut begin, offset).map_err(|_| "cannot be read")?;
            sniff(&begin)
        }
    }
}
