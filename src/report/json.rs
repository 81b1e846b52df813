//! Progress for programs: one object a line on standard output.

use std::io::Write;

use crate::train::{Event, Observer};

/// Prints each epoch's record.
pub struct JsonLines;

impl Observer for JsonLines {
    fn on(&mut self, event: &Event<'_>) {
        if let Event::EpochEnded(record) = event
            && let Ok(line) = serde_json::to_string(record)
        {
            let _ = writeln!(std::io::stdout(), "{line}"); // a reader that has gone is no error
        }
    }
}
