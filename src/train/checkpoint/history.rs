//! `history.jsonl` of a resumed run: appended to, never rewritten. A line that was appended after the last checkpoint is
//! removed, because its epoch is trained again; so is a partial line, which a kill may leave.
//!
//! The figures are read as they were written, to the last bit, and compared with the checkpoint's digest.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jsonc_parser::ast;
use serde_json::{Map, Value};

use super::past::{Past, figures};
use crate::console::Show as _;
use crate::storage::read_regular;
use crate::train::run::events::{EpochRecord, is_time};

/// Reads the records of the epochs that a checkpoint was made after, and cuts the file behind their lines; `None` if
/// they are not those of the checkpoint.
///
/// # Errors
/// A file that cannot be read or written.
pub fn take_up(
    path: &Path,
    file: &mut File,
    past: &Past,
    epochs: usize,
) -> anyhow::Result<Option<Vec<EpochRecord>>> {
    let fail = || format!("cannot bring {} up to date", path.shown());
    let bytes = read_regular(path, u64::MAX).with_context(fail)?;
    let count = epochs.saturating_sub(past.lost);
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').take(count);
    let end: usize = lines.clone().map(<[u8]>::len).sum();
    let records: Option<Vec<EpochRecord>> = lines.map(exact_record).collect();
    let Some(records) = records.filter(|records| records.len() == count) else {
        return Ok(None);
    };
    let mut found = Past {
        digest: past.digest_before.clone(),
        ..Past::default()
    };
    records.iter().try_for_each(|record| found.add(record))?;
    if found.digest != past.digest {
        return Ok(None);
    }
    file.set_len(end as u64).with_context(fail)?;
    file.sync_all().with_context(fail)?;
    Ok(Some(records))
}

/// Puts the lines of another run, or damaged ones, aside; `None` if there is none.
///
/// # Errors
/// A file that cannot be read or written.
pub fn set_aside(path: &Path, file: &mut File) -> anyhow::Result<Option<PathBuf>> {
    let fail = || format!("cannot bring {} up to date", path.shown());
    let numbered =
        (1..).map(|number| path.with_file_name(format!("history-damaged-{number}.jsonl")));
    let mut free = numbered.skip_while(|name| name.symlink_metadata().is_ok());
    let aside = free
        .next()
        .filter(|_| file.metadata().is_ok_and(|data| data.len() > 0));
    if let Some(aside) = &aside {
        std::fs::copy(path, aside).with_context(fail)?;
    }
    file.set_len(0).with_context(fail)?;
    file.sync_all().with_context(fail)?;
    Ok(aside)
}

/// A whole line as a record, every number to the last bit.
fn exact_record(line: &[u8]) -> Option<EpochRecord> {
    let text = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let parsed = jsonc_parser::parse_to_ast(text, &Default::default(), &Default::default());
    let ast::Value::Object(object) = parsed.ok()?.value? else {
        return None;
    };
    let figures = object.properties.into_iter().map(|property| {
        let value = match property.value {
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::BooleanLit(flag) => Value::Bool(flag.value),
            // serde_json's own reading of numbers may be off by the last bit.
            ast::Value::NumberLit(number) => match number.value.parse::<u64>() {
                Ok(count) => Value::from(count),
                Err(_) => Value::from(number.value.parse::<f64>().ok()?),
            },
            _ => return None,
        };
        Some((property.name.into_string(), value))
    });
    let figures: Option<Map<String, Value>> = figures.collect();
    serde_json::from_value(Value::Object(figures?)).ok()
}

/// For a checkpoint that holds the records itself: cuts the file after the lines that `records` know, and appends those that are missing. The
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

/// Whether a line has the same metrics of an epoch as the record, ignoring times.
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

    /// The file after `before` was reconciled with two records, and whether there was a notice.
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
    fn figures_are_read_to_the_last_bit_and_in_order_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("history.jsonl");
        let hard = [0.693_147_180_559_945_1, 1.0 / 3.0, 1e-310, 8.41e21, 1.0];
        let records = hard.iter().enumerate().map(|(index, figure)| EpochRecord {
            train_loss: *figure,
            valid: [("valid_z", Value::from(*figure)), ("valid_a", Value::Null)]
                .map(|(key, value)| (key.to_string(), value))
                .into_iter()
                .collect(),
            ..record(index + 1, 2.5)
        });
        let records: Vec<EpochRecord> = records.collect();
        let lines: String = records.iter().map(line).collect();
        let past = Past::of(&records).expect("JSON");
        let take_up = |lines: &str, epochs: usize| {
            std::fs::write(&path, lines).expect("written");
            let mut file = File::options().append(true).open(&path).expect("open");
            take_up(&path, &mut file, &past, epochs).expect("readable")
        };
        let more = lines.clone() + &line(&record(6, 1.0)) + "{\"epoch\": 7, \"tra";
        assert_eq!(take_up(&more, 5), Some(records.clone()));
        assert_eq!(std::fs::read_to_string(&path).expect("read"), lines);
        assert_eq!(take_up(&lines, 4), None, "the digest is of five");
        assert_eq!(take_up(&lines.replace("0.333", "0.334"), 5), None);
        assert_eq!(take_up(&lines[..lines.len() - 1], 5), None, "half a line");
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
