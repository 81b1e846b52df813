//! Walks the folders below a root and separates samples from other files.

use std::ffi::OsString;
use std::fs::FileType;
use std::io::{ErrorKind, Read};
use std::path::Path;

use rayon::prelude::*;

use super::listed::{Content, Listing};
use crate::console::shown;
use crate::data::files::error::ListingError;
use crate::data::files::kind::{HIDDEN, MAGIC_BYTES, Named, is_hidden, named, sniff};
use crate::storage::open_regular;

/// A deeper nesting is assumed to be a loop of links.
pub const MAX_DEPTH: usize = 32;
/// The reason for skipping a pipe, socket or device.
pub const SPECIAL: &str = "no plain file (a pipe, socket or device)";
const NO_TEXT: &str = "not a .txt file";

/// A walk through the folders below a root.
pub struct Walk<'a> {
    pub(super) root: &'a Path,
    pub(super) content: Content,
    pub(super) listing: Listing,
    /// Indices of files whose extension is not known.
    pub(super) unknown: Vec<usize>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(root: &'a Path, content: Content) -> Walk<'a> {
        Walk {
            root,
            content,
            listing: Listing::default(),
            unknown: Vec::new(),
        }
    }

    pub(super) fn leave_out(&mut self, reason: &str, path: &Path) {
        let name = || shown(path).to_string();
        self.listing.left_out.add(reason, name);
    }

    /// Lists `inner`, a folder below the root.
    pub(super) fn folder(
        &mut self,
        inner: &Path,
        class: u32,
        depth: usize,
    ) -> Result<(), ListingError> {
        if depth > MAX_DEPTH {
            let folder = self.root.join(inner);
            let most = MAX_DEPTH;
            return Err(ListingError::Deep { most, folder });
        }
        for entry in self.entries(inner)? {
            let path = inner.join(&entry.name);
            if entry.is_folder {
                self.folder(&path, class, depth + 1)?;
                continue;
            }
            match self.kind_of(&path) {
                Named::Other(reason) => self.leave_out(reason, &path),
                kind => {
                    if kind == Named::Unknown {
                        self.unknown.push(self.listing.files.len());
                    }
                    self.listing.files.push((path.into_boxed_path(), class));
                }
            }
        }
        Ok(())
    }

    /// Skips the samples below a folder that is no class.
    pub(super) fn set_aside(&mut self, inner: &Path, reason: &str) -> Result<(), ListingError> {
        let listed = self.listing.files.len();
        let unknown = self.unknown.len();
        self.folder(inner, 0, 0)?;
        self.unknown.truncate(unknown);
        for (path, _) in self.listing.files.split_off(listed) {
            self.leave_out(reason, &path);
        }
        Ok(())
    }

    fn kind_of(&self, path: &Path) -> Named {
        match self.content {
            Content::Images => named(path),
            Content::Texts if is_text_name(path) => Named::Image,
            Content::Texts => Named::Other(NO_TEXT),
        }
    }

    /// The entries of a folder below the root, sorted by name, that are files or folders and not hidden.
    pub(super) fn entries(&mut self, inner: &Path) -> Result<Vec<Entry>, ListingError> {
        let folder = self.root.join(inner);
        let fail = |error: std::io::Error| ListingError::Unlisted {
            folder: folder.clone(),
            error,
        };
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let kind = entry.file_type().map_err(fail)?;
            // Only links need another system call, for what they point to.
            let kind = match kind.is_symlink() {
                true => entry.path().metadata().ok().map(|meta| meta.file_type()),
                false => Some(kind),
            };
            let name = entry.file_name();
            let reason = reason_to_pass_over(&name, kind);
            entries.push((name, kind.is_some_and(|kind| kind.is_dir()), reason));
        }
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut kept = Vec::with_capacity(entries.len());
        for (name, is_folder, reason) in entries {
            match reason {
                None => kept.push(Entry { name, is_folder }),
                Some(reason) => self.leave_out(reason, &inner.join(name)),
            }
        }
        Ok(kept)
    }

    /// Opens the files whose extension is not known.
    pub(super) fn finish(self) -> Listing {
        let Walk {
            root,
            mut listing,
            unknown,
            ..
        } = self;
        let looked: Vec<Result<(), NoImage>> = unknown
            .par_iter()
            .map(|&index| first_bytes(&root.join(&listing.files[index].0)))
            .collect();
        let mut reasons = unknown.into_iter().zip(looked).peekable();
        let mut index = 0;
        let left_out = &mut listing.left_out;
        listing.files.retain(|(path, _)| {
            let looked = reasons.next_if(|(unknown, _)| *unknown == index);
            index += 1;
            match looked {
                Some((_, Err(reason))) => {
                    left_out.add(&reason.to_string(), || shown(path).to_string());
                    false
                }
                _ => true,
            }
        });
        listing
    }
}

/// Whether a file is named as texts are: `1.txt`, or by a number alone, as newsgroups' messages.
pub fn is_text_name(path: &Path) -> bool {
    match path.extension() {
        Some(extension) => extension.eq_ignore_ascii_case("txt"),
        None => {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            !name.is_empty() && name.iter().all(u8::is_ascii_digit)
        }
    }
}

/// A file or folder below the root.
pub struct Entry {
    pub(super) name: OsString,
    pub(super) is_folder: bool,
}

fn reason_to_pass_over(name: &OsString, kind: Option<FileType>) -> Option<&'static str> {
    if is_hidden(name) {
        return Some(HIDDEN);
    }
    match kind {
        // A dangling link: where its name is that of an image, decoding reports it.
        None => None,
        Some(kind) if kind.is_dir() || kind.is_file() => None,
        Some(_) => Some(SPECIAL),
    }
}

/// Why a file is no image, as a reason for leaving it out.
#[derive(Debug, thiserror::Error)]
pub enum NoImage {
    /// It cannot be read; the system's words without the number in brackets: one reason for all of them.
    #[error("cannot be read ({0})")]
    Io(ErrorKind),
    /// Its first bytes are those of something else.
    #[error("{0}")]
    Other(&'static str),
}

/// Whether the first bytes of a plain file are an image's.
///
/// # Errors
/// A file that cannot be read, or is something else.
pub fn first_bytes(path: &Path) -> Result<(), NoImage> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut begin = Vec::with_capacity(MAGIC_BYTES);
        open_regular(path)?
            .take(MAGIC_BYTES as u64)
            .read_to_end(&mut begin)?;
        Ok(begin)
    };
    let begin = read().map_err(|error| NoImage::Io(error.kind()))?;
    sniff(&begin).map_err(NoImage::Other)
}
