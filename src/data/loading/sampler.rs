//! The balanced sampler: every class as often as every other, however many samples each has.
//!
//! Samples are drawn in rounds of one a class, so that every batch is balanced too. Of each class they
//! come in shuffled order, none again before all were there, also across epochs: what an epoch does not
//! reach of a large class, the next ones begin with. The n-th draw of a training is a function of the
//! seed and n alone, and an epoch is the draws from `epoch * samples` on.
//!
//! (PyTorch's `WeightedRandomSampler` draws each sample independently, with replacement: shares vary by
//! chance, and large classes are seen in part only.)

use crate::data::core::dataset::Dataset;
use crate::data::core::random::{Purpose, Rng, hash_text};

/// The samples' indices in the order of an epoch (counted from 0): as many as the split has.
pub fn balanced_order(dataset: &dyn Dataset, seed: u64, epoch: u64) -> Vec<usize> {
    let members = by_class(dataset);
    let len = dataset.len() as u64;
    let mut decks: Vec<Deck> = members.iter().map(|_| Deck::default()).collect();
    let num_classes = members.len() as u64;
    let mut order = Vec::with_capacity(dataset.len());
    let mut round = Vec::new();
    for draw in epoch * len..(epoch + 1) * len {
        let (number, place) = (draw / num_classes, (draw % num_classes) as usize);
        if round.is_empty() || place == 0 {
            round = (0..members.len()).collect();
            rng(seed, "round", &[number]).shuffle(&mut round);
        }
        let class = round[place];
        order.push(decks[class].draw(&members[class], class, number, seed));
    }
    order
}

/// The samples of each class that has any.
fn by_class(dataset: &dyn Dataset) -> Vec<Vec<usize>> {
    let mut members: Vec<Vec<usize>> = Vec::new();
    for index in 0..dataset.len() {
        let class = dataset.class(index);
        if members.len() <= class {
            members.resize(class + 1, Vec::new());
        }
        members[class].push(index);
    }
    members.retain(|members| !members.is_empty());
    members
}

/// The samples of one class in the order of one pass over them.
#[derive(Default)]
struct Deck {
    pass: Option<u64>,
    order: Vec<usize>,
}

impl Deck {
    /// The `number`-th draw of this class.
    fn draw(&mut self, members: &[usize], class: usize, number: u64, seed: u64) -> usize {
        let len = members.len() as u64;
        let pass = number / len;
        if self.pass != Some(pass) {
            self.pass = Some(pass);
            self.order = members.to_vec();
            rng(seed, "deck", &[class as u64, pass]).shuffle(&mut self.order);
        }
        self.order[(number % len) as usize]
    }
}

fn rng(seed: u64, what: &str, address: &[u64]) -> Rng {
    let address = [&[hash_text(what)], address].concat();
    Rng::new(seed, Purpose::Shuffle, &address)
}

/// How often each sample of an order was there before: 0 where none comes twice.
pub fn repeats(order: &[usize]) -> Vec<u32> {
    let mut seen = vec![0; order.iter().max().map_or(0, |most| most + 1)];
    let count = |&index: &usize| {
        seen[index] += 1;
        seen[index] - 1
    };
    order.iter().map(count).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::Sampler;
    use crate::data::SampleError;
    use crate::data::{Loader, Shape};

    /// Of each class so many samples, one class after the other.
    struct Counts(Vec<usize>);

    impl Dataset for Counts {
        fn len(&self) -> usize {
            self.0.iter().sum()
        }
        fn shape(&self) -> Shape {
            Shape::Flat { features: 1 }
        }
        fn class(&self, index: usize) -> usize {
            let mut end = 0;
            let ends = self.0.iter().map(|count| {
                end += count;
                end
            });
            ends.take_while(|&end| end <= index).count()
        }
        fn id(&self, index: usize) -> u32 {
            index as u32
        }
        fn name(&self, index: usize) -> String {
            index.to_string()
        }
        fn load(&self, _: usize, epoch: Option<u64>, out: &mut [f32]) -> Result<(), SampleError> {
            let epoch = epoch.expect("in training");
            let repeat = (epoch >> 32) as f32;
            out[0] = (epoch & 0xFFFF) as f32 + repeat / 16.0;
            Ok(())
        }
    }

    fn counts(of: usize, what: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut counts = vec![0; of];
        what.for_each(|index| counts[index] += 1);
        counts
    }

    #[test]
    fn every_class_comes_equally_often_in_an_epoch_as_long_as_the_split() {
        let data = Counts(vec![70, 0, 24, 5]); // no sample of class 1
        for epoch in 0..5 {
            let order = balanced_order(&data, 1, epoch);
            assert_eq!(order.len(), 99);
            let classes = counts(4, order.iter().map(|&index| data.class(index)));
            assert_eq!(classes, [33, 0, 33, 33], "epoch {epoch}");
        }
        let data = Counts(vec![90, 10]);
        for batch in balanced_order(&data, 1, 0).chunks(10) {
            let classes = counts(2, batch.iter().map(|&index| data.class(index)));
            assert_eq!(classes, [5, 5], "each batch too");
        }
    }

    #[test]
    fn no_sample_comes_again_before_all_of_its_class_were_there_across_epochs() {
        let data = Counts(vec![70, 24, 6]);
        let mut seen = vec![0; 100];
        for epoch in 0..9 {
            for index in balanced_order(&data, 7, epoch) {
                seen[index] += 1;
                for class in [0..70, 70..94, 94..100] {
                    let most = seen[class.clone()].iter().max();
                    let least = seen[class].iter().min();
                    assert!(most.unwrap() - least.unwrap() <= 1, "{seen:?}");
                }
            }
        }
        assert!(
            seen.iter().all(|&count| count >= 4),
            "all are seen: {seen:?}"
        );
    }

    #[test]
    fn the_order_is_a_function_of_the_seed_and_the_epoch() {
        let data = Counts(vec![40, 7]);
        let order = balanced_order(&data, 3, 2);
        assert_eq!(order, balanced_order(&data, 3, 2));
        assert_ne!(order, balanced_order(&data, 4, 2));
        assert_ne!(order, balanced_order(&data, 3, 1));
        assert!(balanced_order(&Counts(vec![]), 3, 0).is_empty());
    }

    #[test]
    fn a_sample_that_comes_again_in_an_epoch_is_augmented_in_another_way() {
        let data = Arc::new(Counts(vec![12, 2]));
        let loader = Loader::shuffled(data, 3, 5, 2).expect("threads");
        let loader = loader.sampler(Sampler::Balanced);
        // For each sample, its draws in the stream of the epoch.
        let mut seen = Vec::new();
        for loaded in loader.epoch(4) {
            seen.extend(loaded.batch.ids.into_iter().zip(loaded.batch.input));
        }
        assert_eq!(seen.len(), 14);
        let of_a_rare_one = seen.iter().filter(|(id, _)| *id == 12).count();
        assert!(of_a_rare_one >= 3, "{seen:?}");
        for (place, draw) in seen.iter().enumerate() {
            assert!(!seen[..place].contains(draw), "{draw:?} twice: {seen:?}");
        }
    }

    #[test]
    fn repeats_are_counted() {
        assert_eq!(repeats(&[4, 1, 4, 4, 0, 1]), [0, 0, 1, 2, 0, 1]);
        assert!(repeats(&[]).is_empty());
    }
}
