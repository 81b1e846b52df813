//! The loader: batches prepared ahead on threads of its own, in an order that depends on the seed
//! and the epoch alone.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use rayon::prelude::*;

use super::batch::HostBatch;
use super::dataset::{Dataset, Skipped};
use super::random::{Purpose, Rng};

/// Batches that wait, beside the one in work.
const PREFETCH: usize = 2;

/// Batches of a split, epoch after epoch.
pub struct Loader {
    dataset: Arc<dyn Dataset>,
    batch_size: usize,
    /// Of soft labels.
    num_classes: usize,
    shuffle_seed: Option<u64>,
    pool: Arc<rayon::ThreadPool>,
}

impl Loader {
    /// A loader for training: shuffled and augmented anew each epoch.
    ///
    /// # Errors
    /// Threads that the system refuses.
    pub fn shuffled(
        dataset: Arc<dyn Dataset>,
        batch_size: usize,
        seed: u64,
        num_workers: usize,
    ) -> anyhow::Result<Loader> {
        Self::new(dataset, batch_size, Some(seed), num_workers)
    }

    /// A loader for evaluation: in order, nothing augmented.
    ///
    /// # Errors
    /// Threads that the system refuses.
    pub fn in_order(
        dataset: Arc<dyn Dataset>,
        batch_size: usize,
        num_workers: usize,
    ) -> anyhow::Result<Loader> {
        Self::new(dataset, batch_size, None, num_workers)
    }

    fn new(
        dataset: Arc<dyn Dataset>,
        batch_size: usize,
        shuffle_seed: Option<u64>,
        num_workers: usize,
    ) -> anyhow::Result<Loader> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(num_workers)
            .thread_name(|index| format!("loader-{index}"))
            .build()?;
        let classes = (0..dataset.len()).map(|index| dataset.class(index) + 1);
        Ok(Loader {
            num_classes: classes.max().unwrap_or(0),
            dataset,
            batch_size,
            shuffle_seed,
            pool: Arc::new(pool),
        })
    }

    /// The split.
    pub fn dataset(&self) -> &Arc<dyn Dataset> {
        &self.dataset
    }

    /// Batches an epoch; the last may be smaller.
    pub fn num_batches(&self) -> usize {
        self.dataset.len().div_ceil(self.batch_size)
    }

    /// Starts to prepare an epoch (counted from 0).
    pub fn epoch(&self, epoch: u64) -> Batches {
        let order = self.order(epoch);
        let (sender, receiver) = sync_channel(PREFETCH);
        let dataset = self.dataset.clone();
        let pool = self.pool.clone();
        let batch_size = self.batch_size;
        let augment = self.shuffle_seed.map(|_| epoch);
        let num_classes = self.num_classes;
        let thread = std::thread::spawn(move || {
            for indices in order.chunks(batch_size) {
                let loaded = pool.install(|| load_batch(&*dataset, num_classes, indices, augment));
                if sender.send(loaded).is_err() {
                    return; // the epoch was given up
                }
            }
        });
        Batches {
            receiver: Some(receiver),
            thread: Some(thread),
        }
    }

    /// The samples' indices in the order of an epoch.
    pub fn order(&self, epoch: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.dataset.len()).collect();
        if let Some(seed) = self.shuffle_seed {
            Rng::new(seed, Purpose::Shuffle, &[epoch]).shuffle(&mut order);
        }
        order
    }
}

/// A batch, and the samples that could not be loaded for it.
pub struct Loaded {
    /// The samples that could be loaded, in order.
    pub batch: HostBatch,
    /// Their indices in the dataset.
    pub indices: Vec<usize>,
    /// Those that could not, with the reason.
    pub failed: Vec<Skipped>,
}

fn load_batch(
    dataset: &dyn Dataset,
    num_classes: usize,
    indices: &[usize],
    epoch: Option<u64>,
) -> Loaded {
    let size = dataset.shape().num_elements();
    let mut input = vec![0.0; indices.len() * size];
    let results: Vec<Result<(), String>> = input
        .par_chunks_exact_mut(size)
        .zip(indices)
        .map(|(out, &index)| dataset.load(index, epoch, out))
        .collect();
    let mut loaded = Loaded {
        batch: HostBatch::default(),
        indices: Vec::with_capacity(indices.len()),
        failed: Vec::new(),
    };
    for (row, (&index, result)) in indices.iter().zip(results).enumerate() {
        match result {
            Ok(()) => {
                let to = loaded.indices.len();
                if to != row {
                    input.copy_within(row * size..(row + 1) * size, to * size);
                }
                loaded.indices.push(index);
                loaded.batch.classes.push(dataset.class(index) as u32);
                loaded.batch.ids.push(dataset.id(index));
            }
            Err(reason) => loaded.failed.push(Skipped {
                name: dataset.name(index),
                reason,
            }),
        }
    }
    input.truncate(loaded.indices.len() * size);
    loaded.batch.input = input;
    if let (Some(mix), Some(epoch)) = (dataset.mix(), epoch) {
        mix.apply(&mut loaded.batch, dataset.shape(), num_classes, epoch);
    }
    loaded
}

/// The batches of one epoch, in order.
pub struct Batches {
    receiver: Option<Receiver<Loaded>>,
    thread: Option<JoinHandle<()>>,
}

impl Iterator for Batches {
    type Item = Loaded;

    fn next(&mut self) -> Option<Loaded> {
        self.receiver.as_ref()?.recv().ok()
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        drop(self.receiver.take());
        if let Some(thread) = self.thread.take()
            && let Err(panic) = thread.join()
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Shape;

    /// Sample i is the number i; sample 3 cannot be loaded.
    struct Numbers(usize);

    impl Dataset for Numbers {
        fn len(&self) -> usize {
            self.0
        }
        fn shape(&self) -> Shape {
            Shape::Flat { features: 1 }
        }
        fn class(&self, index: usize) -> usize {
            index % 2
        }
        fn id(&self, index: usize) -> u32 {
            index as u32
        }
        fn name(&self, index: usize) -> String {
            format!("number {index}")
        }
        fn load(&self, index: usize, _: Option<u64>, out: &mut [f32]) -> Result<(), String> {
            if index == 3 {
                return Err("is missing".into());
            }
            out[0] = index as f32;
            Ok(())
        }
    }

    fn loader(num_workers: usize) -> Loader {
        Loader::shuffled(Arc::new(Numbers(10)), 4, 1, num_workers).expect("threads")
    }

    fn epoch(loader: &Loader, epoch: u64) -> Vec<Vec<f32>> {
        loader
            .epoch(epoch)
            .map(|loaded| loaded.batch.input)
            .collect()
    }

    #[test]
    fn every_sample_comes_once_an_epoch_and_a_failing_one_is_named() {
        let loader = loader(2);
        let loaded: Vec<Loaded> = loader.epoch(0).collect();
        let mut seen: Vec<u32> = loaded.iter().flat_map(|l| l.batch.ids.clone()).collect();
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 4, 5, 6, 7, 8, 9]);
        let failed: Vec<&Skipped> = loaded.iter().flat_map(|l| &l.failed).collect();
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].name, "number 3");
        for l in &loaded {
            let ids: Vec<f32> = l.batch.ids.iter().map(|&id| id as f32).collect();
            assert_eq!(l.batch.input, ids, "rows stay with their samples");
        }
    }

    #[test]
    fn the_order_is_the_same_for_any_number_of_workers_and_new_each_epoch() {
        let (one, three) = (loader(1), loader(3));
        assert_eq!(epoch(&one, 0), epoch(&three, 0));
        assert_ne!(epoch(&one, 0), epoch(&one, 1));
    }

    #[test]
    fn an_epoch_can_be_given_up() {
        let loader = loader(1);
        let mut batches = loader.epoch(0);
        assert!(batches.next().is_some());
        drop(batches);
        assert_eq!(epoch(&loader, 0).len(), 3);
    }
}
