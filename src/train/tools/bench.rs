//! Benchmarks a net: the whole training step, inference, and each layer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::tensor::{Device, FloatDType, Tensor};

use crate::data::{Batch, HostBatch, HostTargets, Purpose, Rng, Shape, Task, Value};
use crate::model::{Compute, Loss, Network, ParamStore, Pass, Training, host};
use crate::train::optimizers::optimizer::Optimizer;
use crate::train::run::stepper::{Stepper, training_device};

/// What is measured, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Bench<'a> {
    /// The net.
    pub network: &'a Network,
    /// What it is trained with.
    pub loss: &'a dyn Loss,
    /// Seed of weights, batch and dropout.
    pub seed: u64,
    /// Without autodiff.
    pub device: &'a Device,
    /// Of training; inference is always in 32 bits.
    pub compute: Compute,
    /// Steps before the clock starts.
    pub warmup: usize,
    /// Steps on the clock.
    pub steps: usize,
}

/// Medians over the timed steps.
#[derive(Clone, Debug)]
pub struct Figures {
    /// One training step.
    pub train: Duration,
    /// The part of it that updates the parameters.
    pub update: Duration,
    /// One forward pass.
    pub infer: Duration,
    /// One forward pass of a single sample.
    pub infer_one: Duration,
    /// Each layer, or fused block, run on its own.
    pub layers: Vec<LayerFigures>,
}

impl Figures {
    /// The share of a time in that of all layers and the update.
    pub fn share(&self, time: Duration) -> f64 {
        let layers = self
            .layers
            .iter()
            .map(|layer| layer.forward + layer.backward);
        let all = layers.sum::<Duration>() + self.update;
        time.as_secs_f64() / all.as_secs_f64()
    }

    /// Thousand million operations a second of a forward pass, two for each multiply-add of the
    /// plain algorithm, also where the kernels need fewer.
    pub fn infer_gflops(&self, batch: usize) -> f64 {
        let costs = self.layers.iter().map(|layer| layer.multiply_adds as f64);
        2e-9 * costs.sum::<f64>() * batch as f64 / self.infer.as_secs_f64()
    }

    /// The same of a training step: forward, gradient of the weights, gradient of the input (not
    /// of the first layer's that has weights).
    pub fn train_gflops(&self, batch: usize) -> f64 {
        let costs = || self.layers.iter().map(|layer| layer.multiply_adds as f64);
        let first = costs().find(|&cost| cost > 0.0).unwrap_or(0.0);
        let cost = 3.0 * costs().sum::<f64>() - first;
        2e-9 * cost * batch as f64 / self.train.as_secs_f64()
    }
}

/// One layer, or fused block.
#[derive(Clone, Debug)]
pub struct LayerFigures {
    /// The name of its first layer.
    pub name: String,
    /// The tags of its layers.
    pub tags: Vec<String>,
    /// Its forward pass in training.
    pub forward: Duration,
    /// Its backward pass.
    pub backward: Duration,
    /// The share of its outputs that are not 0.
    pub active: f64,
    /// Multiply-adds of the forward pass of one sample.
    pub multiply_adds: u64,
}

/// Random numbers in [0, 1), fixed labels.
pub fn synthetic_batch(shape: Shape, task: &Task, batch: usize, seed: u64) -> HostBatch {
    let mut rng = Rng::new(seed, Purpose::Synth, &[0]);
    let values = batch * shape.num_elements();
    let input = match shape {
        Shape::Tokens { vocabulary, .. } => (0..values)
            .map(|_| rng.below(vocabulary.max(1)) as f32)
            .collect(),
        _ => (0..values).map(|_| rng.uniform() as f32).collect(),
    };
    let num_classes = task.classes().len().max(1);
    let rows = |rng: &mut Rng| {
        let rows = (0..batch).flat_map(|_| synthetic_target(task, rng));
        rows.collect()
    };
    let targets = match task {
        Task::Classes(_) => {
            let classes = (0..batch).map(|_| rng.below(num_classes) as u32);
            HostTargets::Classes(classes.collect())
        }
        Task::MultiLabel(_) => HostTargets::Labels(rows(&mut rng)),
        Task::Regression(_) | Task::Heads(_) => HostTargets::Real(rows(&mut rng)),
    };
    HostBatch {
        input,
        targets,
        ids: (0..batch as u32).collect(),
        ..HostBatch::default()
    }
}

fn synthetic_target(task: &Task, rng: &mut Rng) -> Vec<f32> {
    match task {
        Task::Classes(classes) => vec![rng.below(classes.len().max(1)) as f32],
        Task::MultiLabel(labels) => labels.iter().map(|_| rng.below(2) as f32).collect(),
        Task::Regression(outputs) => outputs.iter().map(|_| rng.normal() as f32).collect(),
        Task::Heads(heads) => heads
            .iter()
            .flat_map(|head| synthetic_target(&head.task, rng))
            .collect(),
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

impl Bench<'_> {
    /// Measures on one batch, over and over.
    pub fn run(&self, batch: HostBatch, optimizer: impl Into<Arc<dyn Optimizer>>) -> Figures {
        let params = self.network.init(self.seed, self.device);
        let shape = self.network.input;
        let one = HostBatch {
            input: batch.input[..shape.num_elements()].to_vec(),
            targets: batch.targets.first(batch.ids.len()),
            ids: batch.ids[..1].to_vec(),
            ..HostBatch::default()
        };
        let infer = self.infer(batch.clone().to_device(shape, self.device), &params);
        let infer_one = self.infer(one.to_device(shape, self.device), &params);
        let layers = self.layers(batch.clone().to_device(shape, self.device), &params);
        let batch = batch.to_device(shape, &training_device(self.device));
        let (train, update) = self.train(&batch, optimizer.into(), params);
        Figures {
            train,
            update,
            infer,
            infer_one,
            layers,
        }
    }

    fn train(
        &self,
        batch: &Batch,
        optimizer: Arc<dyn Optimizer>,
        params: ParamStore,
    ) -> (Duration, Duration) {
        let mut stepper = Stepper::new(
            self.network,
            self.loss,
            optimizer,
            params,
            self.seed,
            self.compute,
        );
        let mut updates = Vec::new();
        let times = self.timed(|| {
            let output = stepper.step(batch.clone(), 0);
            host(output.losses); // a GPU is done only then
            updates.push(stepper.update_time);
        });
        (median(times), median(updates.split_off(self.warmup)))
    }

    fn infer(&self, batch: Batch, params: &ParamStore) -> Duration {
        let tensors = params.tensors();
        median(self.timed(|| {
            let input = batch.input.clone();
            let logits = self.network.forward(input, &tensors, &Pass::default());
            host(self.loss.predictions(logits));
        }))
    }

    fn timed(&self, mut step: impl FnMut()) -> Vec<Duration> {
        (0..self.warmup).for_each(|_| step());
        let timed = |_| {
            let begin = Instant::now();
            step();
            begin.elapsed()
        };
        (0..self.steps).map(timed).collect()
    }

    /// Runs each block on what the blocks before it give.
    fn layers(&self, batch: Batch, params: &ParamStore) -> Vec<LayerFigures> {
        let input = batch.input;
        let sinks = self.network.sinks(self.device, self.compute);
        let pass = Pass {
            training: Some(Training {
                seed: self.seed,
                epoch: 0,
                ids: &batch.ids,
            }),
            sinks: &sinks,
            compute: self.compute,
            ..Pass::default()
        };
        let plain = params.tensors();
        let mut figures = Vec::new();
        self.network.walk(input, |index, value| {
            // In training the gradient goes no further back than the first parameters.
            let tracked = (0..index).any(|index| has_params(self.network, index));
            let (mut forwards, mut backwards) = (Vec::new(), Vec::new());
            for _ in 0..self.warmup + self.steps {
                let leaves = params.leaves(&sinks);
                let input = leaf(value.clone(), tracked);
                let begin = Instant::now();
                let (_, output) = self.network.run_block(index, input, &leaves, &pass);
                forwards.push(begin.elapsed());
                let total = total(output);
                if tracked || has_params(self.network, index) {
                    let begin = Instant::now();
                    drop(total.backward());
                    backwards.push(begin.elapsed());
                }
            }
            let (count, output) = self.network.run_block(index, value, &plain, &pass);
            // What the gradient of the sum takes by itself.
            let mut alone = Vec::new();
            for _ in 0..self.warmup + self.steps {
                let total = total(leaf(output.clone(), true));
                let begin = Instant::now();
                drop(total.backward());
                alone.push(begin.elapsed());
            }
            let without = median(alone.split_off(self.warmup));
            let block = &self.network.layers[index..index + count];
            figures.push(LayerFigures {
                name: block[0].name.clone(),
                tags: block.iter().map(|layer| layer.tag.clone()).collect(),
                forward: median(forwards.split_off(self.warmup)),
                backward: median(backwards.split_off(self.warmup.min(backwards.len())))
                    .saturating_sub(without),
                active: active_share(&output),
                multiply_adds: block
                    .iter()
                    .fold(0, |sum, layer| sum.saturating_add(layer.multiply_adds)),
            });
            (count, output)
        });
        figures
    }
}

fn has_params(network: &Network, index: usize) -> bool {
    network.layers[index]
        .params
        .iter()
        .any(|spec| spec.is_trained())
}

fn leaf(value: Value, tracked: bool) -> Value {
    fn one<const D: usize>(x: Tensor<D>, tracked: bool) -> Tensor<D> {
        let x = x.autodiff();
        if tracked { x.require_grad() } else { x }
    }
    match value {
        Value::Image(x) => Value::Image(one(x, tracked)),
        Value::Sequence(x) => Value::Sequence(one(x, tracked)),
        Value::Flat(x) => Value::Flat(one(x, tracked)),
        Value::Tokens(x) => Value::Tokens(x),
    }
}

/// A number that everything has a share in. The product makes the gradient of `value` a whole
/// tensor, as it is in training.
fn total(value: Value) -> Tensor<1> {
    match value {
        Value::Image(x) => (x * 1.0).sum(),
        Value::Sequence(x) => (x * 1.0).sum(),
        Value::Flat(x) => (x * 1.0).sum(),
        Value::Tokens(x) => x.float().sum(),
    }
}

fn active_share(value: &Value) -> f64 {
    let values = match value {
        Value::Image(x) => host(x.clone().cast(FloatDType::F32)),
        Value::Sequence(x) => host(x.clone().cast(FloatDType::F32)),
        Value::Flat(x) => host(x.clone().cast(FloatDType::F32)),
        Value::Tokens(x) => host(x.clone().float()),
    };
    let active = values.iter().filter(|&&value| value != 0.0).count();
    active as f64 / values.len().max(1) as f64
}
