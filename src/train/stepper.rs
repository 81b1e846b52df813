//! One training step: forward, loss, backward, update.

use burn::tensor::{Device, Tensor};

use super::optimizers::Optimizer;
use crate::data::{Batch, SampleId, Target, Value};
use crate::model::{Loss, Network, ParamStore, Pass, Training};

/// Parameters, the optimizer's state, and what a step needs.
pub struct Stepper<'a> {
    network: &'a Network,
    loss: &'a dyn Loss,
    optimizer: Box<dyn Optimizer>,
    /// The parameters, as of the last step.
    pub params: ParamStore,
    slots: Vec<Vec<Tensor<1>>>,
    steps: u64,
    seed: u64,
}

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
        Stepper {
            network,
            loss,
            optimizer,
            params,
            slots,
            steps: 0,
            seed,
        }
    }

    /// The optimizer's learning rate.
    pub fn learning_rate(&self) -> f64 {
        self.optimizer.learning_rate()
    }

    /// Trains on one batch of `epoch` (counted from 0). The batch lies on the autodiff device.
    pub fn step(&mut self, batch: Batch, epoch: u64) -> StepOutput {
        let ids: &[SampleId] = &batch.ids;
        let pass = Pass {
            training: Some(Training {
                seed: self.seed,
                epoch,
                ids,
            }),
            ..Pass::default()
        };
        let leaves = self.params.leaves();
        let (input, target) = first(batch.inputs, &batch.targets);
        let logits = self.network.forward(input, &leaves, &pass);
        let losses = self.loss.forward(logits.clone(), target);
        let mut gradients = losses.clone().mean().backward();
        let grads: Vec<Option<Tensor<1>>> = leaves
            .iter()
            .map(|leaf| leaf.grad_remove(&mut gradients))
            .collect();
        drop((leaves, gradients));
        let output = StepOutput {
            probabilities: self.loss.probabilities(logits.inner()),
            losses: losses.inner(),
        };
        self.update(grads);
        self.store_buffers(pass.updates.into_inner());
        output
    }

    fn update(&mut self, grads: Vec<Option<Tensor<1>>>) {
        self.steps += 1;
        let rate = self.optimizer.learning_rate();
        let params = self.params.params.iter_mut().zip(&mut self.slots);
        for ((param, slots), grad) in params.zip(grads) {
            let Some(grad) = grad.filter(|_| param.trainable) else {
                continue;
            };
            let optimizer = &self.optimizer;
            param
                .tensor
                .inplace(|tensor| optimizer.update(self.steps, rate, tensor, grad, slots));
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
