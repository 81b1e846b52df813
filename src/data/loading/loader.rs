//! The loader: batches prepared ahead on threads of its own, in an order that depends on the seed
//! and the epoch alone.
//!
//! Several batches are in work at once, each on whatever threads are free; so a slow file holds
//! up its own batch, while those behind it are prepared.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::Context;

use super::batches::Batches;
use super::sampler::{balanced_order, repeats};
use crate::config::Sampler;
use crate::data::core::dataset::{Dataset, ReadingOrder};
use crate::data::core::random::{Purpose, Rng};

/// Batches that are prepared or wait, beside the one that is asked for.
pub const PREFETCH: usize = 2;

/// Batches of a split, epoch after epoch.
pub struct Loader {
    dataset: Arc<dyn Dataset>,
    batch_size: usize,
    /// Of soft labels.
    num_classes: usize,
    shuffle_seed: Option<u64>,
    drop_last: bool,
    sampler: Sampler,
    pool: Arc<rayon::ThreadPool>,
}

impl Loader {
    /// A loader for training: shuffled and augmented differently in each epoch.
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
            .build()
            .context("cannot start the threads that load samples; --threads 1 needs the fewest")?;
        let classes = (0..dataset.len()).map(|index| dataset.class(index) + 1);
        Ok(Loader {
            num_classes: classes.max().unwrap_or(0),
            dataset,
            batch_size,
            shuffle_seed,
            drop_last: false,
            sampler: Sampler::Shuffle,
            pool: Arc::new(pool),
        })
    }

    /// Leaves out the last batch of an epoch where it is smaller than the others; in the next
    /// epoch other samples are in it.
    pub fn drop_last(mut self, drop_last: bool) -> Loader {
        self.drop_last = drop_last;
        self
    }

    /// Which samples an epoch of training takes.
    pub fn sampler(mut self, sampler: Sampler) -> Loader {
        self.sampler = sampler;
        self
    }

    /// The split.
    pub fn dataset(&self) -> &Arc<dyn Dataset> {
        &self.dataset
    }

    /// Batches an epoch; the last may be smaller.
    pub fn num_batches(&self) -> usize {
        if self.drop_last {
            self.dataset.len() / self.batch_size
        } else {
            self.dataset.len().div_ceil(self.batch_size)
        }
    }

    /// Starts to prepare an epoch (counted from 0).
    pub fn epoch(&self, epoch: u64) -> Batches {
        self.epoch_from(epoch, 0)
    }

    /// The same without the first batches; none is left where the epoch has no more.
    pub fn epoch_from(&self, epoch: u64, first_batch: usize) -> Batches {
        let mut order = self.order(epoch);
        order.truncate(self.num_batches().saturating_mul(self.batch_size));
        let passed = first_batch.saturating_mul(self.batch_size);
        let mut batches = Batches {
            dataset: self.dataset.clone(),
            pool: self.pool.clone(),
            num_classes: self.num_classes,
            augment: self.shuffle_seed.map(|_| epoch),
            batch_size: self.batch_size,
            // Of the whole epoch, also where its beginning was trained before.
            repeats: Arc::new(repeats(&order)),
            next: passed.min(order.len()),
            order: Arc::new(order),
            ahead: VecDeque::new(),
        };
        (0..PREFETCH).for_each(|_| batches.prepare_next());
        batches
    }

    /// The samples' indices in the order of an epoch.
    pub fn order(&self, epoch: u64) -> Vec<usize> {
        let len = self.dataset.len();
        let Some(seed) = self.shuffle_seed else {
            return (0..len).collect();
        };
        if self.sampler == Sampler::Balanced {
            return balanced_order(&*self.dataset, seed, epoch);
        }
        let mut rng = Rng::new(seed, Purpose::Shuffle, &[epoch]);
        match self.dataset.reading_order() {
            ReadingOrder::Any => {
                let mut order: Vec<usize> = (0..len).collect();
                rng.shuffle(&mut order);
                order
            }
            ReadingOrder::Shards { ends, buffer } => shuffle_shards(ends, *buffer, &mut rng),
        }
    }
}

/// Archives in random order, each from its beginning to its end; the next sample is picked at random
/// among `buffer` that were read (WebDataset's and TensorFlow's way).
fn shuffle_shards(ends: &[usize], buffer: usize, rng: &mut Rng) -> Vec<usize> {
    let mut shards: Vec<usize> = (0..ends.len()).collect();
    rng.shuffle(&mut shards);
    let begin = |shard: usize| if shard == 0 { 0 } else { ends[shard - 1] };
    let mut order = Vec::with_capacity(ends.last().copied().unwrap_or(0));
    let mut waiting = Vec::with_capacity(buffer);
    for index in shards
        .into_iter()
        .flat_map(|shard| begin(shard)..ends[shard])
    {
        if waiting.len() < buffer {
            waiting.push(index);
        } else {
            let picked = rng.below(buffer);
            order.push(std::mem::replace(&mut waiting[picked], index));
        }
    }
    rng.shuffle(&mut waiting);
    order.extend(waiting);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Loaded;
    use crate::data::SampleError;
    use crate::data::Shape;
    use crate::data::Skipped;

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
        fn load(&self, index: usize, _: Option<u64>, out: &mut [f32]) -> Result<(), SampleError> {
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
    fn an_epoch_goes_on_from_any_batch() {
        let loader = loader(2);
        let whole = epoch(&loader, 1);
        for first in 0..=4 {
            let rest: Vec<Vec<f32>> = loader
                .epoch_from(1, first)
                .map(|loaded| loaded.batch.input)
                .collect();
            assert_eq!(rest, whole[first.min(whole.len())..]);
        }
    }

    #[test]
    fn a_small_last_batch_is_dropped_where_asked_for() {
        let loader = loader(2).drop_last(true);
        assert_eq!(loader.num_batches(), 2);
        let batches: Vec<Loaded> = loader.epoch(0).collect();
        let sizes = batches.iter().map(|l| l.indices.len() + l.failed.len());
        assert_eq!(sizes.collect::<Vec<_>>(), [4, 4]);
    }

    #[test]
    fn archives_are_read_in_sequence_but_for_a_buffer() {
        let ends = [40, 40, 100];
        let order = |buffer, epoch| {
            let mut rng = Rng::new(1, Purpose::Shuffle, &[epoch]);
            shuffle_shards(&ends, buffer, &mut rng)
        };
        let mut seen = order(7, 0);
        assert_ne!(seen, order(7, 1), "another order each epoch");
        // The third archive comes first in this epoch: a sample is early by a buffer at most.
        let first = if seen[0] < 40 { 0 } else { 40 };
        for (place, index) in seen.iter().enumerate().take(30) {
            assert!(index - first <= place + 7, "{index} at {place}");
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..100).collect::<Vec<_>>(), "each sample once");
        assert_eq!(order(1000, 0).len(), 100);
    }

    /// Sample 0 waits until sample 5 of the next batch was loaded.
    struct Slow(std::sync::Barrier);

    impl Dataset for Slow {
        fn len(&self) -> usize {
            8
        }
        fn shape(&self) -> Shape {
            Shape::Flat { features: 1 }
        }
        fn class(&self, _: usize) -> usize {
            0
        }
        fn id(&self, index: usize) -> u32 {
            index as u32
        }
        fn name(&self, index: usize) -> String {
            index.to_string()
        }
        fn load(&self, index: usize, _: Option<u64>, _: &mut [f32]) -> Result<(), SampleError> {
            if index == 0 || index == 5 {
                self.0.wait();
            }
            Ok(())
        }
    }

    #[test]
    fn a_slow_sample_does_not_keep_the_next_batch_from_being_prepared() {
        let slow = Arc::new(Slow(std::sync::Barrier::new(2)));
        let loader = Loader::in_order(slow, 4, 2).expect("threads");
        let ids: Vec<u32> = loader.epoch(0).flat_map(|l| l.batch.ids).collect();
        assert_eq!(ids, (0..8).collect::<Vec<_>>(), "in order all the same");
    }

    #[test]
    fn waiting_for_a_batch_can_be_given_up() {
        // Nobody comes to the barrier.
        let slow = Arc::new(Slow(std::sync::Barrier::new(2)));
        let loader = Loader::in_order(slow, 1, 1).expect("threads");
        let mut looks = 0;
        let mut go_on = || {
            looks += 1;
            looks < 3
        };
        assert!(loader.epoch(0).next_while(&mut go_on).is_none());
        assert_eq!(looks, 3);
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
