//! Splitting validation samples off the training samples: stratified, seeded, and stable. Whether
//! a sample is split off depends on its name's rank among its class alone, so files may be moved
//! as a whole without mixing the splits.

use super::random::{Purpose, Rng};

/// Marks the samples that go to validation: of each class the `fraction` (rounded, at least one
/// and never all) whose names come first in a seeded order. `samples` are (digest of the name, class).
pub fn split_off(samples: &[(u64, usize)], fraction: f64, seed: u64) -> Vec<bool> {
    let num_classes = samples
        .iter()
        .map(|(_, class)| class + 1)
        .max()
        .unwrap_or(0);
    let mut chosen = vec![false; samples.len()];
    for class in 0..num_classes {
        let mut members: Vec<(u64, usize)> = samples
            .iter()
            .enumerate()
            .filter(|(_, (_, of))| *of == class)
            .map(|(index, (name, _))| {
                let key = Rng::new(seed, Purpose::Split, &[*name]).next_u64();
                (key, index)
            })
            .collect();
        members.sort_unstable();
        let most = members.len().saturating_sub(1);
        let count = ((members.len() as f64 * fraction).round() as usize)
            .max(1)
            .min(most);
        for (_, index) in &members[..count] {
            chosen[*index] = true;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::random::hash_text;

    fn samples() -> Vec<(u64, usize)> {
        (0..100)
            .map(|i| (hash_text(&format!("{i}.png")), usize::from(i >= 80)))
            .collect()
    }

    #[test]
    fn takes_the_fraction_of_each_class() {
        let samples = samples();
        let chosen = split_off(&samples, 0.25, 1);
        let count = |class| {
            let members = samples.iter().zip(&chosen);
            members
                .filter(|((_, of), chosen)| *of == class && **chosen)
                .count()
        };
        assert_eq!((count(0), count(1)), (20, 5));
    }

    #[test]
    fn depends_on_the_seed_and_on_names_but_not_on_their_order() {
        let forward = samples();
        let mut backward = samples();
        backward.reverse();
        let chosen = split_off(&forward, 0.2, 1);
        let mut reversed = split_off(&backward, 0.2, 1);
        reversed.reverse();
        assert_eq!(chosen, reversed);
        assert_ne!(chosen, split_off(&forward, 0.2, 2));
    }

    #[test]
    fn never_takes_all_of_a_class() {
        let two = [(1, 0), (2, 0), (3, 1)];
        assert_eq!(split_off(&two, 0.9, 1).iter().filter(|c| **c).count(), 1);
    }
}
