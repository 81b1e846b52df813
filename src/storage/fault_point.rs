//! Fault points, for tests: the program kills itself at a chosen place of the writing of a
//! checkpoint, as a power cut or the kernel would.
//!
//! `KILN_FAULT=checkpoint:after-N-bytes` kills when that many bytes of checkpoints and best models
//! were written; `checkpoint:before-rename-N` and `checkpoint:after-rename-N` around the N-th
//! renaming of a written file (from 1).

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;

/// Where the program kills itself; by default nowhere.
#[derive(Clone, Debug, Default)]
pub struct FaultPoint(Option<Arc<Armed>>);

#[derive(Debug)]
struct Armed {
    place: Place,
    /// Bytes, or renamings, until then.
    left: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Bytes,
    BeforeRename,
    AfterRename,
}

impl FaultPoint {
    /// The value of `KILN_FAULT`.
    ///
    /// # Errors
    /// A text that names no place.
    pub fn from_environment() -> anyhow::Result<FaultPoint> {
        match std::env::var("KILN_FAULT") {
            Ok(text) => Self::parse(&text).with_context(|| {
                format!(
                    "KILN_FAULT is {text:?}, expected checkpoint:after-N-bytes, \
                     checkpoint:before-rename-N or checkpoint:after-rename-N"
                )
            }),
            Err(_) => Ok(FaultPoint::default()),
        }
    }

    fn parse(text: &str) -> Option<FaultPoint> {
        let point = text.strip_prefix("checkpoint:")?;
        let (place, number) = if let Some(number) = point.strip_prefix("before-rename-") {
            (Place::BeforeRename, number)
        } else if let Some(number) = point.strip_prefix("after-rename-") {
            (Place::AfterRename, number)
        } else {
            let number = point.strip_prefix("after-")?.strip_suffix("-bytes")?;
            (Place::Bytes, number)
        };
        let left = AtomicU64::new(number.parse().ok()?);
        Some(FaultPoint(Some(Arc::new(Armed { place, left }))))
    }

    /// Whether bytes are counted.
    pub fn counts_bytes(&self) -> bool {
        self.at(Place::Bytes).is_some()
    }

    /// Counts what is written to `out`.
    pub fn watch<'a, W: Write + 'a>(&self, out: W) -> Box<dyn Write + 'a> {
        match self.at(Place::Bytes) {
            Some(armed) => Box::new(Watched {
                armed: armed.clone(),
                out,
            }),
            None => Box::new(out),
        }
    }

    /// A written file is about to get its name.
    pub fn before_rename(&self) {
        self.count(Place::BeforeRename);
    }

    /// A written file has got its name.
    pub fn after_rename(&self) {
        self.count(Place::AfterRename);
    }

    fn at(&self, place: Place) -> Option<&Arc<Armed>> {
        self.0.as_ref().filter(|armed| armed.place == place)
    }

    fn count(&self, place: Place) {
        if let Some(armed) = self.at(place)
            && armed.left.fetch_sub(1, Ordering::Relaxed) == 1
        {
            die();
        }
    }
}

struct Watched<W> {
    armed: Arc<Armed>,
    out: W,
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let left = self.armed.left.load(Ordering::Relaxed);
        if left <= bytes.len() as u64 {
            self.out.write_all(&bytes[..left as usize])?;
            die();
        }
        let written = self.out.write(bytes)?;
        self.armed.left.fetch_sub(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// Ends the process at once, as a kill from outside does.
fn die() -> ! {
    #[cfg(unix)]
    let _ = signal_hook::low_level::raise(signal_hook::consts::SIGKILL); // does not come back
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_and_nonsense_refused() {
        let place = |text| FaultPoint::parse(text).map(|point| point.0.expect("armed").place);
        assert_eq!(place("checkpoint:after-12-bytes"), Some(Place::Bytes));
        assert_eq!(
            place("checkpoint:before-rename-1"),
            Some(Place::BeforeRename)
        );
        assert_eq!(place("checkpoint:after-rename-2"), Some(Place::AfterRename));
        for text in [
            "",
            "checkpoint",
            "after-1-bytes",
            "checkpoint:after-x-bytes",
        ] {
            assert_eq!(place(text), None, "{text}");
        }
    }

    #[test]
    fn bytes_before_the_place_pass() {
        let mut out = Vec::new();
        let point = FaultPoint::parse("checkpoint:after-10-bytes").expect("a place");
        point
            .watch(&mut out)
            .write_all(b"123456789")
            .expect("written");
        assert_eq!(out, b"123456789");
    }
}
