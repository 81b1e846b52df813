//! One training step: forward, loss, backward, update.

use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor};

use super::loss_scale::{LossScale, Verdict};
use super::optimizers::Optimizer;
use crate::data::{Batch, SampleId, Target, Value};
use crate::kernels::{Gradient, Sink, update};
use crate::model::{Compute, Loss, Network, ParamStore, Pass, Training};

/// Parameters, the optimizer's state, and what a step needs.
pub struct Stepper<'a> {
    network: &'a Network,
    loss: &'a dyn Loss,
    optimizer: Box<dyn Optimizer>,
    /// The parameters, as of the last step.
    pub params: ParamStore,
    slots: Vec<Vec<Tensor<1>>>,
    /// Of every parameter, where its gradient comes as factors.
    sinks: Vec<Option<Sink>>,
    steps: u64,
    seed: u64,
    compute: Compute,
    /// Where the gradients need it.
    loss_scale: Option<LossScale>,
    /// What the last step's update took.
    pub update_time: Duration,
}

/// Samples of a batch up to which the gradient of a fully connected layer comes as factors: they
/// are read over and over.
const MAX_FACTORS: usize = 256;

/// The results of a step, still on the device.
pub struct StepOutput {
    /// `[batch]`, each multiplied by its sample's weight
    pub losses: Tensor<1>,
    /// `[batch, classes]`
    pub probabilities: Tensor<2>,
    /// Whether the gradients overflow at any loss scale: nothing is updated any more.
    pub diverged: bool,
}

impl<'a> Stepper<'a> {
    /// A stepper before its first step: the optimizer's state is 0.
    pub fn new(
        network: &'a Network,
        loss: &'a dyn Loss,
        optimizer: Box<dyn Optimizer>,
        params: ParamStore,
        seed: u64,
        compute: Compute,
    ) -> Stepper<'a> {
        let slots = params
            .params
            .iter()
            .map(|param| {
                let count = if param.trainable {
                    optimizer.slots().len()
                } else {
                    0
                };
                (0..count).map(|_| param.tensor.zeros_like()).collect()
            })
            .collect();
        let device = params.params.first().map(|param| param.tensor.device());
        let sinks = device.map_or_else(Vec::new, |device| network.sinks(&device, compute));
        Stepper {
            sinks,
            network,
            loss,
            optimizer,
            params,
            slots,
            steps: 0,
            seed,
            compute,
            loss_scale: compute.needs_loss_scale().then(LossScale::default),
            update_time: Duration::ZERO,
        }
    }

    /// The optimizer's learning rate.
    pub fn learning_rate(&self) -> f64 {
        self.optimizer.learning_rate()
    }

    /// What the heavy layers compute in.
    pub fn compute(&self) -> Compute {
        self.compute
    }

    /// What the next step's loss is multiplied by; `None` where the loss needs no scaling.
    pub fn loss_scale(&self) -> Option<f32> {
        self.loss_scale.map(|scale| scale.scale())
    }

    /// Trains on one batch of `epoch` (counted from 0). The batch lies on the autodiff device.
    pub fn step(&mut self, batch: Batch, epoch: u64) -> StepOutput {
        let ids: &[SampleId] = &batch.ids;
        let few = ids.len() <= MAX_FACTORS;
        let sinks: &[Option<Sink>] = if few { &self.sinks } else { &[] };
        let pass = Pass {
            training: Some(Training {
                seed: self.seed,
                epoch,
                ids,
            }),
            sinks,
            compute: self.compute,
            ..Pass::default()
        };
        let leaves = self.params.leaves(sinks);
        let (input, target) = first(batch.inputs, &batch.targets);
        let logits = self.network.forward(input, &leaves, &pass);
        let losses = self.loss.forward(logits.clone(), target);
        let losses = match batch.weights {
            Some(weights) => losses * weights,
            None => losses,
        };
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
        let probabilities = self.loss.probabilities(logits.inner());
        let (verdict, grads) = match &mut self.loss_scale {
            Some(scale) => scale.unscale(grads),
            None => (Verdict::Update, grads),
        };
        let begin = Instant::now();
        if verdict == Verdict::Update {
            self.update(grads);
            self.store_buffers(buffers);
        }
        self.update_time = begin.elapsed();
        StepOutput {
            probabilities,
            losses: losses.inner(),
            diverged: verdict == Verdict::Diverged,
        }
    }

    fn update(&mut self, grads: Vec<Option<Gradient>>) {
        self.steps += 1;
        let rate = self.optimizer.learning_rate();
        let rule = self.optimizer.update(self.steps, rate);
        let params = self.params.params.iter_mut().zip(&mut self.slots);
        for ((param, slots), grad) in params.zip(grads) {
            let Some(grad) = grad.filter(|_| param.trainable) else {
                continue;
            };
            param
                .tensor
                .inplace(|tensor| update(rule, tensor, slots, grad));
        }
    }

    fn store_buffers(&mut self, updates: Vec<(String, Tensor<1>)>) {
        for (name, value) in updates {
            if let Some(param) = self.params.params.iter_mut().find(|p| p.name == name) {
                param.tensor = value;
            }
        }
    }
}

fn first(mut inputs: Vec<Value>, targets: &[Target]) -> (Value, &Target) {
    (inputs.swap_remove(0), &targets[0])
}

/// The device for batches of training: the same, with autodiff.
pub fn training_device(device: &Device) -> Device {
    device.clone().autodiff()
}
