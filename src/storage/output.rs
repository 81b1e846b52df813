//! Writing the file that the user named as an output: through links, to devices and pipes, and where it is a
//! regular file so that the old or the new content is there in full.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::atomic::{StagedFile, failure, sync_folder};
use super::temporary::Temporary;

/// How long to wait for somebody who reads a FIFO.
const NO_READER: Duration = Duration::from_secs(3);

/// The most symbolic links that are followed.
const MAX_LINKS: usize = 40;

/// Where an output goes.
enum Target {
    /// A regular file, or none yet, at the end of all links.
    File(PathBuf, Option<Metadata>),
    /// A device or a pipe, open.
    Stream(File),
}

/// Writes what the user named: a new file, the file at the end of a link, a device, a FIFO, `/dev/stdout`.
/// A regular file is replaced as a whole and keeps its permissions.
///
/// # Errors
/// A full disk, a missing folder, a folder without permission, a FIFO that nobody reads; what was there
/// stays.
pub fn write_output(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || match target(path)? {
        Target::Stream(mut stream) => {
            stream.write_all(bytes)?;
            stream.flush()
        }
        Target::File(path, replaced) => replace(&path, replaced.as_ref(), bytes),
    };
    write().with_context(|| failure(path))
}

/// Writes a file that is not there yet.
///
/// # Errors
/// A file that is there; otherwise as [`write_output`], and then there is none.
pub fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || match target(path)? {
        Target::Stream(mut stream) => {
            stream.write_all(bytes)?;
            stream.flush()
        }
        Target::File(path, _) => {
            let (mut file, guard) = Temporary::file(&path, || {
                OpenOptions::new().write(true).create_new(true).open(&path)
            })?;
            let written = file.write_all(bytes).and_then(|()| file.sync_all());
            if written.is_err() {
                guard.remove();
            }
            written.and_then(|()| sync_folder(&path))
        }
    };
    write().with_context(|| failure(path))
}

/// Checks before long work that an output can be written.
///
/// # Errors
/// A folder that is missing or may not be written, a folder in the file's place.
pub fn require_writable(path: &Path) -> anyhow::Result<()> {
    let check = || -> io::Result<()> {
        let (path, found) = follow(path)?;
        match found {
            Some(found) if found.is_dir() => Err(folder_in_place()),
            Some(found) if !found.is_file() => Ok(()),
            Some(_) => OpenOptions::new().write(true).open(path).map(drop),
            None => StagedFile::make(&path, None).map(drop),
        }
    };
    check().with_context(|| failure(path))
}

/// Whether two paths name one file, also by links.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    let (Ok(one), Ok(other)) = (one.canonicalize(), other.canonicalize()) else {
        return false;
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let number = |path: &Path| path.metadata().map(|meta| (meta.dev(), meta.ino()));
        if let (Ok(one), Ok(other)) = (number(&one), number(&other)) {
            return one == other;
        }
    }
    one == other
}

fn folder_in_place() -> io::Error {
    io::Error::new(ErrorKind::IsADirectory, "it is a folder, expected a file")
}

/// Follows the links of a path; the last one may lead to a name that is not there yet.
fn follow(path: &Path) -> io::Result<(PathBuf, Option<Metadata>)> {
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        if own_descriptor(&path).is_some() {
            break; // a link in name alone
        }
        let meta = match path.symlink_metadata() {
            Ok(meta) => meta,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((path, None)),
            Err(error) => return Err(error),
        };
        if !meta.is_symlink() {
            return Ok((path, Some(meta)));
        }
        let to = std::fs::read_link(&path)?;
        path = match path.parent() {
            Some(folder) => folder.join(to),
            None => to,
        };
    }
    let meta = path.metadata()?;
    Ok((path, Some(meta)))
}

/// The number of one of this process's own open files, where `path` names it (`/dev/fd/3`).
fn own_descriptor(path: &Path) -> Option<i32> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let number = path.file_name()?.to_str()?.parse().ok()?;
    let folder = path.parent()?.canonicalize().ok()?;
    let own = [
        PathBuf::from(format!("/proc/{}/fd", std::process::id())),
        Path::new("/proc/self/fd").canonicalize().ok()?,
    ];
    own.contains(&folder).then_some(number)
}

fn target(path: &Path) -> io::Result<Target> {
    let (path, found) = follow(path)?;
    #[cfg(unix)]
    if let Some(number) = own_descriptor(&path) {
        // The file itself rather than its name: what was written to it before stays.
        use std::os::fd::FromRawFd;
        // SAFETY: the number is that of an open file, as its name in /proc was there just now; it is
        // copied and not closed here.
        let copied = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) };
        if copied < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it was made above and belongs to nobody else.
        return Ok(Target::Stream(unsafe { File::from_raw_fd(copied) }));
    }
    match found {
        Some(found) if found.is_dir() => Err(folder_in_place()),
        Some(found) if !found.is_file() => Ok(Target::Stream(open_stream(&path)?)),
        found => Ok(Target::File(path, found)),
    }
}

/// Opens a device or a FIFO for writing; a FIFO needs somebody who reads.
fn open_stream(path: &Path) -> io::Result<File> {
    let begin = Instant::now();
    loop {
        let mut options = OpenOptions::new();
        options.write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(
            &mut options,
            libc::O_NONBLOCK | libc::O_NOCTTY,
        );
        match options.open(path) {
            Ok(file) => {
                wait_when_full(&file)?;
                return Ok(file);
            }
            #[cfg(unix)]
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => {
                if begin.elapsed() > NO_READER {
                    let seconds = NO_READER.as_secs();
                    let message = format!("it is a pipe that nobody read for {seconds} s");
                    return Err(io::Error::new(ErrorKind::TimedOut, message));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => return Err(error),
        }
    }
}

/// From now on, writing waits for whoever reads.
fn wait_when_full(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::fd::AsRawFd;
        // SAFETY: the file is open; only its flags are read and set.
        let done = unsafe {
            let flags = libc::fcntl(file.as_raw_fd(), libc::F_GETFL);
            libc::fcntl(file.as_raw_fd(), libc::F_SETFL, flags & !libc::O_NONBLOCK)
        };
        if done < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    let _ = file;
    Ok(())
}

/// Replaces a regular file as a whole; in place where its folder does not let another beside it (a file that
/// is mounted by itself, a folder without permission).
fn replace(path: &Path, replaced: Option<&Metadata>, bytes: &[u8]) -> io::Result<()> {
    if replaced.is_some() {
        OpenOptions::new().write(true).open(path)?; // one that is not to be written is not replaced either
    }
    let aside = StagedFile::make(path, replaced).and_then(|aside| {
        let mut file = aside.file();
        file.write_all(bytes)?;
        file.sync_all()?;
        aside.rename()
    });
    match aside {
        Err(error) if replaced.is_some() && is_refused(&error) => {
            let mut file = OpenOptions::new().write(true).truncate(true).open(path)?;
            file.write_all(bytes)?;
            file.sync_all()
        }
        done => done,
    }
}

fn is_refused(error: &io::Error) -> bool {
    use ErrorKind::{CrossesDevices, PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    let kinds = [
        CrossesDevices,
        PermissionDenied,
        ReadOnlyFilesystem,
        ResourceBusy,
    ];
    kinds.contains(&error.kind())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

    fn mkfifo(path: &Path) {
        let status = std::process::Command::new("mkfifo").arg(path).status();
        assert!(status.expect("mkfifo runs").success());
    }

    #[test]
    fn a_file_keeps_its_permissions_and_a_link_stays_a_link() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("a"), folder.path().join("link"));
        std::fs::write(&file, "old").expect("written");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).expect("set");
        symlink("a", &link).expect("linked");
        write_output(&link, b"new").expect("written");
        assert_eq!(std::fs::read(&file).expect("read"), b"new");
        assert!(link.symlink_metadata().expect("there").is_symlink());
        let mode = file.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        let dangling = folder.path().join("dangling");
        symlink("b", &dangling).expect("linked");
        write_output(&dangling, b"made").expect("written");
        assert_eq!(
            std::fs::read(folder.path().join("b")).expect("read"),
            b"made"
        );
        let round = folder.path().join("round");
        symlink("round", &round).expect("linked");
        write_output(&round, b"x").expect_err("a loop");
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 5);
    }

    #[test]
    fn a_fifo_and_a_device_are_written_to_and_stay_what_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("fifo");
        mkfifo(&path);
        let error = write_output(&path, b"x").expect_err("nobody reads");
        assert!(format!("{error:#}").contains("nobody read"), "{error:#}");
        let from = path.clone();
        let reader = std::thread::spawn(move || std::fs::read(from).expect("read"));
        let bytes = vec![7; 300_000]; // more than a pipe holds
        write_output(&path, &bytes).expect("written");
        assert!(reader.join().expect("read") == bytes);
        let meta = path.symlink_metadata().expect("there");
        assert!(meta.file_type().is_fifo());
        write_output(Path::new("/dev/null"), b"x").expect("written");
        let error = write_output(Path::new("/dev/full"), b"x").expect_err("full");
        assert!(format!("{error:#}").contains("/dev/full"), "{error:#}");
        let meta = Path::new("/dev/null").symlink_metadata().expect("there");
        assert!(meta.file_type().is_char_device());
    }

    #[test]
    fn a_new_file_replaces_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        write_new(&path, b"first").expect("written");
        write_new(&path, b"second").expect_err("there");
        assert_eq!(std::fs::read(&path).expect("read"), b"first");
        write_new(&folder.path().join("none/a"), b"x").expect_err("no folder");
    }

    #[test]
    fn what_cannot_be_written_is_known_before() {
        let folder = tempfile::tempdir().expect("a folder");
        require_writable(&folder.path().join("a")).expect("can be");
        require_writable(folder.path()).expect_err("a folder");
        require_writable(&folder.path().join("none/a")).expect_err("no folder");
        require_writable(Path::new("/dev/null")).expect("a device");
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 0);
    }
}
