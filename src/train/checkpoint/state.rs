//! The training state: everything that a resumed run depends on beside parameters and optimizer state.
//!
//! There is no random state in it: every random choice is a function of seed, epoch and sample
//! (see [`random`](crate::data::Rng)). Nor are there times, nor a count of restarts: a run that was
//! stopped and resumed leaves the same bytes as one that was not.

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::past::{Past, RecordError, from_exact};
use crate::train::run::counters::Counters;
use crate::train::run::events::EpochRecord;

/// The version of the state that this program writes. Version 1, which it reads too, held the whole history.
pub const STATE_VERSION: u32 = 2;

/// The training state between two batches.
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
    /// Of the epochs that are over.
    pub past: Past,
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
            past: Past::default(),
        }
    }
}

impl State {
    /// Goes on as if no epoch had been the best yet, where its weights are lost.
    pub fn forget_best(&mut self) {
        self.best_epoch = None;
        self.past.best = None;
    }

    /// The best epoch's record.
    pub fn best(&self) -> Option<&EpochRecord> {
        self.past.best.as_ref()
    }

    /// Reads a state of any version. With one of version 1 comes the history that it held.
    ///
    /// # Errors
    /// A text that is no state; a state of another version.
    pub fn read(text: &str) -> anyhow::Result<(State, Option<Vec<EpochRecord>>)> {
        let mut json: Map<String, Value> =
            serde_json::from_str(text).context("its `kiln.checkpoint` metadata is damaged")?;
        let version = json.get("version").and_then(Value::as_u64).unwrap_or(0);
        let damaged = "its `kiln.checkpoint` metadata is damaged";
        let mut history = None;
        if version == 1 {
            let records = json.remove("history").unwrap_or_default();
            let records: Vec<Map<String, Value>> =
                serde_json::from_value(records).context(damaged)?;
            let records = records.into_iter().map(from_exact);
            let records: Result<Vec<EpochRecord>, RecordError> = records.collect();
            let records = records.context(damaged)?;
            json.insert("past".into(), serde_json::to_value(Past::of(&records)?)?);
            json.insert("version".into(), STATE_VERSION.into());
            history = Some(records);
        } else {
            ensure!(
                version == u64::from(STATE_VERSION),
                "its state has version {version}, this program reads versions 1 and {STATE_VERSION}; use a kiln of the \
                 same age"
            );
        }
        let state = serde_json::from_value(Value::Object(json)).context(damaged)?;
        Ok((state, history))
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

    /// Numbers of 17 digits, which serde_json alone does not read exactly.
    const HARD: [f64; 5] = [
        0.693_147_180_559_945_1,
        1.0 / 3.0,
        1e-310,
        8.41e21,
        123_456.789_012_345_67,
    ];

    fn records() -> Vec<EpochRecord> {
        let records = HARD.iter().enumerate();
        records.map(|(i, x)| record(i + 1, *x)).collect()
    }

    fn state(past: Past) -> State {
        State {
            epoch: 5,
            batch: 7,
            sums: Sums {
                samples: 28,
                hits: 3,
                decisions: 28,
                loss: 0.1 + 0.2,
            },
            best_epoch: Some(5),
            past,
            ..State::default()
        }
    }

    #[test]
    fn every_bit_of_every_figure_comes_back_but_no_time() {
        let state = state(Past::of(&records()).expect("JSON"));
        let text = serde_json::to_string(&state).expect("JSON");
        assert!(!text.contains("second"), "{text}");
        let (read, history) = State::read(&text).expect("a state");
        assert!(history.is_none());
        assert_eq!(read.sums, state.sums);
        let (best, was) = (read.best().expect("best"), &records()[4]);
        assert_eq!(best.train_loss.to_bits(), was.train_loss.to_bits());
        assert_eq!((best.valid.clone(), best.seconds), (was.valid.clone(), 0.0));
        assert_eq!(serde_json::to_string(&read).expect("JSON"), text);
    }

    #[test]
    fn a_state_does_not_grow_with_the_epochs() {
        let size = |epochs: usize| {
            let records: Vec<EpochRecord> = (1..=epochs).map(|epoch| record(epoch, 0.5)).collect();
            let state = state(Past::of(&records).expect("JSON"));
            serde_json::to_string(&state).expect("JSON").len()
        };
        assert!(size(5000) < size(1) + 10, "{} {}", size(5000), size(1));
    }

    #[test]
    fn a_state_of_version_1_brings_its_history() {
        let known = records();
        let figures = known
            .iter()
            .map(|record| crate::train::checkpoint::past::exact(record).expect("JSON"));
        let figures: Vec<_> = figures.collect();
        let mut old = serde_json::to_value(state(Past::default())).expect("JSON");
        old["version"] = 1.into();
        old["history"] = serde_json::to_value(figures).expect("JSON");
        old.as_object_mut().expect("a table").remove("past");
        let (read, history) = State::read(&old.to_string()).expect("a state");
        let history = history.expect("it held one");
        assert_eq!(history.len(), 5);
        for (read, was) in history.iter().zip(&known) {
            assert_eq!(read.train_loss.to_bits(), was.train_loss.to_bits());
            assert_eq!(read.valid, was.valid);
        }
        assert_eq!(read.past.digest, Past::of(&known).expect("JSON").digest);
        assert_eq!(read.version, STATE_VERSION);
    }
}
