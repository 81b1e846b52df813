//! What ends a training before its last epoch, as the experiment says: no progress, or a budget. What is asked of
//! the history alone is a function of it, so that a resumed run ends where one that was never stopped does.

use std::time::{Duration, Instant};

use super::events::EpochRecord;
use super::monitor::{Monitor, Watch};
use crate::config::{EarlyStopping, Train};

/// What ends a training.
#[derive(Clone, Debug)]
pub struct Limits {
    early_stopping: Option<EarlyStopping>,
    max_steps: Option<u64>,
    end: Option<Instant>,
    minutes: f64,
}

impl Limits {
    /// Those of an experiment; its minutes begin now.
    pub fn new(train: &Train) -> Limits {
        let minutes = train.max_minutes.unwrap_or(0.0);
        let time = Duration::try_from_secs_f64(60.0 * minutes).unwrap_or(Duration::MAX);
        Limits {
            early_stopping: train.early_stopping.clone(),
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

    /// Why no further epoch is trained after these, if that is so.
    pub fn no_progress(&self, history: &[EpochRecord], monitor: &Monitor) -> Option<String> {
        let stopping = self.early_stopping.as_ref()?;
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
