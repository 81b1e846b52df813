//! One training step: forward, loss, backward, update.

use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor};

use super::average::{Average, Averaging};
use super::counters::Counters;
use super::loss_scale::{LossScale, Verdict};
use super::shaping::Shaping;
use crate::data::{Batch, SampleId};
use crate::device::{is_finite, on_cpu};
use crate::kernels::{Gradient, Sink, add_scaled, limit_norms, update};
use crate::model::{Compute, Loss, Network, ParamStore, Pass, Restraint, Training, host};
use crate::train::optimizers::optimizer::{Optimizer, new_slots};
use crate::train::schedules::learning_rate::LearningRate;

/// Parameters, the optimizer's state, and what a step needs.
pub struct Stepper<'a> {
    pub(in crate::train) network: &'a Network,
    loss: &'a dyn Loss,
    pub(super) optimizer: Arc<dyn Optimizer>,
    /// The parameters, as of the last step.
    pub params: ParamStore,
    pub(in crate::train) average: Option<Average>,
    pub(super) slots: Vec<Vec<Tensor<1>>>,
    pub(super) gathered: Option<Gathered>,
    /// Of every parameter, where its gradient comes as factors.
    sinks: Vec<Option<Sink>>,
    pub(in crate::train) counters: Counters,
    seed: u64,
    compute: Compute,
    on_cpu: bool,
    pace: LearningRate,
    /// A constant learning rate that overrides the schedule.
    fixed_rate: Option<f64>,
    shaping: Shaping,
    /// Layers that steps leave out, where their outputs are kept and are what batches hold.
    pub skipped: usize,
    /// The duration of the last step's update.
    pub update_time: Duration,
}

/// Gradients of the batches so far of a group that makes one update.
pub(super) struct Gathered {
    /// Sums over the samples.
    sums: Vec<Option<Tensor<1>>>,
    samples: usize,
}

/// Samples of a batch up to which the gradient of a fully connected layer comes as factors: they
/// are read over and over.
pub(in crate::train) const MAX_FACTORS: usize = 256;

/// The results of a step, still on the device.
pub struct StepOutput {
    /// `[batch]`, each multiplied by its sample's weight
    pub losses: Tensor<1>,
    /// `[batch, classes]`, `[batch, labels]` or `[batch, numbers]`
    pub predictions: Tensor<2>,
    /// Whether the gradients overflow at any loss scale: nothing is updated any more.
    pub diverged: bool,
    /// Whether the parameters are still those of before the step, as its loss is not finite. On a GPU
    /// that would have to be waited for: there the parameters are spoilt by then.
    pub refused: bool,
}

impl<'a> Stepper<'a> {
    /// A stepper before its first step: the optimizer's state is 0.
    pub fn new(
        network: &'a Network,
        loss: &'a dyn Loss,
        optimizer: impl Into<Arc<dyn Optimizer>>,
        params: ParamStore,
        seed: u64,
        compute: Compute,
    ) -> Stepper<'a> {
        let optimizer = optimizer.into();
        let slots = params.params.iter();
        let slots = slots.map(|param| new_slots(&*optimizer, param)).collect();
        let device = params.params.first().map(|param| param.tensor.device());
        let on_cpu = device.as_ref().is_some_and(on_cpu);
        let mut stepper = Stepper {
            sinks: Vec::new(),
            network,
            loss,
            optimizer,
            params,
            average: None,
            slots,
            gathered: None,
            counters: Counters {
                loss_scale: compute.needs_loss_scale().then(LossScale::default),
                ..Counters::default()
            },
            seed,
            compute,
            on_cpu,
            pace: LearningRate::default(),
            fixed_rate: None,
            shaping: Shaping::default(),
            skipped: 0,
            update_time: Duration::ZERO,
        };
        stepper.place_sinks();
        stepper
    }

    /// Lets the gradients of the parameters that are trained now come as factors where a kernel gives them so.
    pub(super) fn place_sinks(&mut self) {
        let device = self
            .params
            .params
            .first()
            .map(|param| param.tensor.device());
        let compute = self.compute;
        let sinks = device.map(|device| self.network.sinks(&device, compute));
        let params = self.params.params.iter();
        let pairs = params.zip(sinks.unwrap_or_default());
        let sinks = pairs.map(|(param, sink)| sink.filter(|_| !param.frozen));
        self.sinks = sinks.collect();
    }

    /// Sets how the learning rate changes, and what is done to gradients.
    pub fn with(mut self, pace: LearningRate, shaping: Shaping) -> Stepper<'a> {
        (self.pace, self.shaping) = (pace, shaping);
        self
    }

    /// Sets how the weights are averaged.
    pub fn averaging(mut self, averaging: Option<Averaging>) -> Stepper<'a> {
        self.average = averaging.map(|averaging| Average::new(averaging, &self.params));
        self
    }

    /// Puts other values in the place of the average.
    pub(in crate::train) fn show(&mut self, params: ParamStore) {
        if let Some(average) = &mut self.average {
            average.params = Some(params);
        }
    }

    /// Sets what the figures of validation have made of the learning rate.
    pub fn set_reduced(&mut self, reduced: f64) {
        self.pace.reduced = reduced;
    }

    /// Sets the learning rate of the steps from now on, whatever the schedule says.
    pub fn set_rate(&mut self, rate: Option<f64>) {
        self.fixed_rate = rate;
    }

    /// The learning rate of the last step (before the first, of the first), halved as often as the run has
    /// backed off.
    pub fn learning_rate(&self) -> f64 {
        let step = self.counters.updates.saturating_sub(1);
        let rate = self.pace.rate(self.optimizer.learning_rate(), step);
        let rate = self.fixed_rate.unwrap_or(rate);
        rate * 0.5f64.powi(self.counters.backed_off as i32)
    }

    /// The state that the next step depends on, beside [`tensors`](Self::tensors).
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Goes on from other counters.
    pub fn set_counters(&mut self, counters: Counters) {
        self.counters = counters;
        self.apply_thaws();
        if let Some(average) = &mut self.average {
            average.expect(self.counters.averaged, &self.params);
        }
    }

    /// Whether there is an average of the weights now, which lies behind them in [`tensors`](Self::tensors).
    pub fn has_average(&self) -> bool {
        let average = self.average.as_ref();
        average.is_some_and(|average| average.params.is_some())
    }

    /// Whether every parameter is finite.
    pub fn is_finite(&self) -> bool {
        let mut params = self.params.params.iter();
        params.all(|param| is_finite(&param.tensor))
    }

    /// The context of a forward pass in training.
    pub fn training<'b>(&self, epoch: u64, ids: &'b [SampleId]) -> Training<'b> {
        Training {
            seed: self.seed,
            epoch,
            ids,
        }
    }

    /// The numeric type of the heavy layers.
    pub fn compute(&self) -> Compute {
        self.compute
    }

    /// The loss scale of the next step; `None` if the loss needs no scaling.
    pub fn loss_scale(&self) -> Option<f32> {
        self.counters.loss_scale.map(|scale| scale.scale())
    }

    /// Trains on one batch of `epoch` (counted from 0). The batch lies on the autodiff device.
    pub fn step(&mut self, batch: Batch, epoch: u64) -> StepOutput {
        self.step_of_group(batch, epoch, true)
    }

    /// The same for a batch of a group whose gradients make one update; `ends`: it is the last of it.
    pub fn step_of_group(&mut self, batch: Batch, epoch: u64, ends: bool) -> StepOutput {
        let ids: &[SampleId] = &batch.ids;
        let samples = ids.len();
        let alone = ends && self.gathered.is_none();
        let few = samples <= MAX_FACTORS && alone && !self.shaping.needs_whole();
        let sinks: &[Option<Sink>] = if few { &self.sinks } else { &[] };
        let pass = Pass {
            training: Some(self.training(epoch, ids)),
            sinks,
            compute: self.compute,
            skipped: self.skipped,
            ..Pass::default()
        };
        let leaves = self.params.leaves(sinks);
        let (input, target) = (batch.input, &batch.target);
        let logits = self.network.forward(input, &leaves, &pass);
        let losses = self.loss.forward(logits.clone(), target);
        let losses = match batch.weights {
            Some(weights) => losses * weights,
            None => losses,
        };
        if self.on_cpu
            && !host(losses.clone().inner())
                .iter()
                .all(|loss| loss.is_finite())
        {
            return StepOutput {
                predictions: self.loss.predictions(logits.inner()),
                losses: losses.inner(),
                diverged: false,
                refused: true,
            };
        }
        let mean = losses.clone().mean();
        let mut gradients = match self.loss_scale() {
            Some(scale) => (mean * scale).backward(),
            None => mean.backward(),
        };
        let grads = leaves
            .iter()
            .enumerate()
            .map(|(index, leaf)| match sinks.get(index) {
                Some(Some(sink)) => sink
                    .take()
                    .map(|factors| Gradient::Factors(Box::new(factors))),
                _ => leaf
                    .grad_remove(&mut gradients)
                    .map(|grad| Gradient::Whole(Box::new(grad))),
            })
            .collect();
        drop((leaves, gradients));
        let buffers = pass.updates.into_inner();
        let predictions = self.loss.predictions(logits.inner());
        let (verdict, grads) = match &mut self.counters.loss_scale {
            Some(scale) => scale.unscale(grads),
            None => (Verdict::Update, grads),
        };
        let begin = Instant::now();
        if verdict == Verdict::Update {
            self.params.store(buffers);
            if alone {
                self.update(grads);
            } else {
                self.gather(grads, samples);
            }
        }
        if ends {
            self.end_group();
        }
        self.update_time = begin.elapsed();
        StepOutput {
            predictions,
            losses: losses.inner(),
            diverged: verdict == Verdict::Diverged,
            refused: false,
        }
    }

    /// Adds the mean gradients of a batch to those of the batches before it.
    fn gather(&mut self, grads: Vec<Option<Gradient>>, samples: usize) {
        let gathered = self.gathered.get_or_insert_with(|| Gathered {
            sums: vec![None; grads.len()],
            samples: 0,
        });
        gathered.samples += samples;
        for (sum, grad) in gathered.sums.iter_mut().zip(grads) {
            let Some(Gradient::Whole(grad)) = grad else {
                continue; // none come as factors where the batch is not alone
            };
            let before = sum.take().unwrap_or_else(|| grad.zeros_like());
            *sum = Some(add_scaled(before, &grad, samples as f64));
        }
    }

    /// Makes the update of the batches of a group so far, if there are any.
    pub fn end_group(&mut self) {
        let Some(Gathered { sums, samples }) = self.gathered.take() else {
            return;
        };
        let mean = |sum: Tensor<1>| Gradient::Whole(Box::new(sum / samples as f64));
        self.update(sums.into_iter().map(|sum| sum.map(mean)).collect());
    }

    fn update(&mut self, grads: Vec<Option<Gradient>>) {
        let grads = self.shaping.apply(grads, &self.params);
        self.counters.updates += 1;
        let rate = self.learning_rate();
        let params = self.params.params.iter_mut().zip(&mut self.slots);
        for ((param, slots), grad) in params.zip(grads) {
            let Some(grad) = grad.filter(|_| param.trainable && !param.frozen) else {
                continue;
            };
            let step = self.counters.updates - self.counters.updates_before(param);
            let rule = self.optimizer.update(step, rate * param.tuning.rate_scale);
            param
                .tensor
                .inplace(|tensor| update(&rule, tensor, slots, grad));
            let Restraint { penalty, view } = param.restraint;
            if let Some(limit) = penalty.max_norm {
                param
                    .tensor
                    .inplace(|tensor| limit_norms(tensor, view, limit));
            }
        }
        if let Some(average) = &mut self.average {
            average.after_update(self.counters.updates, &self.params);
        }
    }
}

/// The device for batches of training: the same, with autodiff.
pub fn training_device(device: &Device) -> Device {
    device.clone().autodiff()
}
