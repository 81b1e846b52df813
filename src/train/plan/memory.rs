//! Estimates the memory of training before it begins.

use burn::tensor::Device;

use super::run_plan::Plan;
use crate::config::{OnNonFinite, Train};
use crate::data::{PREFETCH, Shape, size_product};
use crate::device::on_cpu;
use crate::model::{Compute, Memory, MemoryUse, Network};
use crate::train::optimizers::optimizer::Optimizer;
use crate::train::run::average::Averaging;
use crate::train::run::shaping::Shaping;
use crate::train::run::stepper::MAX_FACTORS;

/// Host copies of a batch that `kiln bench` makes.
const BENCH_COPIES: u64 = 4;

impl Plan {
    /// What training takes, about.
    pub fn memory(&self, device: &Device, compute: Compute) -> Memory {
        let train = &self.source.experiment.train;
        let batch = self.batch_size().min(self.num_train().max(1));
        // Batches that are loaded or wait, and the one in work.
        let loaded = PREFETCH as u64 + 1;
        let mut memory = of_training(
            &self.network,
            &*self.optimizer,
            train,
            batch,
            loaded,
            (device, compute),
        );
        // Texts are kept as tokens; images and tables have a budget.
        if let Shape::Tokens { length, .. } = self.network.input {
            let summary = self.survey.summary();
            let texts = summary.num_train.saturating_add(summary.num_valid);
            let bytes = size_product(&[texts, length, size_of::<u32>()]) as u64;
            memory.loading = memory.loading.saturating_add(bytes);
        }
        memory
    }
}

/// What `kiln bench` takes, about: it updates after every batch.
pub fn bench_memory(
    network: &Network,
    optimizer: &dyn Optimizer,
    train: &Train,
    batch: usize,
    on: (&Device, Compute),
) -> Memory {
    of_training(network, optimizer, train, batch, BENCH_COPIES, on)
}

fn of_training(
    network: &Network,
    optimizer: &dyn Optimizer,
    train: &Train,
    batch: usize,
    loaded: u64,
    (device, compute): (&Device, Compute),
) -> Memory {
    let averages = u64::from(Averaging::new(train).is_some());
    let gathers = u64::from(train.accumulate > 1);
    let saved = 1 + averages + optimizer.slots().len() as u64;
    let kept = match train.on_non_finite {
        OnNonFinite::BackOff => saved, // the copy to go back to
        OnNonFinite::Stop => 0,        // goes into the file
    };
    let mut memory = network.memory(&MemoryUse {
        batch,
        copies: saved + kept + gathers + 1,
        training: true,
        fused: on_cpu(device) && compute.half().is_none(),
        loaded,
    });
    let factors = batch <= MAX_FACTORS && gathers == 0 && !Shaping::new(train).needs_whole();
    if factors {
        // Gradients that come as factors are never stored.
        let sinks = network.sinks(device, compute);
        let sunk = network
            .params()
            .zip(&sinks)
            .filter(|(_, sink)| sink.is_some());
        let values = sunk.map(|((_, spec), _)| spec.num_elements() as u64);
        let values = values.fold(0, u64::saturating_add);
        memory.params = memory
            .params
            .saturating_sub(values.saturating_mul(size_of::<f32>() as u64));
    }
    memory
}
