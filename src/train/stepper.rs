//! One training step: forward, loss, backward, update.

use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor};

use super::optimizers::Optimizer;
use crate::config::Precision;
use crate::data::{Batch, SampleId, Target, Value};
use crate::kernels::{Gradient, Sink, update};
use crate::model::{Loss, Network, ParamStore, Pass, Training};

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
    precision: Precision,
    /// What the last step's update took.
    pub update_time: Duration,
}

/// Samples of a batch up to which the gradient of a fully connected layer comes as factors: they
/// are read over and over.
const MAX_FACTORS: usize = 256;

/// The results of a step, still on the device.
pub struct StepOutput {
    /// `[batch]`
    pub losses: Tensor<1>,
    /// `[batch, classes]`
    pub probabilities: Tensor<2>,
}

impl<'a> Stepper<'a> {
    /// A stepper before its first step: the optimizer's state is 0.
    pub fn new(
        network: &'a Network,
        loss: &'a dyn Loss,
        optimizer: Box<dyn Optimizer>,
        params: ParamStore,
        seed: u64,
        precision: Precision,
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
        let sinks = device.map_or_else(Vec::new, |device| network.sinks(&device));
        Stepper {
            sinks,
            network,
            loss,
            optimizer,
            params,
            slots,
            steps: 0,
            seed,
            precision,
            update_time: Duration::ZERO,
        }
    }

    /// The optimizer's learning rate.
    pub fn learning_rate(&self) -> f64 {
        self.optimizer.learning_rate()
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
            precision: self.precision,
            ..Pass::default()
        };
        let leaves = self.params.leaves(sinks);
        let (input, target) = first(batch.inputs, &batch.targets);
        let logits = self.network.forward(input, &leaves, &pass);
        let losses = self.loss.forward(logits.clone(), target);
        let mut gradients = losses.clone().mean().backward();
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
        let output = StepOutput {
            probabilities: self.loss.probabilities(logits.inner()),
            losses: losses.inner(),
        };
        let buffers = pass.updates.into_inner();
        let begin = Instant::now();
        self.update(grads);
        self.update_time = begin.elapsed();
        self.store_buffers(buffers);
        output
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
