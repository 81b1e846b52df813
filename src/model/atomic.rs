//! Writing files so that at any moment either the old or the new content is there in full: to a
//! temporary name in the same folder, synced, renamed, the folder synced.

use std::fs::File;
use std::io::{BufWriter, Write};
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

    /// The same for `head` with `parts` behind it, written by several threads at once: taking pages of
    /// memory for a file is what keeps a single one busy.
    ///
    /// # Errors
    /// A full disk, a missing folder, a folder without permission.
    pub fn put_parts(path: &Path, head: &[u8], parts: &[&[u8]]) -> anyhow::Result<Aside> {
        let aside = Self::put(path, &FaultPoint::default(), |out| out.write_all(head))?;
        let mut offset = head.len() as u64;
        let mut chunks = Vec::new();
        for chunk in parts.iter().flat_map(|part| part.chunks(CHUNK)) {
            chunks.push((offset, chunk));
            offset += chunk.len() as u64;
        }
        File::options()
            .write(true)
            .open(&aside.temporary)
            .and_then(|file| {
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
        let aside = Aside {
            temporary: temporary_name(path).with_context(|| failure(path))?,
            path: path.to_path_buf(),
            renamed: false,
        };
        let written = File::create(&aside.temporary).and_then(|file| {
            let mut out = BufWriter::with_capacity(BUFFER, fault.watch(&file));
            write(&mut out)?;
            out.flush()
        });
        written.with_context(|| failure(path))?;
        Ok(aside)
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
    fn a_folder_that_is_gone_is_named() {
        let error = write_atomically(Path::new("/nowhere/at/all.txt"), b"").expect_err("gone");
        let told = format!("{error:#}");
        assert!(
            told.contains("the folder /nowhere/at is not there"),
            "{told}"
        );
    }
}
