//! Opens and reads paths of any kind: a file, a FIFO (named pipe), a terminal, a device.
//!
//! Nothing here blocks for ever: files are opened without blocking and checked before they are read. What
//! lies in a folder of data has to be a regular file ([`open_regular`]). What the user names may also be the
//! end of a pipe (`<(...)`, `/dev/stdin`), which is read once and within a limit ([`read_bounded`]).

use std::collections::BTreeMap;
use std::fs::{File, FileType, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::temporary::{Temporary, random_name};

/// How long to wait for somebody who writes to a FIFO.
const NO_WRITER: Duration = Duration::from_secs(3);

/// The most bytes of what comes through a pipe and is held in memory.
const MAX_STREAM: u64 = 1 << 30;

/// The most bytes of a table that comes through a pipe; they are kept on the disk for as long as it is read.
const MAX_SPOOLED: u64 = 4 << 30;

/// Options that open without waiting, and without making a terminal this program's own.
fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NONBLOCK | libc::O_NOCTTY);
    options
}

/// Opens a regular file for reading.
///
/// # Errors
/// As the system reports; a folder, a FIFO, a socket or a device, in words that follow "cannot be read".
pub fn open_regular(path: &Path) -> io::Result<File> {
    let file = without_waiting(OpenOptions::new().read(true))
        .open(path)
        .map_err(|error| explain(path, error))?;
    let kind = file.metadata()?.file_type();
    match kind.is_file() {
        true => Ok(file),
        false => Err(not_a_file(kind)),
    }
}

/// The kind of a path that is not a regular file.
fn not_a_file(kind: FileType) -> io::Error {
    let message = format!("it is {}, expected a regular file", name_of(kind));
    let error = match kind.is_dir() {
        true => ErrorKind::IsADirectory,
        false => ErrorKind::InvalidInput,
    };
    io::Error::new(error, message)
}

fn name_of(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a FIFO (named pipe)";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if kind.is_dir() { "a folder" } else { "no file" }
}

/// Replaces the uninformative error of opening a socket.
fn explain(path: &Path, error: io::Error) -> io::Error {
    match path.metadata() {
        Ok(meta) if !meta.is_file() && !meta.is_dir() => {
            let what = name_of(meta.file_type());
            io::Error::new(
                error.kind(),
                format!("it is {what}, which cannot be opened ({error})"),
            )
        }
        _ => error,
    }
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// As for [`open_regular`]; a larger file.
pub fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_file(open_regular(path)?, limit)
}

/// Reads what the user named: a regular file, or the end of a pipe or a terminal, of at most `limit` bytes.
///
/// # Errors
/// As the system reports; a folder, a socket or a disk; more bytes; a FIFO to which nobody writes.
pub fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let (file, is_regular) = open_named(path)?;
    if is_regular {
        return read_file(file, limit);
    }
    let mut bytes = Vec::new();
    copy_stream(file, limit.min(MAX_STREAM), &mut bytes)?;
    Ok(bytes)
}

/// Reads a text that the user named, as [`read_bounded`].
///
/// # Errors
/// As for [`read_bounded`]; bytes that are not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read_bounded(path, limit)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format!("it is not written in UTF-8 (byte {})", at + 1);
        io::Error::new(ErrorKind::InvalidData, message)
    })
}

/// Opens what the user named for reading at any place: a regular file, or the end of a pipe, whose bytes are
/// kept in a file without a name for whoever opens it again.
///
/// # Errors
/// As for [`read_bounded`]; a full disk.
pub fn open_seekable(path: &Path) -> io::Result<File> {
    let (file, is_regular) = open_named(path)?;
    if is_regular {
        return Ok(file);
    }
    let mut known = SPOOLED.lock().unwrap_or_else(PoisonError::into_inner);
    let stream = identity(&file)?;
    if let Some(spooled) = known.get(&stream) {
        return rewound(spooled.try_clone()?);
    }
    let mut spooled = unnamed_file()?;
    copy_stream(file, MAX_SPOOLED, &mut spooled)?;
    known.insert(stream, spooled.try_clone()?);
    rewound(spooled)
}

/// What came through each stream, by its device and number: its bytes come once, and a command may have to look at
/// them more than once.
static SPOOLED: Mutex<BTreeMap<(u64, u64), File>> = Mutex::new(BTreeMap::new());

fn identity(file: &File) -> io::Result<(u64, u64)> {
    let meta = file.metadata()?;
    #[cfg(unix)]
    return Ok((
        std::os::unix::fs::MetadataExt::dev(&meta),
        std::os::unix::fs::MetadataExt::ino(&meta),
    ));
    #[cfg(not(unix))]
    Ok((0, meta.len())) // only regular files are opened there
}

fn rewound(mut file: File) -> io::Result<File> {
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// A file that goes when it is closed.
fn unnamed_file() -> io::Result<File> {
    let path = std::env::temp_dir().join(random_name("kiln-"));
    let (file, temporary) = Temporary::file(&path, || {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600); // nobody else's data
        options.open(&path)
    })?;
    #[cfg(unix)]
    temporary.remove();
    #[cfg(not(unix))]
    std::mem::forget(temporary); // an open file cannot be removed there
    Ok(file)
}

/// Opens a file or a stream; the flag is whether it is a regular file.
fn open_named(path: &Path) -> io::Result<(File, bool)> {
    let opened = without_waiting(OpenOptions::new().read(true)).open(path);
    let file = opened.map_err(|error| explain(path, error))?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok((file, true));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() || kind.is_char_device() {
            return Ok((file, false));
        }
    }
    Err(not_a_file(kind))
}

fn too_large(limit: u64) -> io::Error {
    let message = format!("it has more than {limit} bytes");
    io::Error::new(ErrorKind::FileTooLarge, message)
}

fn read_file(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let len = file.metadata()?.len();
    if len > limit {
        return Err(too_large(limit));
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len as usize)?;
    // A file of /proc holds more than it says.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(too_large(limit)),
        false => Ok(bytes),
    }
}

/// Copies a stream to its end. While a writer has it open, more may come; without a writer and without data, it gives up
/// after a while.
fn copy_stream(mut from: File, limit: u64, to: &mut dyn Write) -> io::Result<()> {
    let is_pipe = !is_device(&from);
    let begin = Instant::now();
    let mut chunk = vec![0; 1 << 16];
    let mut total = 0u64;
    loop {
        match from.read(&mut chunk) {
            Ok(0) if is_pipe && total == 0 && begin.elapsed() < NO_WRITER => pause(),
            Ok(0) if is_pipe && total == 0 => {
                let seconds = NO_WRITER.as_secs();
                let message = format!("it is a pipe to which nobody wrote for {seconds} s");
                return Err(io::Error::new(ErrorKind::TimedOut, message));
            }
            Ok(0) => return Ok(()),
            Ok(count) => {
                total += count as u64;
                if total > limit {
                    return Err(too_large(limit));
                }
                to.write_all(&chunk[..count])?;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => pause(),
            Err(error) => return Err(error),
        }
    }
}

fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}

fn is_device(file: &File) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        file.metadata()
            .is_ok_and(|meta| meta.file_type().is_char_device())
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        false
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn fifo(folder: &Path) -> PathBuf {
        let path = folder.join("a.jpg");
        let status = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(status.expect("mkfifo runs").success());
        path
    }

    #[test]
    fn a_fifo_is_no_regular_file_and_does_not_hang() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = fifo(folder.path());
        let begin = Instant::now();
        let error = open_regular(&path).expect_err("a FIFO").to_string();
        assert!(error.contains("FIFO"), "{error}");
        assert!(begin.elapsed() < Duration::from_secs(1));
        let error = read_bounded(&path, 10)
            .expect_err("nobody writes")
            .to_string();
        assert!(error.contains("nobody wrote"), "{error}");
        assert!(begin.elapsed() < NO_WRITER + Duration::from_secs(2));
    }

    #[test]
    fn a_fifo_that_somebody_writes_to_is_read_to_its_end_and_within_the_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = fifo(folder.path());
        let write = |path: PathBuf| {
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(50));
                let mut file = OpenOptions::new().write(true).open(path).expect("opened");
                file.write_all(b"one ").expect("written");
                std::thread::sleep(Duration::from_millis(50));
                let _ = file.write_all(b"two"); // the reader may have had enough
            })
        };
        let writer = write(path.clone());
        assert_eq!(read_text(&path, 100).expect("read"), "one two");
        writer.join().expect("written");
        let writer = write(path.clone());
        read_bounded(&path, 3).expect_err("too many");
        writer.join().expect("written");
        let writer = write(path.clone());
        let mut text = String::new();
        let mut seekable = open_seekable(&path).expect("spooled");
        seekable.read_to_string(&mut text).expect("read");
        assert_eq!(text, "one two");
        let mut again = String::new();
        let mut seekable = open_seekable(&path).expect("kept");
        seekable.read_to_string(&mut again).expect("read");
        assert_eq!(again, text, "nobody writes a second time");
        writer.join().expect("written");
    }

    #[test]
    fn files_devices_and_folders() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        std::fs::write(&path, "12345").expect("written");
        assert_eq!(read_regular(&path, 5).expect("read"), b"12345");
        read_regular(&path, 4).expect_err("too large");
        read_bounded(&path, 4).expect_err("too large");
        assert_eq!(read_bounded(Path::new("/dev/null"), 4).expect("empty"), b"");
        read_bounded(Path::new("/dev/zero"), 1 << 20).expect_err("without an end");
        open_regular(folder.path()).expect_err("a folder");
        read_bounded(folder.path(), 9).expect_err("a folder");
        open_regular(Path::new("/dev/null")).expect_err("a device");
    }
}
