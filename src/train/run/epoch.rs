//! The steps of one epoch: batches in, results read, checkpoints where they are due.

use std::time::Instant;

use super::evaluator::hits;
use super::events::{Event, Observer};
use super::fit::Run;
use super::non_finite::{Diverged, NonFinite};
use super::stepper::{StepOutput, training_device};
use super::stop::StopFlag;
use crate::data::{HostTargets, Skipped};
use crate::model::host;
use crate::train::run::clock::{Clock, Ended, note_failed};

/// A step whose results were not read yet.
struct Pending {
    output: StepOutput,
    targets: HostTargets,
    samples: usize,
    /// From 0.
    batch: usize,
}

impl Run<'_> {
    /// Trains on the batches that are left of the epoch in work.
    ///
    /// # Errors
    /// A checkpoint that cannot be written.
    pub(in crate::train) fn train_epoch(
        &mut self,
        observer: &mut dyn Observer,
        stop: &StopFlag,
        failed: &mut Vec<Skipped>,
        clock: &mut Clock,
    ) -> anyhow::Result<Ended> {
        let epoch = self.state.epoch;
        self.begin_epoch();
        observer.on(&Event::EpochBegan {
            epoch: epoch + 1,
            num_epochs: self.num_epochs,
            num_batches: self.train_loader().num_batches(),
            first_batch: self.state.batch,
        });
        let device = training_device(&self.device);
        let train = self.train_loader();
        let shape = train.dataset().shape();
        let mut pending = Vec::new();
        let mut batches = train.epoch_from(epoch as u64, self.state.batch);
        let num_batches = train.num_batches();
        let mut ended = Ended::Complete;
        loop {
            // What is saved is never in the middle of a group.
            let begins = self.state.batch.is_multiple_of(self.accumulate);
            if begins && (stop.is_set() || self.max_steps == Some(0)) {
                ended = Ended::Stopped;
                break;
            }
            let updates = self.stepper.counters().updates;
            if begins && self.limits.budget(updates).is_some() {
                break; // the epoch ends here
            }
            let waiting = Instant::now();
            let mut go_on = || !(begins && stop.is_set());
            let Some(mut loaded) = batches.next_while(&mut go_on) else {
                if !go_on() {
                    ended = Ended::Stopped;
                }
                break;
            };
            clock.wait += waiting.elapsed();
            note_failed(failed, &loaded.failed);
            let taken = self.state.batch + 1;
            let ends = taken.is_multiple_of(self.accumulate) || taken == num_batches;
            if ends {
                self.max_steps = self.max_steps.map(|steps| steps - 1);
            }
            if !loaded.indices.is_empty() {
                if let Some(weights) = &self.class_weights {
                    loaded.batch.weigh(weights);
                }
                let targets = loaded.batch.targets.clone();
                let samples = loaded.indices.len();
                let batch = loaded.batch.to_device(shape, &device);
                pending.push(Pending {
                    output: self.stepper.step_of_group(batch, epoch as u64, ends),
                    targets,
                    samples,
                    batch: self.state.batch,
                });
            } else if ends {
                self.stepper.end_group();
            }
            self.state.batch = taken;
            if pending.len() >= self.max_pending
                && let Some(found) = self.read(&mut pending, observer)
            {
                return Ok(Ended::Broken(found));
            }
            if ends && self.checkpointer.is_due()? && taken < num_batches {
                if let Some(found) = self.settle(&mut pending, observer) {
                    return Ok(Ended::Broken(found));
                }
                clock.held_up += self.save_within_epoch()?;
            }
        }
        Ok(match self.settle(&mut pending, observer) {
            Some(found) => Ended::Broken(found),
            None => ended,
        })
    }

    /// Reads all results and looks at the parameters: a state that is saved is finite.
    fn settle(
        &mut self,
        pending: &mut Vec<Pending>,
        observer: &mut dyn Observer,
    ) -> Option<NonFinite> {
        if let Some(found) = self.read(pending, observer) {
            return Some(found);
        }
        (!self.stepper.is_finite()).then(|| NonFinite {
            what: Diverged::Parameters,
            epoch: self.state.epoch,
            batch: self.state.batch.saturating_sub(1),
            before_update: false,
        })
    }

    /// Reads the results of steps from the device.
    fn read(
        &mut self,
        pending: &mut Vec<Pending>,
        observer: &mut dyn Observer,
    ) -> Option<NonFinite> {
        for Pending {
            output,
            targets,
            samples,
            batch,
        } in pending.drain(..)
        {
            let losses = host(output.losses);
            let (hits, decisions) = hits(&targets, &host(output.predictions), self.decision);
            let sums = &mut self.state.sums;
            sums.samples += samples;
            sums.hits += hits;
            sums.decisions += decisions;
            sums.loss += losses.iter().map(|&loss| f64::from(loss)).sum::<f64>();
            let what = match (sums.loss.is_finite(), output.diverged) {
                (false, _) => Some(Diverged::Loss),
                (true, true) => Some(Diverged::Gradients),
                (true, false) => None,
            };
            if let Some(what) = what {
                return Some(NonFinite {
                    what,
                    epoch: self.state.epoch,
                    batch,
                    before_update: output.refused,
                });
            }
            observer.on(&Event::Stepped {
                samples,
                loss: sums.mean_loss(),
                accuracy: sums.accuracy(),
            });
        }
        None
    }
}
