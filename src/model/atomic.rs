//! Writing files so that at any moment either the old or the new content is there in full: to a
//! temporary name in the same folder, synced, renamed, the folder synced.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use rayon::prelude::*;

use super::fault_point::FaultPoint;
use crate::data::positional::write_at;

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
    Aside::write(path, &fault, |out| out.write_all(bytes))?.commit(&fault)
}

/// A file that is written in full and synced, but beside its final name. It is removed where it
/// does not get there.
#[derive(Debug)]
pub struct Aside {
    temporary: PathBuf,
    path: PathBuf,
    renamed: bool,
}

impl Aside {
    /// Writes what `write` gives beside `path`, and makes sure that it is on the disk.
    ///
    /// # Errors
    /// A full disk, a missing folder, a folder without permission.
    pub fn write(
        path: &Path,
        fault: &FaultPoint,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> anyhow::Result<Aside> {
        let aside = Self::put(path, fault, write)?;
        aside.sync()?;
        Ok(aside)
    }

    /// Makes room for a file of `len` bytes beside `path`, to be filled by [`put_parts`](Self::put_parts).
    /// It takes no place on the disk yet, but its pages are in memory: taking those is most of what
    /// writing a new file takes, and here nobody waits for it.
    ///
    /// # Errors
    /// A full disk, a missing folder, a folder without permission.
    pub fn room(path: &Path, len: u64) -> anyhow::Result<Aside> {
        let aside = Self::named(path)?;
        let made = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&aside.temporary)
            .and_then(|file| {
                file.set_len(len)?;
                std::io::copy(
                    &mut BufReader::with_capacity(BUFFER, file),
                    &mut std::io::sink(),
                )
            });
        made.with_context(|| failure(path))?;
        Ok(aside)
    }

    /// Writes `head` with `parts` behind it beside `path`, into `room` where there is some, by several
    /// threads at once: taking pages of memory for a file is what keeps a single one busy.
    ///
    /// # Errors
    /// A full disk, a missing folder, a folder without permission.
    pub fn put_parts(
        path: &Path,
        room: Option<Aside>,
        head: &[u8],
        parts: &[&[u8]],
    ) -> anyhow::Result<Aside> {
        let aside = match room {
            Some(room) => room,
            None => Self::named(path)?,
        };
        let mut offset = 0;
        let mut chunks = Vec::new();
        let pieces = [&head].into_iter().chain(parts);
        for chunk in pieces.flat_map(|piece| piece.chunks(CHUNK)) {
            chunks.push((offset, chunk));
            offset += chunk.len() as u64;
        }
        File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&aside.temporary)
            .and_then(|file| {
                file.set_len(offset)?;
                chunks
                    .par_iter()
                    .try_for_each(|(offset, chunk)| write_at(&file, chunk, *offset))
            })
            .with_context(|| failure(path))?;
        Ok(aside)
    }

    /// Waits until what was put is on the disk.
    ///
    /// # Errors
    /// A full disk, or one that fails.
    pub fn sync(&self) -> anyhow::Result<()> {
        File::options()
            .write(true)
            .open(&self.temporary)
            .and_then(|file| file.sync_all())
            .with_context(|| failure(&self.path))
    }

    /// Writes what `write` gives beside `path`; the system may still hold it in memory.
    ///
    /// # Errors
    /// A full disk, a missing folder, a folder without permission.
    pub fn put(
        path: &Path,
        fault: &FaultPoint,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> anyhow::Result<Aside> {
        let aside = Self::named(path)?;
        let written = File::create(&aside.temporary).and_then(|file| {
            let mut out = BufWriter::with_capacity(BUFFER, fault.watch(&file));
            write(&mut out)?;
            out.flush()
        });
        written.with_context(|| failure(path))?;
        Ok(aside)
    }

    fn named(path: &Path) -> anyhow::Result<Aside> {
        Ok(Aside {
            temporary: temporary_name(path).with_context(|| failure(path))?,
            path: path.to_path_buf(),
            renamed: false,
        })
    }

    /// Gives the file its name; from now on it is the one that is there.
    ///
    /// # Errors
    /// A folder without permission, or gone.
    pub fn commit(mut self, fault: &FaultPoint) -> anyhow::Result<()> {
        fault.before_rename();
        std::fs::rename(&self.temporary, &self.path).with_context(|| failure(&self.path))?;
        self.renamed = true;
        sync_folder(&self.path).with_context(|| failure(&self.path))?;
        fault.after_rename();
        Ok(())
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = std::fs::remove_file(&self.temporary); // the first error is the one to report
        }
    }
}

/// The name under which a file is written first.
pub fn temporary_name(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_string_lossy();
    Some(path.with_file_name(format!(".{name}.tmp")))
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent().map(File::open) {
        Some(Ok(folder)) => folder.sync_all(),
        _ => Ok(()), // not every system opens folders
    }
}

/// What cannot be written, and why where the folder tells.
pub fn failure(path: &Path) -> String {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    match folder.filter(|folder| !folder.exists()) {
        Some(folder) => format!(
            "cannot write {}: the folder {} is not there (was it removed, or renamed, meanwhile?)",
            path.display(),
            folder.display()
        ),
        None => format!("cannot write {}", path.display()),
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
        drop(Aside::write(&path, &fault, |out| out.write_all(b"new")).expect("written aside"));
        let failed = Aside::write(&path, &fault, |_| Err(std::io::Error::other("full")));
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).expect("there"), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).expect("there").count(), 1);
    }

    #[test]
    fn room_that_is_too_long_or_too_short_is_filled_to_the_length_of_the_parts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.bin");
        for len in [0, 3, 100_000] {
            let room = Aside::room(&path, len).expect("room");
            let parts: [&[u8]; 2] = [b"one", b"two"];
            let put = Aside::put_parts(&path, Some(room), b"head", &parts).expect("put");
            put.commit(&FaultPoint::default()).expect("renamed");
            assert_eq!(std::fs::read(&path).expect("there"), b"headonetwo");
        }
        drop(Aside::room(&path, 10).expect("room"));
        assert_eq!(std::fs::read_dir(folder.path()).expect("there").count(), 1);
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
