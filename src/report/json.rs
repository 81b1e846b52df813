//! Progress as JSON lines on standard output.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::console::out;
use crate::train::{Event, Observer};

/// Prints each epoch's record. A line that cannot be written does not end the run; [`result`](Self::result)
/// tells of it afterwards.
#[derive(Clone, Debug, Default)]
pub struct JsonLines(Arc<Mutex<Option<io::Error>>>);

impl JsonLines {
    /// Whether every line was written.
    ///
    /// # Errors
    /// Why the first that was not could not be.
    pub fn result(&self) -> io::Result<()> {
        let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failed.take().map_or(Ok(()), Err)
    }
}

impl Observer for JsonLines {
    fn on(&mut self, event: &Event<'_>) {
        let Event::EpochEnded(record) = event else {
            return;
        };
        let line = serde_json::to_string(record).map_err(io::Error::from);
        let written = line.and_then(|line| writeln!(out(), "{line}"));
        if let Err(error) = written {
            let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            failed.get_or_insert(error);
        }
    }
}
