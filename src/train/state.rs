//! Where a run stands: all that its future depends on beside parameters and optimizer state.
//!
//! There is no random state in it: every random choice is a function of seed, epoch and sample
//! (see [`random`](crate::data::Rng)). Nor are there times, nor a count of restarts: a run that was
//! stopped and resumed leaves the same bytes as one that was not.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::events::{EpochRecord, is_time};
use super::stepper::Counters;

/// The version of the state that this program writes and reads.
pub const STATE_VERSION: u32 = 1;

/// Where a run stands, between two batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// [`STATE_VERSION`] of the program that wrote it.
    pub version: u32,
    /// Epochs that are over; the index of the one in work.
    pub epoch: usize,
    /// Batches of that epoch that were taken.
    pub batch: usize,
    /// Over those batches.
    pub sums: Sums,
    /// The best epoch, from 1.
    pub best_epoch: Option<usize>,
    /// Of the stepper.
    pub counters: Counters,
    /// One record an epoch, without times.
    #[serde(with = "exact_history")]
    pub history: Vec<EpochRecord>,
}

impl Default for State {
    fn default() -> Self {
        State {
            version: STATE_VERSION,
            epoch: 0,
            batch: 0,
            sums: Sums::default(),
            best_epoch: None,
            counters: Counters::default(),
            history: Vec::new(),
        }
    }
}

impl State {
    /// The best epoch's record.
    pub fn best(&self) -> Option<&EpochRecord> {
        self.history.get(self.best_epoch?.checked_sub(1)?)
    }
}

/// Sums over the training samples of an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// Samples.
    pub samples: usize,
    /// Classes or labels that were predicted.
    pub hits: usize,
    /// Classes or labels in all; none with numbers.
    pub decisions: usize,
    /// Of all samples.
    #[serde(with = "exact")]
    pub loss: f64,
}

impl Sums {
    /// Of the samples so far.
    pub fn mean_loss(&self) -> f64 {
        self.loss / self.samples.max(1) as f64
    }

    /// The share of classes or labels that were predicted so far; `None` with numbers.
    pub fn accuracy(&self) -> Option<f64> {
        (self.decisions > 0).then(|| self.hits as f64 / self.decisions as f64)
    }
}

/// A number as the shortest text that gives the same bits again: serde_json's own reading of
/// numbers may be off by the last bit (its feature `float_roundtrip` is off).
mod exact {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{number:?}"))
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<f64, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// Records without times, their figures as [`exact`] texts.
mod exact_history {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error, ser};

    use super::*;

    pub fn serialize<S: Serializer>(records: &[EpochRecord], to: S) -> Result<S::Ok, S::Error> {
        let texts = records.iter().map(|record| {
            let mut figures = figures(record).map_err(ser::Error::custom)?;
            for value in figures.values_mut().filter(|value| value.is_f64()) {
                *value = Value::from(format!("{:?}", value.as_f64().unwrap_or(f64::NAN)));
            }
            Ok(figures)
        });
        let texts: Result<Vec<_>, S::Error> = texts.collect();
        texts?.serialize(to)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Vec<EpochRecord>, D::Error> {
        let texts: Vec<Map<String, Value>> = Deserialize::deserialize(from)?;
        let records = texts.into_iter().map(|mut figures| {
            for value in figures.values_mut() {
                if let Some(text) = value.as_str() {
                    *value = Value::from(text.parse::<f64>().map_err(D::Error::custom)?);
                }
            }
            serde_json::from_value(Value::Object(figures)).map_err(D::Error::custom)
        });
        records.collect()
    }
}

/// What a record says, without times.
pub fn figures(record: &EpochRecord) -> serde_json::Result<Map<String, Value>> {
    Ok(match serde_json::to_value(record)? {
        Value::Object(map) => map.into_iter().filter(|(key, _)| !is_time(key)).collect(),
        _ => Map::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(epoch: usize, figure: f64) -> EpochRecord {
        let valid = [
            ("valid_loss", Value::from(figure)),
            ("valid_auc", Value::Null),
        ];
        EpochRecord {
            epoch,
            train_loss: figure / 3.0,
            train_accuracy: Some(1.0),
            valid: valid
                .map(|(key, value)| (key.to_string(), value))
                .into_iter()
                .collect(),
            learning_rate: 1e-3,
            backed_off: 0,
            seconds: 1.5,
            train_seconds: 1.0,
            data_wait_seconds: 0.25,
            checkpoint_seconds: 0.125,
            samples_per_second: 99.0,
            best: true,
        }
    }

    #[test]
    fn every_bit_of_every_figure_comes_back_but_no_time() {
        // Numbers of 17 digits, which serde_json alone does not read exactly.
        let hard = [
            0.693_147_180_559_945_1,
            1.0 / 3.0,
            1e-310,
            8.41e21,
            123_456.789_012_345_67,
        ];
        let state = State {
            epoch: 5,
            batch: 7,
            sums: Sums {
                samples: 28,
                hits: 3,
                decisions: 28,
                loss: 0.1 + 0.2,
            },
            best_epoch: Some(2),
            history: hard
                .iter()
                .enumerate()
                .map(|(i, x)| record(i + 1, *x))
                .collect(),
            ..State::default()
        };
        let text = serde_json::to_string(&state).expect("JSON");
        assert!(!text.contains("second"), "{text}");
        let read: State = serde_json::from_str(&text).expect("a state");
        assert_eq!(read.sums, state.sums);
        for (read, was) in read.history.iter().zip(&state.history) {
            assert_eq!(read.train_loss.to_bits(), was.train_loss.to_bits());
            assert_eq!(read.valid, was.valid);
            assert_eq!(read.seconds, 0.0);
        }
        assert_eq!(serde_json::to_string(&read).expect("JSON"), text);
        assert_eq!(read.best().map(|best| best.epoch), Some(2));
    }
}
