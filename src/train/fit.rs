//! The training loop: epochs of steps, validation, what is best, what is written.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use burn::tensor::Device;
use serde_json::{Map, Value};

use super::evaluator::{Decision, Evaluation, Scorer};
use super::events::{EpochRecord, Event, Observer};
use super::monitor::Monitor;
use super::run_folder::RunFolder;
use super::stepper::{StepOutput, Stepper, training_device};
use crate::data::{Loader, Skipped};
use crate::metrics::{compute_all, decide};
use crate::model::{Loss, ModelFile, ModelInfo, Network, host};

/// Everything that a run works with.
pub struct Run<'a> {
    /// The net.
    pub network: &'a Network,
    /// What training lowers.
    pub loss: &'a dyn Loss,
    /// Parameters and optimizer.
    pub stepper: Stepper<'a>,
    /// The training split.
    pub train: Loader,
    /// The validation split.
    pub valid: Loader,
    /// Epochs to train.
    pub num_epochs: usize,
    /// How much a sample of each class counts in the training loss; 1 where absent.
    pub class_weights: Option<Vec<f32>>,
    /// What "best" means.
    pub monitor: Monitor,
    /// What makes a class of two the predicted one.
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
}

/// How a run ended.
pub struct Outcome {
    /// One record an epoch.
    pub history: Vec<EpochRecord>,
    /// The best epoch's record.
    pub best: Option<EpochRecord>,
    /// The validation predictions of the best epoch.
    pub evaluation: Option<Evaluation>,
    /// Whether the user stopped it.
    pub interrupted: bool,
    /// Samples that could not be loaded on the way.
    pub failed: Vec<Skipped>,
}

/// Epochs after which a run that is no better than guessing says so.
const PATIENCE_WITH_CHANCE: usize = 3;
/// How far above guessing a balanced accuracy may be by chance.
const BY_CHANCE: f64 = 0.05;

impl Run<'_> {
    /// Trains to the end, or until `stop` is set; then the batch in work is finished and what is
    /// trained is saved.
    ///
    /// # Errors
    /// A loss that is not finite; a file that cannot be written.
    pub fn fit(
        mut self,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> anyhow::Result<(Outcome, RunFolder)> {
        let mut outcome = Outcome {
            history: Vec::new(),
            best: None,
            evaluation: None,
            interrupted: false,
            failed: Vec::new(),
        };
        for epoch in 0..self.num_epochs {
            let begin = Instant::now();
            let trained = self.train_epoch(epoch, observer, stop, &mut outcome.failed)?;
            let train_seconds = begin.elapsed().as_secs_f64();
            if stop.load(Ordering::Relaxed) {
                outcome.interrupted = true;
                self.save_last(&outcome.history)?;
                break;
            }
            observer.on(&Event::Validating);
            let evaluation = self.validate(stop);
            if stop.load(Ordering::Relaxed) {
                outcome.interrupted = true;
                self.save_last(&outcome.history)?;
                break;
            }
            let mut record = EpochRecord {
                epoch: epoch + 1,
                train_loss: trained.mean_loss(),
                train_accuracy: trained.accuracy(),
                valid: valid_figures(&evaluation),
                learning_rate: self.stepper.learning_rate(),
                seconds: begin.elapsed().as_secs_f64(),
                train_seconds,
                data_wait_seconds: trained.wait.as_secs_f64(),
                samples_per_second: trained.samples as f64 / train_seconds,
                best: false,
            };
            record.best = self.monitor.improves(record.figure(&self.monitor.name));
            self.save(&record)?;
            self.folder.append(&record)?;
            observer.on(&Event::EpochEnded(&record));
            note_failed(&mut outcome.failed, &evaluation.failed);
            if record.best {
                outcome.best = Some(record.clone());
                outcome.evaluation = Some(evaluation);
            }
            outcome.history.push(record);
            if let Some(notice) = self.warn_of_chance(&outcome) {
                observer.on(&Event::Notice(&notice));
            }
        }
        Ok((outcome, self.folder))
    }

    fn train_epoch(
        &mut self,
        epoch: usize,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
        failed: &mut Vec<Skipped>,
    ) -> anyhow::Result<Trained> {
        observer.on(&Event::EpochBegan {
            epoch: epoch + 1,
            num_epochs: self.num_epochs,
            num_batches: self.train.num_batches(),
        });
        let device = training_device(&self.device);
        let shape = self.train.dataset().shape();
        let mut trained = Trained::default();
        let mut pending = Vec::new();
        let mut batches = self.train.epoch(epoch as u64);
        loop {
            let waiting = Instant::now();
            let Some(mut loaded) = batches.next() else {
                break;
            };
            trained.wait += waiting.elapsed();
            note_failed(failed, &loaded.failed);
            if loaded.indices.is_empty() {
                continue;
            }
            if let Some(weights) = &self.class_weights {
                loaded.batch.weigh(weights);
            }
            let targets = loaded.batch.classes.clone();
            let output = self
                .stepper
                .step(loaded.batch.to_device(shape, &device), epoch as u64);
            pending.push((output, targets));
            if pending.len() >= self.max_pending {
                self.read(&mut pending, &mut trained, epoch, observer)?;
            }
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        self.read(&mut pending, &mut trained, epoch, observer)?;
        Ok(trained)
    }

    /// Reads the results of steps from the device.
    fn read(
        &self,
        pending: &mut Vec<(StepOutput, Vec<u32>)>,
        trained: &mut Trained,
        epoch: usize,
        observer: &mut dyn Observer,
    ) -> anyhow::Result<()> {
        for (output, targets) in pending.drain(..) {
            let samples = targets.len();
            let losses = host(output.losses);
            let probabilities = host(output.probabilities);
            let hits = probabilities
                .chunks_exact(probabilities.len() / samples)
                .zip(&targets)
                .filter(|(row, target)| {
                    decide(row, self.decision.positive, self.decision.threshold)
                        == **target as usize
                })
                .count();
            trained.batches += 1;
            trained.samples += samples;
            trained.hits += hits;
            trained.loss_sum += losses.iter().map(|&loss| f64::from(loss)).sum::<f64>();
            if !trained.loss_sum.is_finite() {
                return Err(self.not_finite("the loss is", epoch, trained.batches));
            }
            if output.diverged {
                return Err(self.not_finite("the gradients are", epoch, trained.batches));
            }
            observer.on(&Event::Stepped {
                samples,
                loss: trained.mean_loss(),
                accuracy: trained.accuracy(),
            });
        }
        Ok(())
    }

    fn not_finite(&self, what: &str, epoch: usize, batch: usize) -> anyhow::Error {
        let range = if self.stepper.compute().needs_loss_scale() {
            ". Or use train.precision = \"f32\": f16, which this device has for \"bf16\", ends at 65504"
        } else {
            ""
        };
        anyhow!(
            "{what} not finite any more (epoch {}, batch {batch}, learning rate {}). Try a lower \
             train.optimizer learning_rate, and check preprocess (divide_by = 255){range}",
            epoch + 1,
            self.stepper.learning_rate()
        )
    }

    fn validate(&self, stop: &AtomicBool) -> Evaluation {
        let scorer = Scorer {
            network: self.network,
            loss: self.loss,
            classes: &self.info.classes,
            decision: self.decision,
            device: &self.device,
        };
        scorer.evaluate(&self.stepper.params, &self.valid, &mut |_| {
            !stop.load(Ordering::Relaxed)
        })
    }

    fn save(&mut self, record: &EpochRecord) -> anyhow::Result<()> {
        self.info.metrics = match serde_json::to_value(record)? {
            Value::Object(map) => map.into_iter().filter(|(key, _)| is_figure(key)).collect(),
            _ => Default::default(),
        };
        if record.best {
            ModelFile::save(&self.folder.best(), &self.info, &self.stepper.params)?;
        }
        ModelFile::save(&self.folder.last(), &self.info, &self.stepper.params)
    }

    fn save_last(&mut self, history: &[EpochRecord]) -> anyhow::Result<()> {
        self.info.metrics = Default::default();
        self.info.metrics.insert(
            "interrupted_in_epoch".into(),
            Value::from(history.len() + 1),
        );
        ModelFile::save(&self.folder.last(), &self.info, &self.stepper.params)
    }

    /// After three epochs no better than guessing the most frequent class: what to try.
    fn warn_of_chance(&self, outcome: &Outcome) -> Option<String> {
        if outcome.history.len() != PATIENCE_WITH_CHANCE {
            return None;
        }
        let baseline = outcome.evaluation.as_ref()?.predictions.majority_share()?;
        let history = &outcome.history;
        let best = |name: &str| {
            let figures = history.iter().filter_map(|record| record.figure(name));
            figures.fold(0.0, f64::max)
        };
        // What learns rare classes may well be below the baseline of the frequent one.
        let chance = 1.0 / self.info.classes.len() as f64;
        let guesses = best("valid_balanced_accuracy") <= chance + BY_CHANCE;
        let best = best("valid_accuracy");
        let rate = self.stepper.learning_rate();
        (best <= baseline && guesses).then(|| {
            format!(
                "after {PATIENCE_WITH_CHANCE} epochs the accuracy ({best:.3}) is no better than \
                 always guessing the most frequent class ({baseline:.3}). Things to try: a lower \
                 learning rate (--set train.optimizer.adam.learning_rate={}), less augmentation, \
                 checking that preprocess scales the values (divide_by = 255), checking a few \
                 labels by eye",
                rate / 10.0
            )
        })
    }
}

/// Adds the samples that were not named before: those that fail do so in every epoch.
fn note_failed(known: &mut Vec<Skipped>, failed: &[Skipped]) {
    for skipped in failed {
        if !known.contains(skipped) {
            known.push(skipped.clone());
        }
    }
}

/// Times do not belong into a model file: the same training should give the same file.
fn is_figure(key: &str) -> bool {
    !key.contains("seconds") && !key.contains("per_second") && key != "best"
}

fn valid_figures(evaluation: &Evaluation) -> Map<String, Value> {
    compute_all(&evaluation.predictions)
        .into_iter()
        .map(|(name, value)| (format!("valid_{name}"), Value::from(value)))
        .collect()
}

/// Sums over the training samples of an epoch.
#[derive(Default)]
struct Trained {
    batches: usize,
    samples: usize,
    hits: usize,
    loss_sum: f64,
    wait: Duration,
}

impl Trained {
    fn mean_loss(&self) -> f64 {
        self.loss_sum / self.samples.max(1) as f64
    }

    fn accuracy(&self) -> f64 {
        self.hits as f64 / self.samples.max(1) as f64
    }
}
