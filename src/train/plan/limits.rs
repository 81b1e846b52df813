//! Early stopping and budgets. Conditions on the history are pure functions of it, so that a resumed run ends where an
//! uninterrupted one does.

use std::time::{Duration, Instant};

use super::monitor::{Monitor, Watch};
use crate::config::{EarlyStopping, Train};
use crate::train::run::events::EpochRecord;

/// The conditions that end a training run early.
#[derive(Clone, Debug)]
pub struct Limits {
    early_stopping: Option<EarlyStopping>,
    /// Its figure, where it is not that of the best epoch.
    watched: Option<Monitor>,
    max_steps: Option<u64>,
    end: Option<Instant>,
    minutes: f64,
}

impl Limits {
    /// Those of an experiment; its minutes begin now. `watched` is early stopping's own figure.
    pub fn new(train: &Train, watched: Option<Monitor>) -> Limits {
        let minutes = train.max_minutes.unwrap_or(0.0);
        let time = Duration::try_from_secs_f64(60.0 * minutes).unwrap_or(Duration::MAX);
        Limits {
            early_stopping: train.early_stopping.clone(),
            watched,
            max_steps: train.max_steps,
            end: train
                .max_minutes
                .and_then(|_| Instant::now().checked_add(time)),
            minutes,
        }
    }

    /// Why no further step is made after `steps`, if that is so.
    pub fn budget(&self, steps: u64) -> Option<String> {
        if self.max_steps.is_some_and(|most| steps >= most) {
            return Some(format!("train.max_steps = {steps} are made"));
        }
        let over = self.end.is_some_and(|end| Instant::now() >= end);
        over.then(|| format!("train.max_minutes = {} are over", self.minutes))
    }

    /// Why no further epoch is trained after these, if that is so; `monitor` is what "best" means.
    pub fn no_progress(&self, history: &[EpochRecord], monitor: &Monitor) -> Option<String> {
        let stopping = self.early_stopping.as_ref()?;
        let monitor = self.watched.as_ref().unwrap_or(monitor);
        let mut watch = Watch::new(monitor.higher_is_better, stopping.min_delta);
        let mut waited = 0;
        for record in history.iter().skip(stopping.start_from_epoch) {
            match watch.improves(record.figure(&monitor.name)) {
                true => waited = 0,
                false => waited += 1,
            }
        }
        (waited >= stopping.patience).then(|| {
            let name = &monitor.name;
            format!("{name} got no better for {waited} epochs (train.early_stopping)")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn history(losses: &[f64]) -> Vec<EpochRecord> {
        let records = losses.iter().enumerate().map(|(index, loss)| {
            let record = json!({
                "epoch": index + 1, "train_loss": loss, "train_accuracy": 0.5, "valid_loss": loss,
                "learning_rate": 0.1, "seconds": 0.0, "train_seconds": 0.0, "data_wait_seconds": 0.0,
                "checkpoint_seconds": 0.0, "samples_per_second": 0.0, "best": false,
            });
            serde_json::from_value(record).expect("a record")
        });
        records.collect()
    }

    /// The epoch after which training ends. Keras 3.15, `EarlyStopping(patience=2, ...)` on these losses.
    fn end(min_delta: f64, start_from_epoch: usize) -> Option<usize> {
        let losses = [1.0, 0.9, 0.95, 0.88, 0.87, 0.86, 0.91, 0.92, 0.93];
        let stopping = json!({
            "patience": 2, "min_delta": min_delta, "start_from_epoch": start_from_epoch,
        });
        let train = json!({"epochs": 9, "loss": "mse", "early_stopping": stopping});
        let train: Train = serde_json::from_value(train).expect("a training");
        let limits = Limits::new(&train, None);
        let monitor = Monitor::read("valid_loss", &[]).expect("a figure");
        let ends = |count: &usize| limits.no_progress(&history(&losses[..*count]), &monitor);
        (1..=losses.len()).find(|count| ends(count).is_some())
    }

    #[test]
    fn training_ends_after_epochs_without_a_better_value() {
        assert_eq!(end(0.0, 0), Some(8));
        // 0.88 is no better than 0.9 by more than 0.05.
        assert_eq!(end(0.05, 0), Some(4));
        assert_eq!(end(0.0, 7), None);
        assert_eq!(end(0.0, 6), Some(9));
    }
}
