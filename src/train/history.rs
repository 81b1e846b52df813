//! `history.jsonl` of a run that is resumed: appended to, never written anew. A line that was
//! appended after the last checkpoint is taken back, as its epoch is trained again; so is half a
//! line, which a kill may leave.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use serde_json::{Map, Value};

use super::events::{EpochRecord, is_time};
use super::state::figures;
use crate::console::Show as _;
use crate::storage::read_regular;

/// Cuts the file after the lines that `records` know, and appends those that are missing. The
/// records take the times of their lines. Returns what the user should know.
///
/// # Errors
/// A file that cannot be read or written.
pub fn reconcile(
    path: &Path,
    file: &mut File,
    records: &mut [EpochRecord],
) -> anyhow::Result<Option<String>> {
    let fail = || format!("cannot bring {} up to date", path.shown());
    let bytes = read_regular(path, u64::MAX).with_context(fail)?;
    let mut known = 0;
    let mut end = 0;
    for (line, record) in bytes
        .split_inclusive(|byte| *byte == b'\n')
        .zip(&mut *records)
    {
        let Some(read) = parse(line).filter(|read| same(read, record)) else {
            break;
        };
        // The figures stay: those of the checkpoint are exact.
        for (key, value) in &read {
            set_time(record, key, value);
        }
        known += 1;
        end += line.len();
    }
    file.set_len(end as u64).with_context(fail)?;
    let missing = &records[known..];
    for record in missing {
        let line = serde_json::to_string(record)? + "\n";
        file.write_all(line.as_bytes()).with_context(fail)?;
    }
    file.sync_all().with_context(fail)?;
    Ok((!missing.is_empty()).then(|| {
        format!(
            "{} lines of {} were missing or not those of the run; they come from the checkpoint, \
             without times",
            missing.len(),
            path.shown()
        )
    }))
}

fn parse(line: &[u8]) -> Option<Map<String, Value>> {
    let whole = line.strip_suffix(b"\n")?;
    serde_json::from_slice(whole).ok()
}

/// Whether a line says of an epoch what the record does, but for times.
fn same(read: &Map<String, Value>, record: &EpochRecord) -> bool {
    // Through the same text: reading numbers may change their last bit.
    let expected = figures(record).ok().and_then(|figures| {
        let text = serde_json::to_string(&figures).ok()?;
        serde_json::from_str::<Map<String, Value>>(&text).ok()
    });
    let found: Map<String, Value> = read
        .iter()
        .filter(|(key, _)| !is_time(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    expected.is_some_and(|expected| expected == found)
}

fn set_time(record: &mut EpochRecord, key: &str, value: &Value) {
    let place = match key {
        "seconds" => &mut record.seconds,
        "train_seconds" => &mut record.train_seconds,
        "data_wait_seconds" => &mut record.data_wait_seconds,
        "checkpoint_seconds" => &mut record.checkpoint_seconds,
        "samples_per_second" => &mut record.samples_per_second,
        _ => return,
    };
    *place = value.as_f64().unwrap_or(0.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(epoch: usize, seconds: f64) -> EpochRecord {
        EpochRecord {
            epoch,
            train_loss: 0.1 + 0.2 / epoch as f64,
            train_accuracy: Some(0.5),
            valid: Map::new(),
            learning_rate: 0.01,
            backed_off: 0,
            seconds,
            train_seconds: seconds,
            data_wait_seconds: 0.0,
            checkpoint_seconds: 0.0,
            samples_per_second: 1.0,
            best: true,
        }
    }

    fn line(record: &EpochRecord) -> String {
        serde_json::to_string(record).expect("JSON") + "\n"
    }

    /// The file after `before` was reconciled with two records, and whether something was told.
    fn after(before: &str) -> (String, bool) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("history.jsonl");
        std::fs::write(&path, before).expect("written");
        let mut file = File::options().append(true).open(&path).expect("open");
        let mut records = [record(1, 0.0), record(2, 0.0)];
        let told = reconcile(&path, &mut file, &mut records).expect("reconciled");
        (
            std::fs::read_to_string(&path).expect("read"),
            told.is_some(),
        )
    }

    #[test]
    fn lines_beyond_the_checkpoint_and_half_lines_go() {
        let two = line(&record(1, 3.0)) + &line(&record(2, 4.0));
        assert_eq!(after(&two), (two.clone(), false));
        assert_eq!(
            after(&(two.clone() + &line(&record(3, 5.0)))),
            (two.clone(), false)
        );
        assert_eq!(after(&(two.clone() + "{\"epoch\": 3, \"tra")), (two, false));
    }

    #[test]
    fn lines_that_are_missing_come_from_the_checkpoint() {
        let one = line(&record(1, 3.0));
        let both = one.clone() + &line(&record(2, 0.0));
        assert_eq!(after(&one), (both.clone(), true));
        let foreign = one + "{\"epoch\": 7}\n";
        assert_eq!(after(&foreign), (both, true));
    }
}
