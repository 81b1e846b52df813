//! The batches of one epoch, prepared ahead on the threads of a pool.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use rayon::prelude::*;

use crate::data::core::batch::{HostBatch, HostTargets};
use crate::data::core::dataset::{Dataset, SampleError, Skipped};

/// A batch, and the samples that could not be loaded for it.
pub struct Loaded {
    /// The samples that could be loaded, in order.
    pub batch: HostBatch,
    /// Their indices in the dataset.
    pub indices: Vec<usize>,
    /// The samples that could not be loaded, with the reason.
    pub failed: Vec<Skipped>,
}

/// `repeats` counts how often each sample was there before in the epoch: the next time it is augmented in
/// another way, as in an epoch of its own far behind the last.
fn load_batch(
    dataset: &dyn Dataset,
    num_classes: usize,
    indices: &[usize],
    repeats: &[u32],
    epoch: Option<u64>,
) -> Loaded {
    let size = dataset.shape().num_elements();
    let mut input = vec![0.0; indices.len() * size];
    let results: Vec<Result<(), SampleError>> = input
        .par_chunks_exact_mut(size)
        .zip(indices.par_iter().zip(repeats))
        .map(|(out, (&index, &repeat))| {
            let epoch = epoch.map(|epoch| epoch + (u64::from(repeat) << 32));
            dataset.load(index, epoch, out)
        })
        .collect();
    let mut loaded = Loaded {
        batch: HostBatch::default(),
        indices: Vec::with_capacity(indices.len()),
        failed: Vec::new(),
    };
    let (mut classes, mut rows) = (Vec::new(), Vec::new());
    for (row, (&index, result)) in indices.iter().zip(results).enumerate() {
        match result {
            Ok(()) => {
                let to = loaded.indices.len();
                if to != row {
                    input.copy_within(row * size..(row + 1) * size, to * size);
                }
                loaded.indices.push(index);
                classes.push(dataset.class(index) as u32);
                dataset.add_row(index, &mut rows);
                loaded.batch.ids.push(dataset.id(index));
            }
            Err(error) => loaded.failed.push(Skipped::new(dataset.name(index), error)),
        }
    }
    loaded.batch.targets = match (rows.is_empty(), dataset.has_labels()) {
        (true, _) => HostTargets::Classes(classes),
        (false, true) => HostTargets::Labels(rows),
        (false, false) => HostTargets::Real(rows),
    };
    input.truncate(loaded.indices.len() * size);
    loaded.batch.input = input;
    if let (Some(mix), Some(epoch)) = (dataset.mix(), epoch) {
        mix.apply(&mut loaded.batch, dataset.shape(), num_classes, epoch);
    }
    loaded
}

/// A batch that is being prepared, or why it never will be.
pub type Prepared = Receiver<Result<Loaded, Box<dyn Any + Send>>>;

/// The batches of one epoch, in order. Dropping it abandons the epoch.
pub struct Batches {
    pub(super) dataset: Arc<dyn Dataset>,
    pub(super) pool: Arc<rayon::ThreadPool>,
    pub(super) num_classes: usize,
    pub(super) augment: Option<u64>,
    pub(super) batch_size: usize,
    pub(super) order: Arc<Vec<usize>>,
    pub(super) repeats: Arc<Vec<u32>>,
    /// The place in the order where the next batch begins that is to be prepared.
    pub(super) next: usize,
    /// In order.
    pub(super) ahead: VecDeque<Prepared>,
}

impl Batches {
    /// Submits the next batch to the pool, if there is one.
    pub(super) fn prepare_next(&mut self) {
        let begin = self.next;
        let end = begin.saturating_add(self.batch_size).min(self.order.len());
        if begin >= end {
            return;
        }
        self.next = end;
        let (done, batch) = channel();
        self.ahead.push_back(batch);
        let (dataset, order) = (self.dataset.clone(), self.order.clone());
        let (repeats, num_classes) = (self.repeats.clone(), self.num_classes);
        let augment = self.augment;
        self.pool.spawn(move || {
            let (order, repeats) = (&order[begin..end], &repeats[begin..end]);
            let load = || load_batch(&*dataset, num_classes, order, repeats, augment);
            // The receiver is gone if the epoch was abandoned.
            let _ = done.send(catch_unwind(AssertUnwindSafe(load)));
        });
    }
}

/// The interval at which a thread that waits for a batch checks whether to go on.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Batches {
    /// The next batch; `None` as well where it has to be waited for and `go_on` is false.
    pub fn next_while(&mut self, go_on: &mut dyn FnMut() -> bool) -> Option<Loaded> {
        self.prepare_next();
        match receive(&self.ahead.pop_front()?, go_on)? {
            Ok(loaded) => Some(loaded),
            Err(panic) => resume_unwind(panic),
        }
    }
}

fn receive<T>(from: &Receiver<T>, go_on: &mut dyn FnMut() -> bool) -> Option<T> {
    loop {
        match from.recv_timeout(LOOK_EVERY) {
            Ok(received) => return Some(received),
            Err(RecvTimeoutError::Timeout) if go_on() => {}
            Err(_) => return None,
        }
    }
}

impl Iterator for Batches {
    type Item = Loaded;

    fn next(&mut self) -> Option<Loaded> {
        self.next_while(&mut || true)
    }
}
