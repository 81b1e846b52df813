//! Standard output and standard error, without a panic where they cannot be written.

use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use super::escape::lines;

/// Writes a line to standard error, with control characters made visible; see [`say!`](crate::say).
pub fn write_notice(text: &str) {
    let line = lines(text).into_owned() + "\n";
    // Nowhere is left to report a failure to, and a notice is no reason to stop.
    let _ = write_patiently(&mut io::stderr(), line.as_bytes());
}

/// Standard output for results: control characters are made visible, failures are reported.
pub fn out() -> Out {
    Out {
        partial: Vec::new(),
    }
}

/// See [`out`].
pub struct Out {
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
}

impl Out {
    fn pass_on(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.partial);
        if bytes.is_empty() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&bytes);
        write_raw(&lines(&text))
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.partial.extend_from_slice(bytes);
        if bytes.contains(&b'\n') {
            self.pass_on()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on()
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        let _ = self.pass_on(); // whoever wants to know flushes
    }
}

/// Writes a text to standard output as it is, with its own escape sequences.
///
/// # Errors
/// As the system reports; a closed pipe is an error that [`is_closed`] recognizes.
pub fn write_raw(text: &str) -> io::Result<()> {
    let mut to = io::stdout();
    write_patiently(&mut to, text.as_bytes())
        .and_then(|()| to.flush())
        .map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => io::Error::new(ErrorKind::BrokenPipe, Closed),
            _ => error,
        })
}

/// Whoever read standard output has gone.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nobody reads standard output any more")
    }
}

impl std::error::Error for Closed {}

/// Whether an error means that the reader of standard output has closed it; for other outputs that is a failure.
pub fn is_closed(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Closed>())
}

/// Writes all, also where another program has made the stream non-blocking and it is full for a while.
fn write_patiently(to: &mut dyn Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes two bytes at a time, and none every other time.
    struct Busy(Vec<u8>, bool);

    impl Write for Busy {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::WouldBlock.into());
            }
            let count = bytes.len().min(2);
            self.0.extend_from_slice(&bytes[..count]);
            Ok(count)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stream_that_is_full_for_a_while_gets_all() {
        let mut busy = Busy(Vec::new(), false);
        write_patiently(&mut busy, b"12345").expect("written");
        assert_eq!(busy.0, b"12345");
    }
}
