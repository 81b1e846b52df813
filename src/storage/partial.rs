//! A file that arrives in pieces, over several runs of the program where it must be: it has a name of its own until
//! it is whole.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::atomic::sync_folder;
use super::private::open_private;

/// What arrived of a file so far, beside its final name. It stays where it is when this is dropped, and the next run
/// goes on with it.
#[derive(Debug)]
pub struct PartialFile {
    file: File,
    partial: PathBuf,
    path: PathBuf,
    len: u64,
}

impl PartialFile {
    /// Opens what is there of the file at `path`, which another process may not do meanwhile.
    ///
    /// # Errors
    /// As the system says; [`io::ErrorKind::WouldBlock`] while another process has it open.
    pub fn open(path: &Path) -> io::Result<PartialFile> {
        let name = path.file_name().unwrap_or_default();
        let mut own = std::ffi::OsString::from(".");
        own.push(name);
        own.push(".part");
        let partial = path.with_file_name(own);
        let file = open_private(&partial)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
            TryLockError::Error(error) => error,
        })?;
        let len = file.metadata()?.len();
        Ok(PartialFile {
            file,
            partial,
            path: path.to_path_buf(),
            len,
        })
    }

    /// Bytes that are there.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing is there yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The file, to read what is there.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// A full disk.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        super::positional::write_at(&self.file, bytes, self.len)?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Begins again with nothing.
    ///
    /// # Errors
    /// As the system says.
    pub fn clear(&mut self) -> io::Result<()> {
        self.len = 0;
        self.file.set_len(0)
    }

    /// Gives the file its name, once it is on the disk in full.
    ///
    /// # Errors
    /// A disk that is full or fails.
    pub fn commit(mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.sync_all()?;
        std::fs::rename(&self.partial, &self.path)?;
        sync_folder(&self.path)
    }

    /// Removes what is there.
    ///
    /// # Errors
    /// As the system says.
    pub fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.partial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrived_stays_and_the_name_comes_with_the_last_byte() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.pth");
        let mut first = PartialFile::open(&path).expect("made");
        first.append(b"one").expect("written");
        let second = PartialFile::open(&path).expect_err("in use");
        assert_eq!(second.kind(), io::ErrorKind::WouldBlock);
        drop(first);
        let mut next = PartialFile::open(&path).expect("there");
        assert_eq!(next.len(), 3);
        next.append(b"two").expect("written");
        assert!(!path.exists());
        next.commit().expect("renamed");
        assert_eq!(std::fs::read(&path).expect("there"), b"onetwo");
        assert_eq!(std::fs::read_dir(folder.path()).expect("there").count(), 1);
        let mut again = PartialFile::open(&path).expect("made");
        assert!(again.is_empty());
        again.append(b"wrong").expect("written");
        again.clear().expect("cut");
        assert!(again.is_empty());
        again.remove().expect("removed");
        assert_eq!(std::fs::read(&path).expect("there"), b"onetwo");
    }
}
