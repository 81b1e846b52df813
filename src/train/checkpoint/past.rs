//! The record of past epochs in a checkpoint. Their metrics are in `history.jsonl`; a checkpoint with a copy of them would
//! grow with every epoch. Instead it holds a digest, by which resuming verifies that the file belongs to the run, bit
//! for bit.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_128;

use crate::train::run::events::{EpochRecord, is_time};

/// The record of past epochs in a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// Epochs at the beginning whose lines were lost: the history begins behind them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: usize,
    /// The digest when they were lost.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest_before: String,
    /// Of the figures of every epoch, in order; empty before the first.
    pub digest: String,
    /// The best epoch, without times.
    #[serde(with = "exact_record")]
    pub best: Option<EpochRecord>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Past {
    /// The record after these epochs.
    ///
    /// # Errors
    /// Figures that are no JSON.
    pub fn of(records: &[EpochRecord]) -> serde_json::Result<Past> {
        let mut past = Past::default();
        records.iter().try_for_each(|record| past.add(record))?;
        Ok(past)
    }

    /// The lines of all epochs so far are lost.
    pub fn lose(&mut self, epochs: usize) {
        self.lost = epochs;
        self.digest_before = self.digest.clone();
    }

    /// Another epoch is over.
    ///
    /// # Errors
    /// Figures that are no JSON.
    pub fn add(&mut self, record: &EpochRecord) -> serde_json::Result<()> {
        let text = self.digest.clone() + &serde_json::to_string(&exact(record)?)?;
        self.digest = format!("{:032x}", xxh3_128(text.as_bytes()));
        if record.best {
            self.best = Some(record.clone());
        }
        Ok(())
    }
}

/// The metrics of a record, without times.
pub fn figures(record: &EpochRecord) -> serde_json::Result<Map<String, Value>> {
    Ok(match serde_json::to_value(record)? {
        Value::Object(map) => map.into_iter().filter(|(key, _)| !is_time(key)).collect(),
        _ => Map::new(),
    })
}

/// The same with every number as the shortest text that gives the same bits again: serde_json's own reading of numbers may
/// be off by the last bit (its feature `float_roundtrip` is off).
pub fn exact(record: &EpochRecord) -> serde_json::Result<Map<String, Value>> {
    let mut figures = figures(record)?;
    for value in figures.values_mut().filter(|value| value.is_f64()) {
        *value = Value::from(format!("{:?}", value.as_f64().unwrap_or(f64::NAN)));
    }
    Ok(figures)
}

/// A record from such texts.
///
/// # Errors
/// A text that is no number, a figure that is missing.
pub fn from_exact(mut figures: Map<String, Value>) -> Result<EpochRecord, RecordError> {
    for value in figures.values_mut() {
        if let Some(text) = value.as_str() {
            let number = text.parse::<f64>();
            let number = number.map_err(|error| RecordError::Number {
                text: text.to_string(),
                error,
            });
            *value = Value::from(number?);
        }
    }
    Ok(serde_json::from_value(Value::Object(figures))?)
}

/// Why texts are no record of an epoch.
#[derive(Debug, Error)]
pub enum RecordError {
    /// One that is no number.
    #[error("{text:?}: {error}")]
    Number {
        /// The text.
        text: String,
        /// What is wrong with it.
        error: std::num::ParseFloatError,
    },
    /// A figure that is missing or another kind of value.
    #[error(transparent)]
    Figures(#[from] serde_json::Error),
}

mod exact_record {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error, ser};

    use super::*;

    pub fn serialize<S: Serializer>(
        record: &Option<EpochRecord>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let texts = record.as_ref().map(exact).transpose();
        texts.map_err(ser::Error::custom)?.serialize(to)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Option<EpochRecord>, D::Error> {
        let texts: Option<Map<String, Value>> = Deserialize::deserialize(from)?;
        texts.map(from_exact).transpose().map_err(D::Error::custom)
    }
}
