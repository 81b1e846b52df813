//! The plan of a run: every part of an experiment read and validated, the cheapest checks first, before any sample is
//! decoded.

use std::sync::Arc;

use super::decision::Decision;
use super::limits::Limits;
use super::monitor::Monitor;
use super::{class_weights, no_effect};
use crate::config::{Experiment, Fault, Path, Sampler, Source, Train, read_member};
use crate::data::image::augment;
use crate::data::image::augment::Augmentation;
use crate::data::{Output, Shape, Survey, Task, read_source};
use crate::model::{Layers, Loss, Network, read_loss};
use crate::train::optimizers::OPTIMIZERS;
use crate::train::optimizers::optimizer::Optimizer;
use crate::train::schedules::SCHEDULES;
use crate::train::schedules::learning_rate::LearningRate;
use crate::train::schedules::schedule::Schedule;

/// A run that can begin.
pub struct Plan {
    /// The experiment with its text.
    pub source: Source,
    /// The net, with every shape.
    pub network: Network,
    /// The loss.
    pub loss: Box<dyn Loss>,
    /// The optimizer.
    pub optimizer: Arc<dyn Optimizer>,
    /// How the learning rate changes; `None` if it is constant.
    pub schedule: Option<Arc<dyn Schedule>>,
    /// What "best" means.
    pub monitor: Monitor,
    /// The figure that early stopping watches, where it is not the monitored one.
    pub stopping: Option<Monitor>,
    /// The augmentation of training samples.
    pub augmentation: Option<Augmentation>,
    /// The samples, listed.
    pub survey: Box<dyn Survey>,
    /// The decision rule of binary classification.
    pub decision: Decision,
}

impl Plan {
    /// Checks an experiment: first by itself, then against the folders and file headers.
    ///
    /// # Errors
    /// Every mistake that can be found without decoding a sample, with file, line and remedy.
    pub fn check(source: Source) -> anyhow::Result<Plan> {
        let parts = read_parts(&source).map_err(|faults| source.explain(&faults))?;
        let Parts {
            mut loss,
            optimizer,
            schedule,
            monitor,
            stopping,
            augmentation,
        } = parts;
        let (network, survey, decision) = fit_to_data(&source, &mut *loss, augmentation.as_ref())
            .map_err(|faults| source.explain(&faults))?;
        let checked = monitor.check(&survey.summary().task);
        let checked = checked.and_then(|()| match &stopping {
            Some(stopping) => stopping.check(&survey.summary().task),
            None => Ok(()),
        });
        checked.map_err(|faults| source.explain(&faults))?;
        Ok(Plan {
            source,
            network,
            loss,
            optimizer,
            schedule,
            monitor,
            stopping,
            augmentation,
            survey,
            decision,
        })
    }

    /// What is left when the samples are decoded, and what decoding them takes.
    pub fn into_parts(self) -> (PlanParts, Box<dyn Survey>, Option<Augmentation>) {
        let batch_size = self.batch_size();
        let parts = PlanParts {
            source: self.source,
            network: self.network,
            loss: self.loss,
            optimizer: self.optimizer,
            schedule: self.schedule,
            monitor: self.monitor,
            stopping: self.stopping,
            decision: self.decision,
            batch_size,
        };
        (parts, self.survey, self.augmentation)
    }

    /// Checks that every file of trained weights is there and holds those of its backbone.
    ///
    /// # Errors
    /// The file that does not, at its line.
    pub fn check_pretrained(&self) -> anyhow::Result<()> {
        let checked = self.network.check_pretrained();
        checked.map_err(|faults| self.source.explain(&faults))
    }

    /// Samples of the training split.
    pub fn num_train(&self) -> usize {
        self.survey.summary().num_train
    }

    /// The weight of each class in the training loss as far as it is known before samples are decoded, of
    /// which some may be left out; `None` if there are no weights.
    pub fn class_weights(&self) -> Option<Vec<f32>> {
        let weights = self.source.experiment.train.class_weights.as_ref()?;
        let summary = self.survey.summary();
        let counts = &summary.train_counts;
        Some(class_weights::resolve(
            weights,
            summary.task.classes(),
            counts,
        ))
    }

    /// Samples a step.
    pub fn batch_size(&self) -> usize {
        self.source
            .experiment
            .train
            .batch_size
            .resolve(self.num_train())
    }
}

/// A plan whose samples are being decoded.
pub struct PlanParts {
    /// The experiment with its text.
    pub source: Source,
    /// The net, with every shape.
    pub network: Network,
    /// The loss.
    pub loss: Box<dyn Loss>,
    /// The optimizer.
    pub optimizer: Arc<dyn Optimizer>,
    /// How the learning rate changes; `None` if it is constant.
    pub schedule: Option<Arc<dyn Schedule>>,
    /// What "best" means.
    pub monitor: Monitor,
    /// The figure that early stopping watches, where it is not the monitored one.
    pub stopping: Option<Monitor>,
    /// The decision rule of binary classification.
    pub decision: Decision,
    /// Samples a step.
    pub batch_size: usize,
}

impl PlanParts {
    /// What ends the training before its last epoch.
    pub fn limits(&self) -> Limits {
        Limits::new(&self.source.experiment.train, self.stopping.clone())
    }

    /// How the learning rate changes, with `per_epoch` updates an epoch.
    pub fn pace(&self, per_epoch: usize) -> LearningRate {
        let train = &self.source.experiment.train;
        let pace = LearningRate::new(self.schedule.clone(), train.warmup, per_epoch, train.epochs);
        pace.with_swa(train.swa)
    }
}

/// Early stopping's figure, where it has one of its own.
fn read_stopping(experiment: &Experiment) -> Result<Option<Monitor>, Vec<Fault>> {
    let heads: Vec<&str> = experiment.model.heads.keys().map(String::as_str).collect();
    let stopping = experiment.train.early_stopping.as_ref();
    let name = stopping.and_then(|stopping| stopping.monitor.as_ref());
    name.map(|name| Monitor::read_at("train.early_stopping.monitor", name, &heads))
        .transpose()
}

fn read_schedule(train: &Train) -> Result<Option<Arc<dyn Schedule>>, Vec<Fault>> {
    let path = Path::parse("train.schedule");
    let spec = train.schedule.as_ref();
    spec.map(|spec| read_member(SCHEDULES, "schedule", spec, &path).map(Arc::from))
        .transpose()
}

/// What can be built without samples.
pub struct Net {
    /// The net, with every shape.
    pub network: Network,
    /// The loss.
    pub loss: Box<dyn Loss>,
    /// The optimizer.
    pub optimizer: Arc<dyn Optimizer>,
    /// The prediction task, or a task of the loss where the data was not looked at.
    pub task: Task,
}

impl Net {
    /// Builds the net of an experiment. The data is looked at only where the experiment leaves the
    /// shape of a sample to it.
    ///
    /// # Errors
    /// Every mistake of the experiment, with line and remedy.
    pub fn read(source: &Source) -> anyhow::Result<Net> {
        let build = || {
            let Parts {
                mut loss,
                optimizer,
                ..
            } = read_parts(source)?;
            let experiment = &source.experiment;
            let data = read_source(&experiment.data)?;
            let (shape, embedded, task) = match data.declared_shape() {
                Some(shape) => (shape, Vec::new(), None),
                None => {
                    let survey = data.survey(experiment.seed)?;
                    let task = survey.summary().task.clone();
                    (survey.shape(), survey.embedded(), Some(task))
                }
            };
            let layers = Layers::of(&experiment.model)?.with_columns(embedded)?;
            let network = Network::plan(layers, shape, &*loss)?;
            let task = task.unwrap_or_else(|| task_of(&*loss, network.num_outputs()));
            network.check_head(&mut *loss, &task)?;
            network.check_trainable(experiment.train.epochs)?;
            Ok(Net {
                network,
                loss,
                optimizer,
                task,
            })
        };
        build().map_err(|faults: Vec<Fault>| source.explain(&faults))
    }
}

/// A task that the loss is for, with this number of outputs.
fn task_of(loss: &dyn Loss, num_outputs: usize) -> Task {
    let names = |count: usize| (0..count).map(|index| index.to_string()).collect();
    let tasks = [
        Task::Classes(names(num_outputs.max(2))),
        Task::Regression(
            (0..num_outputs)
                .map(|i| Output::unscaled(&i.to_string()))
                .collect(),
        ),
        Task::MultiLabel(names(num_outputs)),
    ];
    let fits = |task: &&Task| loss.check(num_outputs, task).is_ok();
    tasks.iter().find(fits).unwrap_or(&tasks[0]).clone()
}

/// The parts of a plan that need no data.
struct Parts {
    loss: Box<dyn Loss>,
    optimizer: Arc<dyn Optimizer>,
    schedule: Option<Arc<dyn Schedule>>,
    monitor: Monitor,
    stopping: Option<Monitor>,
    augmentation: Option<Augmentation>,
}

/// Reads the parts that need no data; collects the faults of all of them.
fn read_parts(source: &Source) -> Result<Parts, Vec<Fault>> {
    let experiment = &source.experiment;
    let train = &experiment.train;
    let heads: Vec<&str> = experiment.model.heads.keys().map(String::as_str).collect();
    let path = Path::parse("train.optimizer");
    let optimizer = read_member(OPTIMIZERS, "optimizer", &train.optimizer, &path);
    let mut faults = Faults::default();
    // In the order in which they are reported.
    let schedule = faults.keep(read_schedule(train));
    faults.keep(check_averages(train));
    let stopping = faults.keep(read_stopping(experiment));
    faults.keep(read_source(&experiment.data).map(|_| ()));
    faults.keep(Layers::of(&experiment.model).map(|_| ()));
    let augmentation = faults.keep(Augmentation::read(&experiment.augment, experiment.seed));
    let loss = faults.keep(read_loss(&train.loss, &Path::parse("train.loss")));
    let optimizer = faults.keep(
        optimizer.and_then(|it| no_effect::check_optimizer(&*it, train).map(|()| Arc::from(it))),
    );
    let monitor = faults.keep(Monitor::read(&train.monitor, &heads));
    match (loss, optimizer, schedule, monitor, stopping, augmentation) {
        (
            Some(loss),
            Some(optimizer),
            Some(schedule),
            Some(monitor),
            Some(stopping),
            Some(augmentation),
        ) if faults.0.is_empty() => Ok(Parts {
            loss,
            optimizer,
            schedule,
            monitor,
            stopping,
            augmentation,
        }),
        _ => Err(faults.0),
    }
}

/// Faults of several parts, gathered.
#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn keep<T>(&mut self, result: Result<T, Vec<Fault>>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(faults) => {
                self.0.extend(faults);
                None
            }
        }
    }
}

fn fit_to_data(
    source: &Source,
    loss: &mut dyn Loss,
    augmentation: Option<&Augmentation>,
) -> Result<(Network, Box<dyn Survey>, Decision), Vec<Fault>> {
    let experiment = &source.experiment;
    let data = read_source(&experiment.data)?;
    let layers = || Layers::of(&experiment.model);
    if let Some(shape) = data.declared_shape() {
        Network::plan(layers()?, shape, loss)?;
        check_augmentation(augmentation, shape)?;
    }
    let survey = data.survey(experiment.seed)?;
    task_is_sound(&survey.summary().task)?;
    survey.check(&experiment.preprocess)?;
    check_drop_last(&experiment.train, &*survey)?;
    check_sampler(&experiment.train, &*survey)?;
    augment::check_shape(&experiment.augment, survey.shape())?;
    check_augmentation(augmentation, survey.shape())?;
    let layers = layers()?.with_columns(survey.embedded())?;
    let network = Network::plan(layers, survey.shape(), loss)?;
    let task = &survey.summary().task;
    network.check_head(loss, task)?;
    network.check_trainable(experiment.train.epochs)?;
    class_weights::check(experiment.train.class_weights.as_ref(), task)?;
    no_effect::check(experiment, task)?;
    let decision = Decision {
        positive: positive_class(experiment.eval.positive.as_deref(), task)?,
        threshold: experiment.eval.threshold as f32,
    };
    Ok((network, survey, decision))
}

/// What no model file could hold: a class that the experiment names twice.
fn task_is_sound(task: &Task) -> Result<(), Vec<Fault>> {
    let fault = |message| {
        vec![Fault::new(
            Path::parse("data"),
            format!("is of no use: its task {message}"),
        )]
    };
    task.check().map_err(fault)
}

/// One average at most, and epochs for it.
fn check_averages(train: &Train) -> Result<(), Vec<Fault>> {
    let Some(swa) = train.swa else {
        return Ok(());
    };
    if train.ema.is_some() {
        let message = "is there beside train.ema; the weights that are validated and saved can be of one of them only";
        let fault = Fault::new(Path::parse("train.swa"), message);
        return Err(vec![fault.hint("remove one of the two")]);
    }
    if swa.start_epoch > train.epochs {
        let (start, epochs) = (swa.start_epoch, train.epochs);
        let message =
            format!("is {start}, but there are {epochs} epochs; nothing would be averaged");
        let fault = Fault::new(Path::parse("train.swa.start_epoch"), message);
        let hint = format!(
            "about three quarters of the epochs is usual: {}",
            (epochs * 3 / 4).max(1)
        );
        return Err(vec![fault.hint(hint)]);
    }
    Ok(())
}

/// An epoch must have a batch.
fn check_drop_last(train: &Train, survey: &dyn Survey) -> Result<(), Vec<Fault>> {
    let samples = survey.summary().num_train;
    let batch_size = train.batch_size.resolve(samples);
    if !train.drop_last || samples >= batch_size {
        return Ok(());
    }
    let message =
        format!("drops the only batch: {samples} samples are fewer than batch_size = {batch_size}");
    Err(vec![Fault::new(Path::parse("train.drop_last"), message)])
}

/// A balanced epoch takes samples from here and there.
fn check_sampler(train: &Train, survey: &dyn Survey) -> Result<(), Vec<Fault>> {
    if train.sampler != Sampler::Balanced || survey.any_order() {
        return Ok(());
    }
    let message = "is \"balanced\", which takes samples in any order, some of them several times; \
        archives are read from beginning to end, each sample once";
    let fault = Fault::new(Path::parse("train.sampler"), message);
    Err(vec![fault.hint(
        "train.class_weights = \"balanced\" gives rare classes their weight in any order; or unpack \
         the archives, for data.kind = \"image-folder\"",
    )])
}

fn check_augmentation(augmentation: Option<&Augmentation>, shape: Shape) -> Result<(), Vec<Fault>> {
    augmentation.map_or(Ok(()), |augmentation| augmentation.check(shape))
}

/// The index of the positive class; the last in sorted order where none is named.
fn positive_class(named: Option<&str>, task: &Task) -> Result<usize, Vec<Fault>> {
    let classes = task.classes();
    let Some(name) = named else {
        return Ok(classes.len().saturating_sub(1));
    };
    if classes.is_empty() {
        let message = format!(
            "is {name:?}, but the targets are {}, no classes",
            task.what()
        );
        return Err(vec![Fault::new(Path::parse("eval.positive"), message)]);
    }
    classes
        .iter()
        .position(|class| class == name)
        .ok_or_else(|| {
            let message = format!(
                "is {name:?}, expected one of the classes: {}",
                classes.join(", ")
            );
            vec![Fault::new(Path::parse("eval.positive"), message)]
        })
}
