//! Writing files so that at any moment either the old or the new content is there in full: to a
//! temporary name in the same folder, synced, renamed, the folder synced.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use rayon::prelude::*;

use super::fault_point::FaultPoint;
use super::positional::write_at;
use super::temporary::{Temporary, temporary_name};
use crate::console::shown;

/// Bytes that are handed to the system at once.
const BUFFER: usize = 1 << 20;

/// Bytes that a thread writes at once.
const CHUNK: usize = 4 << 20;

/// Writes a file as a whole.
///
/// # Errors
/// A full disk, a missing folder, a folder without permission; what was there stays.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let fault = FaultPoint::default();
    StagedFile::write(path, &fault, |out| out.write_all(bytes))?.commit(&fault)
}

/// A file that is written in full and synced, but beside its final name: under one that cannot be guessed,
/// so that no link waits there. It is removed where it does not get there.
#[derive(Debug)]
pub struct StagedFile {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    renamed: bool,
    _guard: Temporary,
}

impl StagedFile {
    /// Writes what `write` gives beside `path`, and makes sure that it is on the disk.
    ///
    /// # Errors
    /// A full disk, a missing folder, a folder without permission.
    pub fn write(
        path: &Path,
        fault: &FaultPoint,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> anyhow::Result<StagedFile> {
        let aside = Self::put(path, fault, write)?;
        aside.sync()?;
        Ok(aside)
    }

    /// Makes room for a file of `len` bytes beside `path`, to be filled by [`put_parts`](Self::put_parts).
    /// It takes no place on the disk yet, but its pages are in memory: taking those is most of what
    /// writing a new file takes, and here it delays nothing.
    ///
    /// # Errors
    /// A full disk, a missing folder, a folder without permission.
    pub fn room(path: &Path, len: u64) -> anyhow::Result<StagedFile> {
        let aside = Self::new(path)?;
        let touch = || {
            aside.file.set_len(len)?;
            let mut pages = BufReader::with_capacity(BUFFER, &aside.file);
            std::io::copy(&mut pages, &mut std::io::sink())
        };
        touch().with_context(|| failure(path))?;
        Ok(aside)
    }

    /// Writes `head` with `parts` behind it beside `path`, into `room` where there is some, by several
    /// threads at once: taking pages of memory for a file is what keeps a single one busy.
    ///
    /// # Errors
    /// A full disk, a missing folder, a folder without permission.
    pub fn put_parts(
        path: &Path,
        room: Option<StagedFile>,
        head: &[u8],
        parts: &[&[u8]],
    ) -> anyhow::Result<StagedFile> {
        let aside = match room {
            Some(room) => room,
            None => Self::new(path)?,
        };
        let mut offset = 0;
        let mut chunks = Vec::new();
        let pieces = [&head].into_iter().chain(parts);
        for chunk in pieces.flat_map(|piece| piece.chunks(CHUNK)) {
            chunks.push((offset, chunk));
            offset += chunk.len() as u64;
        }
        let file = &aside.file;
        file.set_len(offset)
            .and_then(|()| {
                chunks
                    .par_iter()
                    .try_for_each(|(offset, chunk)| write_at(file, chunk, *offset))
            })
            .with_context(|| failure(path))?;
        Ok(aside)
    }

    /// Waits until what was put is on the disk.
    ///
    /// # Errors
    /// A full disk, or one that fails.
    pub fn sync(&self) -> anyhow::Result<()> {
        self.file.sync_all().with_context(|| failure(&self.path))
    }

    /// Writes what `write` gives beside `path`; the system may still hold it in memory.
    ///
    /// # Errors
    /// A full disk, a missing folder, a folder without permission.
    pub fn put(
        path: &Path,
        fault: &FaultPoint,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> anyhow::Result<StagedFile> {
        let aside = Self::new(path)?;
        let put = || {
            let mut out = BufWriter::with_capacity(BUFFER, fault.watch(&aside.file));
            write(&mut out)?;
            out.flush()
        };
        put().with_context(|| failure(path))?;
        Ok(aside)
    }

    fn new(path: &Path) -> anyhow::Result<StagedFile> {
        Self::make(path, None).with_context(|| failure(path))
    }

    /// An empty file beside `path`, with the permissions of the file that it is to replace.
    pub(super) fn make(
        path: &Path,
        replaced: Option<&std::fs::Metadata>,
    ) -> std::io::Result<StagedFile> {
        let nameless = || std::io::Error::other("it has no file name");
        let temporary = temporary_name(path).ok_or_else(nameless)?;
        let (file, guard) = Temporary::file(&temporary, || {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true); // follows no link
            #[cfg(unix)]
            if replaced.is_some() {
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600); // never more than it had
            }
            options.open(&temporary)
        })?;
        let aside = StagedFile {
            file,
            temporary,
            path: path.to_path_buf(),
            renamed: false,
            _guard: guard,
        };
        if let Some(replaced) = replaced {
            #[cfg(unix)]
            {
                use std::os::unix::fs::{MetadataExt, fchown};
                // Only root may give a file to others; it need not succeed.
                let _ = fchown(&aside.file, Some(replaced.uid()), Some(replaced.gid()));
            }
            aside.file.set_permissions(replaced.permissions())?;
        }
        Ok(aside)
    }

    /// Where the bytes go.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name; from now on it is the one that is there.
    ///
    /// # Errors
    /// A folder without permission, or gone.
    pub fn commit(self, fault: &FaultPoint) -> anyhow::Result<()> {
        let path = self.path.clone();
        fault.before_rename();
        self.rename().with_context(|| failure(&path))?;
        fault.after_rename();
        Ok(())
    }

    pub(super) fn rename(mut self) -> std::io::Result<()> {
        std::fs::rename(&self.temporary, &self.path)?;
        self.renamed = true;
        sync_folder(&self.path)
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = std::fs::remove_file(&self.temporary); // the first error is the one to report
        }
    }
}

/// Makes sure that a new name is on the disk.
pub(super) fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    #[allow(clippy::disallowed_methods)] // a folder
    match File::open(folder) {
        Ok(folder) => folder.sync_all(),
        Err(_) => Ok(()), // not every system opens folders
    }
}

/// The error of a file that cannot be written, with the reason if the folder shows it.
pub fn failure(path: &Path) -> String {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    match folder.filter(|folder| !folder.exists()) {
        Some(folder) => format!(
            "cannot write {}: the folder {} is not there (was it removed, or renamed, meanwhile?)",
            shown(path),
            shown(folder)
        ),
        None => format!("cannot write {}", shown(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_committed_leaves_the_old_file_and_nothing_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.txt");
        write_atomically(&path, b"old").expect("written");
        let fault = FaultPoint::default();
        drop(StagedFile::write(&path, &fault, |out| out.write_all(b"new")).expect("written aside"));
        let failed = StagedFile::write(&path, &fault, |_| Err(std::io::Error::other("full")));
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).expect("there"), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).expect("there").count(), 1);
    }

    #[test]
    fn room_that_is_too_long_or_too_short_is_filled_to_the_length_of_the_parts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.bin");
        for len in [0, 3, 100_000] {
            let room = StagedFile::room(&path, len).expect("room");
            let parts: [&[u8]; 2] = [b"one", b"two"];
            let put = StagedFile::put_parts(&path, Some(room), b"head", &parts).expect("put");
            put.commit(&FaultPoint::default()).expect("renamed");
            assert_eq!(std::fs::read(&path).expect("there"), b"headonetwo");
        }
        drop(StagedFile::room(&path, 10).expect("room"));
        assert_eq!(std::fs::read_dir(folder.path()).expect("there").count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_under_the_old_temporary_name_is_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let victim = folder.path().join("victim");
        std::fs::write(&victim, "kept").expect("written");
        let planted = folder.path().join(".a.txt.tmp");
        std::os::unix::fs::symlink(&victim, planted).expect("planted");
        write_atomically(&folder.path().join("a.txt"), b"new").expect("written");
        assert_eq!(std::fs::read(&victim).expect("there"), b"kept");
    }

    #[test]
    fn a_folder_that_is_gone_is_named() {
        let error = write_atomically(Path::new("/nowhere/at/all.txt"), b"").expect_err("gone");
        let told = format!("{error:#}");
        assert!(
            told.contains("the folder /nowhere/at is not there"),
            "{told}"
        );
    }
}
