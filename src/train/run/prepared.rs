//! From a plan to a run: everything that a run needs but its folder, made once, also where several runs are compared.

use std::sync::Arc;

use anyhow::{bail, ensure};
use serde_json::Value;

use super::average::Averaging;
use super::events::EpochRecord;
use super::features::FrozenLayers;
use super::fit::Run;
use super::kept::{self, Kept, NotKept};
use super::shaping::Shaping;
use super::stepper::Stepper;
use super::stop::StopFlag;
use crate::config::OnNonFinite;
use crate::console::Show as _;
use crate::data::audit::Audit;
use crate::data::{Dataset, LeftOut, Loader, Progress, Skipped, class_counts};
use crate::device::Chosen;
use crate::model::{Compute, FORMAT_VERSION, ModelFile, ModelInfo};
use crate::storage::FaultPoint;
use crate::train::checkpoint::checkpointer::Checkpointer;
use crate::train::checkpoint::resume::Checkpoint;
use crate::train::checkpoint::run_folder::RunFolder;
use crate::train::checkpoint::snapshot::Files;
use crate::train::checkpoint::state::State;
use crate::train::plan::class_weights;
use crate::train::plan::run_plan::{Plan, PlanParts};
use crate::train::tools::lr_find::{Found, Sweep, Trial};

/// Steps that may be on their way on a GPU before their results are read.
const PENDING_ON_GPU: usize = 8;

/// A plan with its data.
pub struct Prepared {
    /// The plan.
    pub plan: PlanParts,
    /// The metadata of the model file.
    pub info: ModelInfo,
    /// Files, members of archives or rows that are no samples.
    pub left_out: LeftOut,
    /// Whether these are rows.
    pub of_rows: bool,
    device: Chosen,
    compute: Compute,
    class_weights: Option<Vec<f32>>,
    train: Arc<dyn Dataset>,
    valid: Arc<dyn Dataset>,
}

/// The findings of decoding the samples.
pub struct Findings {
    /// Samples that cannot be used.
    pub skipped: Vec<Skipped>,
    /// Notices.
    pub notices: Vec<String>,
    /// The audit, where it was asked for.
    pub audit: Option<Audit>,
}

/// Where a run begins.
pub struct Start {
    /// The run folder.
    pub folder: RunFolder,
    /// The checkpoint to go on from.
    pub checkpoint: Option<Checkpoint>,
    /// The optimizer's numbers are new: halvings of the old rate are forgotten.
    pub fresh_rate: bool,
    /// Where tests let writing fail.
    pub fault: FaultPoint,
    /// Steps at most.
    pub max_steps: Option<usize>,
}

impl Prepared {
    /// Decodes the samples, with an audit of them where that is asked for.
    ///
    /// # Errors
    /// Data of which nothing can be used.
    pub fn new(
        plan: Plan,
        device: Chosen,
        compute: Compute,
        audit: bool,
        progress: &dyn Progress,
    ) -> anyhow::Result<(Prepared, Findings)> {
        let (plan, survey, augmentation) = plan.into_parts();
        let left_out = survey.summary().left_out.clone();
        let of_rows = survey.summary().of_rows;
        let experiment = &plan.source.experiment;
        let datasets = survey
            .prepare(&experiment.preprocess, augmentation, audit, progress)
            .map_err(|faults| plan.source.explain(&faults))?;
        let findings = Findings {
            skipped: datasets.skipped,
            notices: datasets.notices,
            audit: datasets.audit,
        };
        let class_weights = experiment.train.class_weights.as_ref().map(|weights| {
            let counts = class_counts(&*datasets.train, datasets.task.len());
            class_weights::resolve(weights, datasets.task.classes(), &counts)
        });
        let info = ModelInfo {
            version: FORMAT_VERSION,
            layout: "nhwc".to_string(),
            experiment: ModelInfo::strip(experiment.clone()),
            task: datasets.task,
            preprocess: datasets.preprocess,
            metrics: Default::default(),
            fingerprint: datasets.fingerprint,
        };
        let prepared = Prepared {
            plan,
            info,
            left_out,
            of_rows,
            device,
            compute,
            class_weights,
            train: datasets.train,
            valid: datasets.valid,
        };
        Ok((prepared, findings))
    }

    /// The training split, and a net before its first step; from trained weights where `pretrained` and its backbones have
    /// some. With it what the user should know of these.
    fn begin(&self, pretrained: bool) -> anyhow::Result<(Loader, Stepper<'_>, Vec<String>)> {
        let plan = &self.plan;
        let experiment = &plan.source.experiment;
        let (seed, device) = (experiment.seed, &self.device.device);
        let train = self.shuffled(self.train.clone())?;
        let accumulate = experiment.train.accumulate;
        let pace = plan.pace(train.num_batches().div_ceil(accumulate));
        let mut params = plan.network.init(seed, device);
        let notices = match pretrained {
            true => plan.network.load_pretrained(&mut params),
            false => Ok(Vec::new()),
        };
        let notices = notices.map_err(|faults| plan.source.explain(&faults))?;
        let stepper = Stepper::new(
            &plan.network,
            &*plan.loss,
            plan.optimizer.clone(),
            params,
            seed,
            self.compute,
        );
        let stepper = stepper
            .with(pace, Shaping::new(&experiment.train))
            .averaging(Averaging::new(&experiment.train));
        Ok((train, stepper, notices))
    }

    /// Batches for training.
    fn shuffled(&self, split: Arc<dyn Dataset>) -> anyhow::Result<Loader> {
        let experiment = &self.plan.source.experiment;
        let (train, seed) = (&experiment.train, experiment.seed);
        let threads = rayon::current_num_threads();
        let loader = Loader::shuffled(split, self.plan.batch_size, seed, threads)?;
        Ok(loader.drop_last(train.drop_last).sampler(train.sampler))
    }

    /// Batches for validation.
    fn in_order(&self, split: Arc<dyn Dataset>) -> anyhow::Result<Loader> {
        let batch_size = self.plan.batch_size.min(256);
        Loader::in_order(split, batch_size, rayon::current_num_threads())
    }

    /// The features of the layers that are frozen in an epoch, counted from 0; or why they are not kept.
    fn kept(
        &self,
        stepper: &Stepper<'_>,
        epoch: usize,
        progress: &dyn Progress,
    ) -> anyhow::Result<(Option<Kept>, Option<String>)> {
        let network = &self.plan.network;
        let (num_layers, frozen) = network.fixed_layers(epoch as u64);
        let layers = FrozenLayers {
            network,
            tensors: stepper.params.tensors(),
            num_layers,
            device: &self.device.device,
            compute: self.compute,
            epoch: epoch as u64,
        };
        let splits = [self.train.clone(), self.valid.clone()];
        let budget = kept::budget(&self.plan.source.experiment.data);
        let [train, valid] = match kept::keep(&layers, &splits, budget, progress) {
            Ok(splits) => splits,
            Err(NotKept::NothingFrozen) => return Ok((None, None)),
            Err(NotKept::Because(reason)) => {
                let notice = format!("the frozen layers run in every epoch: {reason}");
                return Ok((None, Some(notice)));
            }
        };
        let kept = Kept {
            train: self.shuffled(train)?,
            valid: self.in_order(valid)?,
            num_layers,
            frozen,
        };
        Ok((Some(kept), None))
    }

    /// Trains a net that is thrown away, with one learning rate after the other.
    pub fn sweep(
        &self,
        sweep: Sweep,
        stop: &StopFlag,
        tick: &mut dyn FnMut(),
    ) -> anyhow::Result<Found> {
        let (train, stepper, _) = self.begin(true)?;
        let trial = Trial {
            train: &train,
            class_weights: self.class_weights.as_deref(),
            accumulate: self.plan.source.experiment.train.accumulate,
            device: &self.device.device,
        };
        Ok(sweep.run(stepper, &trial, stop, tick))
    }

    /// Early stopping and the plateau schedule look back on every epoch.
    fn needs_no_lost_history(&self, state: &State) -> anyhow::Result<()> {
        let train = &self.plan.source.experiment.train;
        let schedule = self.plan.schedule.as_ref();
        let plateau = schedule.is_some_and(|schedule| schedule.plateau().is_some());
        let who = match (train.early_stopping.is_some(), plateau) {
            (true, _) => "train.early_stopping",
            (false, true) => "train.schedule",
            (false, false) => return Ok(()),
        };
        let lost = state.past.lost;
        ensure!(
            lost == 0,
            "{who} needs the figures of every epoch, but those of the first {lost} are no longer in history.jsonl; put \
             the file of the run back (history-damaged-1.jsonl and so on are what was there), or begin a new run with --config"
        );
        Ok(())
    }

    /// Why the best model in the folder is not that of the run's best epoch, where there is to be one.
    fn lost_best(&self, folder: &RunFolder, state: &State) -> Option<String> {
        let epoch = state.best_epoch?;
        let model = match ModelFile::open(&folder.best(), &self.device.device) {
            Ok(model) => model,
            Err(error) => return Some(format!("{error:#}")),
        };
        let (found, own) = (&model.info, &self.info);
        let of = found.metrics.get("epoch").and_then(Value::as_u64);
        if of != Some(epoch as u64) {
            return Some(match of {
                Some(of) => format!("it is that of epoch {of}"),
                None => "it does not say of which epoch it is".to_string(),
            });
        }
        let same_net = found.experiment.model == own.experiment.model && found.task == own.task;
        (!same_net).then(|| "it is another net's".to_string())
    }

    /// Takes up a checkpoint: state and history of its run; parameters and optimizer state go to the stepper.
    ///
    /// # Errors
    /// A checkpoint that does not fit, a history that early stopping needs and that is lost, a best model that is lost
    /// where no epoch is left.
    fn take_up(
        &self,
        checkpoint: Checkpoint,
        folder: &mut RunFolder,
        stepper: &mut Stepper<'_>,
    ) -> anyhow::Result<(State, Vec<EpochRecord>)> {
        let records = checkpoint.records.clone();
        let mut state = checkpoint.load_into(stepper)?;
        let (history, warning) = match records {
            Some(mut records) => {
                let warning = folder.reconcile(&mut records)?;
                (records, warning)
            }
            None => folder.take_up(&mut state)?,
        };
        if let Some(warning) = warning {
            crate::say!("warning: {warning}");
        }
        self.needs_no_lost_history(&state)?;
        if let Some(reason) = self.lost_best(folder, &state) {
            let epoch = state.best_epoch.unwrap_or_default();
            let best = folder.best();
            if state.epoch >= self.plan.source.experiment.train.epochs {
                bail!(
                    "{} is not the best model of this run (epoch {epoch}): {reason}; put it back from a copy, or \
                     train on with --set train.epochs={}, and the best of the new epochs is kept",
                    best.shown(),
                    state.epoch + 1
                );
            }
            crate::say!(
                "warning: {} is not the best model of this run (epoch {epoch}): {reason}; from here on the best of \
                 the epochs to come is kept there",
                best.shown()
            );
            state.forget_best();
        }
        Ok((state, history))
    }

    /// A run from the beginning or from a checkpoint.
    ///
    /// # Errors
    /// As taking up a checkpoint; files of the run folder that cannot be written.
    pub fn run(&self, start: Start, progress: &dyn Progress) -> anyhow::Result<Run<'_>> {
        let plan = &self.plan;
        let experiment = &plan.source.experiment;
        let device = &self.device.device;
        // A checkpoint holds all parameters.
        let (train, mut stepper, mut notices) = self.begin(start.checkpoint.is_none())?;
        let mut folder = start.folder;
        let mut monitor = plan.monitor.clone();
        let (mut state, mut history) = (State::default(), Vec::new());
        if let Some(checkpoint) = start.checkpoint {
            (state, history) = self.take_up(checkpoint, &mut folder, &mut stepper)?;
            let best = state.best();
            monitor.resume(best.and_then(|best| best.figure(&monitor.name)));
        } else {
            folder.reconcile(&mut [])?;
        }
        if start.fresh_rate {
            let mut counters = stepper.counters().clone();
            counters.backed_off = 0;
            stepper.set_counters(counters);
        }
        let (kept, notice) = self.kept(&stepper, state.epoch, progress)?;
        notices.extend(notice);
        let files = Files {
            last: folder.last(),
            best: folder.best(),
            keep: experiment.checkpoint.keep,
        };
        let keeps = experiment.train.on_non_finite == OnNonFinite::BackOff;
        let when = experiment.checkpoint;
        let checkpointer = Checkpointer::new(when, files, start.fault, &stepper, keeps)?;
        Ok(Run {
            network: &plan.network,
            loss: &*plan.loss,
            stepper,
            train,
            valid: self.in_order(self.valid.clone())?,
            kept,
            notices,
            num_epochs: experiment.train.epochs,
            class_weights: self.class_weights.clone(),
            accumulate: experiment.train.accumulate,
            max_steps: start.max_steps,
            limits: plan.limits(),
            plateau: plan.schedule.clone(),
            monitor,
            decision: plan.decision,
            device: device.clone(),
            max_pending: if self.device.is_gpu {
                PENDING_ON_GPU
            } else {
                1
            },
            info: self.info.clone(),
            folder,
            state,
            history,
            checkpointer,
            on_non_finite: experiment.train.on_non_finite,
        })
    }
}
