//! The training loop: epochs, validation, what is best, what is saved.

use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::tensor::Device;
use serde_json::{Map, Value};

use super::clock::{Clock, Ended, note_failed};
use super::evaluator::{Evaluation, Scorer};
use super::events::{EpochRecord, Event, Observer};
use super::kept::Kept;
use super::non_finite::{NonFinite, rate_key};
use super::stepper::Stepper;
use super::stop::StopFlag;
use crate::config::OnNonFinite;
use crate::data::{Loader, Shape, Skipped};
use crate::model::{Loss, ModelFile, ModelInfo, Network};
use crate::train::checkpoint::checkpointer::Checkpointer;
use crate::train::checkpoint::past::figures;
use crate::train::checkpoint::run_folder::RunFolder;
use crate::train::checkpoint::state::{State, Sums};
use crate::train::plan::decision::Decision;
use crate::train::plan::limits::Limits;
use crate::train::plan::monitor::Monitor;
use crate::train::schedules::schedule::Schedule;

/// Everything that a run works with.
pub struct Run<'a> {
    /// The net.
    pub network: &'a Network,
    /// The loss.
    pub loss: &'a dyn Loss,
    /// Parameters and optimizer.
    pub stepper: Stepper<'a>,
    /// The training split.
    pub train: Loader,
    /// The validation split.
    pub valid: Loader,
    /// Notices before it begins.
    pub notices: Vec<String>,
    /// The precomputed features that replace them while the first layers are frozen.
    pub kept: Option<Kept>,
    /// Epochs to train.
    pub num_epochs: usize,
    /// Batches whose gradients make one update.
    pub accumulate: usize,
    /// Updates after which to stop, for comparisons.
    pub max_steps: Option<usize>,
    /// The conditions that end the training early.
    pub limits: Limits,
    /// The schedule, where it may follow the figures of validation.
    pub plateau: Option<Arc<dyn Schedule>>,
    /// How much a sample of each class counts in the training loss; 1 where absent.
    pub class_weights: Option<Vec<f32>>,
    /// The monitored metric.
    pub monitor: Monitor,
    /// The decision rule of binary classification.
    pub decision: Decision,
    /// Without autodiff.
    pub device: Device,
    /// How many steps may be on their way before their results are read: 1 on the CPU, more on a
    /// GPU, which would otherwise wait for the host at each step.
    pub max_pending: usize,
    /// The document that goes into the model files, but for the metrics.
    pub info: ModelInfo,
    /// Where everything is written.
    pub folder: RunFolder,
    /// Where the run stands.
    pub state: State,
    /// One record an epoch, but for those at the beginning whose lines were lost.
    pub history: Vec<EpochRecord>,
    /// Saves it.
    pub checkpointer: Checkpointer,
    /// How a loss that is not finite is handled.
    pub on_non_finite: OnNonFinite,
}

/// How a run ended.
pub struct Outcome {
    /// Epochs that are over.
    pub num_epochs: usize,
    /// The best epoch's record.
    pub best: Option<EpochRecord>,
    /// The validation predictions of the best epoch.
    pub evaluation: Option<Evaluation>,
    /// Whether it stopped before its last epoch.
    pub interrupted: bool,
    /// Samples that could not be loaded on the way.
    pub failed: Vec<Skipped>,
}

/// Epochs after which a run that is no better than guessing gets a notice.
const PATIENCE_WITH_CHANCE: usize = 3;
/// How far above guessing a balanced accuracy may be by chance.
const BY_CHANCE: f64 = 0.05;

/// How often the learning rate may be halved.
const MOST_BACKED_OFF: u32 = 5;

impl Run<'_> {
    /// Trains to the end, or until somebody asks to stop; then the batch in work is finished and the
    /// state is saved.
    ///
    /// # Errors
    /// A loss that is not finite; a file that cannot be written.
    pub fn fit(
        mut self,
        observer: &mut dyn Observer,
        stop: &StopFlag,
    ) -> anyhow::Result<(Outcome, Self)> {
        let mut outcome = Outcome {
            num_epochs: 0,
            best: None,
            evaluation: None,
            interrupted: false,
            failed: Vec::new(),
        };
        if self.on_non_finite == OnNonFinite::BackOff {
            self.checkpointer
                .take(&self.stepper, &self.state, &self.info, false)?;
        }
        while self.state.epoch < self.num_epochs {
            if let Some(why) = self.ended() {
                observer.on(&Event::Notice(&format!("the training ends here: {why}")));
                break;
            }
            self.follow_plateau();
            match self.epoch(observer, stop, &mut outcome)? {
                Ended::Complete => {}
                Ended::Stopped => {
                    outcome.interrupted = true;
                    self.save_within_epoch()?;
                    break;
                }
                Ended::Broken(found) => self.back_off(found, observer)?,
            }
        }
        self.checkpointer.wait()?;
        outcome.best = self.state.best().cloned();
        if outcome.evaluation.is_none() && outcome.best.is_some() && !outcome.interrupted {
            outcome.evaluation = self.evaluate_best(stop);
        }
        outcome.num_epochs = self.state.epoch;
        Ok((outcome, self))
    }

    /// Why the training ends before its last epoch, if it does.
    fn ended(&self) -> Option<String> {
        let steps = self.stepper.counters().updates;
        let no_progress = || self.limits.no_progress(&self.history, &self.monitor);
        self.limits.budget(steps).or_else(no_progress)
    }

    /// The features of the frozen layers, where they are kept and are those of the epoch in work.
    fn kept(&self) -> Option<&Kept> {
        let kept = self.kept.as_ref()?;
        kept.frozen
            .in_epoch(self.state.epoch as u64)
            .then_some(kept)
    }

    /// The batches of the epoch in work.
    pub(in crate::train) fn train_loader(&self) -> &Loader {
        self.kept().map_or(&self.train, |kept| &kept.train)
    }

    /// Begins the epoch in work: thaws what it trains, and leaves out the layers whose outputs are kept.
    pub(in crate::train) fn begin_epoch(&mut self) {
        self.stepper.begin_epoch(self.state.epoch as u64);
        self.stepper.skipped = self.kept().map_or(0, |kept| kept.num_layers);
    }

    /// Sets the rate that the figures so far make.
    fn follow_plateau(&mut self) {
        if let Some(plateau) = self.plateau.as_ref().and_then(|s| s.plateau()) {
            let name = &self.monitor.name;
            let mut values = self.history.iter().map(|record| record.figure(name));
            let reduced = plateau.after(&mut values, self.monitor.higher_is_better);
            self.stepper.set_reduced(reduced);
        }
    }

    /// Trains the rest of the epoch in work, validates, and saves.
    fn epoch(
        &mut self,
        observer: &mut dyn Observer,
        stop: &StopFlag,
        outcome: &mut Outcome,
    ) -> anyhow::Result<Ended> {
        let mut clock = Clock {
            begin: Instant::now(),
            samples_before: self.state.sums.samples,
            wait: Duration::ZERO,
            held_up: Duration::ZERO,
        };
        match self.train_epoch(observer, stop, &mut outcome.failed, &mut clock)? {
            Ended::Complete => {}
            other => return Ok(other),
        }
        let train_seconds = clock.begin.elapsed().as_secs_f64();
        observer.on(&Event::Validating);
        if !self.average_epoch(stop) {
            return Ok(Ended::Stopped);
        }
        let evaluation = self.validate(stop);
        if stop.is_set() {
            return Ok(Ended::Stopped);
        }
        let record = self.record(&evaluation, &clock, train_seconds);
        let record = self.end_epoch(record, &mut clock)?;
        observer.on(&Event::EpochEnded(&record));
        note_failed(&mut outcome.failed, &evaluation.failed);
        if record.best {
            outcome.evaluation = Some(evaluation);
        }
        if let Some(notice) = self.warn_of_chance(outcome.evaluation.as_ref()) {
            observer.on(&Event::Notice(&notice));
        }
        Ok(Ended::Complete)
    }

    /// Rolls back to the last checkpoint and halves the learning rate, if the experiment is configured so.
    fn back_off(&mut self, found: NonFinite, observer: &mut dyn Observer) -> anyhow::Result<()> {
        let backed_off = self.stepper.counters().backed_off;
        let experiment = &self.info.experiment;
        let error = found.explain(
            self.network,
            &self.stepper,
            self.train_loader(),
            &self.device,
            experiment,
        );
        if self.on_non_finite == OnNonFinite::Stop {
            return Err(error);
        }
        if backed_off == MOST_BACKED_OFF {
            return Err(error.context(format!(
                "{MOST_BACKED_OFF} times half the rate did not help"
            )));
        }
        let Some(snapshot) = self.checkpointer.last_taken()? else {
            return Err(error);
        };
        self.state = snapshot.state.clone();
        let known = self.state.epoch - self.state.past.lost;
        self.history.truncate(known);
        snapshot.restore(&mut self.stepper)?;
        let mut counters = self.stepper.counters().clone();
        counters.backed_off = backed_off + 1;
        self.stepper.set_counters(counters);
        observer.on(&Event::Notice(&format!(
            "{error}\nback to epoch {}, batch {}, with the learning rate {:?}",
            self.state.epoch + 1,
            self.state.batch + 1,
            self.stepper.learning_rate()
        )));
        Ok(())
    }

    fn validate(&self, stop: &StopFlag) -> Evaluation {
        let scorer = Scorer {
            network: self.network,
            loss: self.loss,
            task: &self.info.task,
            decision: self.decision,
            device: &self.device,
            skipped: self.kept().map_or(0, |kept| kept.num_layers),
        };
        let valid = self.kept().map_or(&self.valid, |kept| &kept.valid);
        scorer.evaluate(self.stepper.shown(), valid, &mut |_| !stop.is_set())
    }

    /// The predictions of a best epoch that lies before the run was resumed, made again.
    fn evaluate_best(&self, stop: &StopFlag) -> Option<Evaluation> {
        let best = ModelFile::open(&self.folder.best(), &self.device).ok()?;
        let scorer = Scorer {
            network: &best.network,
            loss: self.loss,
            task: &self.info.task,
            decision: self.decision,
            device: &self.device,
            skipped: 0,
        };
        Some(scorer.evaluate(&best.params, &self.valid, &mut |_| !stop.is_set()))
    }

    fn record(
        &mut self,
        evaluation: &Evaluation,
        clock: &Clock,
        train_seconds: f64,
    ) -> EpochRecord {
        let sums = self.state.sums;
        let mut record = EpochRecord {
            epoch: self.state.epoch + 1,
            train_loss: sums.mean_loss(),
            train_accuracy: sums.accuracy(),
            valid: valid_figures(evaluation),
            learning_rate: self.stepper.learning_rate(),
            backed_off: self.stepper.counters().backed_off,
            seconds: clock.begin.elapsed().as_secs_f64(),
            train_seconds,
            data_wait_seconds: clock.wait.as_secs_f64(),
            checkpoint_seconds: 0.0,
            samples_per_second: (sums.samples - clock.samples_before) as f64 / train_seconds,
            best: false,
        };
        record.best = self.monitor.improves(record.figure(&self.monitor.name));
        record
    }

    /// Moves on to the next epoch and saves. The line of the history is written before the
    /// checkpoint that knows of it: where a kill comes between them, resuming takes the line back.
    fn end_epoch(
        &mut self,
        mut record: EpochRecord,
        clock: &mut Clock,
    ) -> anyhow::Result<EpochRecord> {
        self.state.epoch += 1;
        self.state.batch = 0;
        self.state.sums = Sums::default();
        if record.best {
            self.state.best_epoch = Some(record.epoch);
        }
        self.info.metrics = figures(&record)?
            .into_iter()
            .filter(|(key, _)| key != "best")
            .collect();
        self.state.past.add(&record)?;
        self.history.push(record.clone());
        clock.held_up +=
            self.checkpointer
                .take(&self.stepper, &self.state, &self.info, record.best)?;
        record.checkpoint_seconds = clock.held_up.as_secs_f64();
        self.folder.append(&record)?;
        if let Some(last) = self.history.last_mut() {
            last.clone_from(&record);
        }
        self.checkpointer.write()?;
        Ok(record)
    }

    /// Saves the state between two batches; returns how long that held training up.
    pub(in crate::train) fn save_within_epoch(&mut self) -> anyhow::Result<Duration> {
        self.info.metrics = [(
            "within_epoch".to_string(),
            Value::from(self.state.epoch + 1),
        )]
        .into();
        let held_up = self
            .checkpointer
            .take(&self.stepper, &self.state, &self.info, false)?;
        self.checkpointer.write()?;
        Ok(held_up)
    }

    /// After three epochs no better than guessing the most frequent class: what to try.
    fn warn_of_chance(&self, evaluation: Option<&Evaluation>) -> Option<String> {
        let history = &self.history;
        if history.len() != PATIENCE_WITH_CHANCE {
            return None;
        }
        let baseline = evaluation?.predictions.majority_share()?;
        let best = |name: &str| {
            let figures = history.iter().filter_map(|record| record.figure(name));
            figures.fold(0.0, f64::max)
        };
        // What learns rare classes may well be below the baseline of the frequent one.
        let chance = 1.0 / self.info.task.len() as f64;
        let guesses = best("valid_balanced_accuracy") <= chance + BY_CHANCE;
        let best = best("valid_accuracy");
        let rate = self.stepper.learning_rate();
        (best <= baseline && guesses).then(|| {
            let experiment = &self.info.experiment;
            let key = rate_key(experiment);
            let augmented = match experiment.augment.is_empty() {
                true => "",
                false => "less augmentation, ",
            };
            let scaled = match self.network.input {
                Shape::Image { .. } => {
                    "checking that preprocess scales the values (divide_by = 255), "
                }
                _ => "",
            };
            format!(
                "after {PATIENCE_WITH_CHANCE} epochs the accuracy ({best:.3}) is no better than \
                 always guessing the most frequent class ({baseline:.3}). Things to try: a lower \
                 learning rate (--set {key}={}), {augmented}{scaled}checking a few labels by eye",
                rate / 10.0
            )
        })
    }
}

fn valid_figures(evaluation: &Evaluation) -> Map<String, Value> {
    let figures = evaluation.predictions.figures();
    figures
        .into_iter()
        .map(|(name, value)| (format!("valid_{name}"), Value::from(value)))
        .collect()
}
