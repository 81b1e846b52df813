//! Advice after a training run, and warnings before one.

use super::monitor::Monitor;
use crate::config::Experiment;
use crate::train::run::events::EpochRecord;

/// The fewest epochs from which a trend is recognized.
const FEWEST: usize = 3;
/// A validation loss so much above its best is falling back, not noise.
const WORSE: f64 = 1.1;
/// A training loss at so small a share of the validation loss is much better.
const APART: f64 = 0.7;

/// How a training went of which all `epochs` may have been trained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Course {
    /// The last epoch is the best: more would be better still.
    Improving,
    /// Validation is worse than it was at `best`, training much better than validation.
    Overfits {
        /// The best epoch.
        best: usize,
    },
}

/// Advice on a finished training; `None` if there is none.
pub fn course(history: &[EpochRecord], epochs: usize, monitor: &Monitor) -> Option<Course> {
    let best = history.iter().rfind(|record| record.best)?;
    let last = history.last()?;
    if history.len() < FEWEST {
        return None;
    }
    if best.epoch == last.epoch {
        return (last.epoch >= epochs).then_some(Course::Improving);
    }
    let valid = |record: &EpochRecord| record.figure("valid_loss");
    let least = history
        .iter()
        .filter_map(valid)
        .fold(f64::INFINITY, f64::min);
    let loss = valid(last)?;
    let figure = |record: &EpochRecord| record.figure(&monitor.name);
    let (now, then) = (figure(last)?, figure(best)?);
    let falling = if monitor.higher_is_better {
        now < then
    } else {
        now > then
    };
    let at_best = best.train_loss;
    let overfits = falling
        && loss > WORSE * least
        && last.train_loss < APART * loss
        && last.train_loss < at_best;
    (overfits && least > 0.0).then_some(Course::Overfits { best: best.epoch })
}

impl Course {
    /// What to do, for the run in `folder` (as a shell takes it).
    pub fn advice(&self, history: &[EpochRecord], folder: &str) -> String {
        match self {
            Course::Improving => format!(
                "still improving: the last epoch is the best; to go on:\n  kiln train --resume {folder} --set \
                 train.epochs={}",
                2 * history.len()
            ),
            Course::Overfits { best } => {
                let last = history.last();
                let figure = |name: &str| {
                    last.and_then(|record| record.figure(name))
                        .unwrap_or(f64::NAN)
                };
                format!(
                    "it overfits: since epoch {best} validation gets worse (valid_loss {:.4}), while training gets \
                     better (train_loss {:.4}). The best epoch is kept. Things to try: more data, dropout or l2, a \
                     smaller net, train.early_stopping = {{ patience = 5 }}",
                    figure("valid_loss"),
                    figure("train_loss")
                )
            }
        }
    }
}

/// Warnings about an experiment that can be trained all the same.
pub fn warnings(experiment: &Experiment, batch_size: usize) -> Vec<String> {
    let model = serde_json::to_string(&experiment.model).unwrap_or_default();
    let normalizes = model.contains("\"batch_norm\"");
    let mut warnings = Vec::new();
    if batch_size == 1 && normalizes {
        warnings.push(
            "train.batch_size is 1, but batch_norm takes mean and deviation over a batch: of one sample a dense \
             layer's are the sample itself and 0. Use --set train.batch_size=32, or layer_norm"
                .to_string(),
        );
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn history(losses: &[(f64, f64)]) -> Vec<EpochRecord> {
        let mut least = f64::INFINITY;
        let records = losses.iter().enumerate().map(|(index, (train, valid))| {
            let best = *valid < least;
            least = least.min(*valid);
            let record = json!({
                "epoch": index + 1, "train_loss": train, "valid_loss": valid, "learning_rate": 0.1, "best": best,
            });
            serde_json::from_value(record).expect("a record")
        });
        records.collect()
    }

    #[test]
    fn the_trend_is_inferred_from_the_history() {
        let monitor = Monitor::read("valid_loss", &[]).expect("a figure");
        let trend = |losses: &[(f64, f64)], epochs| course(&history(losses), epochs, &monitor);
        let improving = [(1.0, 1.0), (0.8, 0.9), (0.7, 0.8)];
        assert_eq!(trend(&improving, 3), Some(Course::Improving));
        assert_eq!(trend(&improving, 9), None, "stopped before its last epoch");
        let overfits = [(1.0, 1.0), (0.5, 0.8), (0.1, 1.2)];
        assert_eq!(trend(&overfits, 3), Some(Course::Overfits { best: 2 }));
        let noisy = [(1.0, 1.0), (0.8, 0.8), (0.75, 0.81)];
        assert_eq!(trend(&noisy, 3), None);
        let advice = Course::Improving.advice(&history(&improving), "runs/a-1");
        assert!(
            advice.ends_with("kiln train --resume runs/a-1 --set train.epochs=6"),
            "{advice}"
        );
    }
}
