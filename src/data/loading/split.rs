//! Stratified, seeded and stable train/validation split. Whether a sample goes to validation depends only on the rank
//! of its name's hash within its class, so moving the whole dataset does not change the splits.

use crate::data::core::random::{Purpose, Rng};

/// Marks the samples that go to validation: of each class the `fraction` (rounded, at least one
/// and never all) whose names come first in a seeded order. `sample` gives (digest of the name, class).
/// Equal digests always go to the same side: a class of equal samples alone is not split.
pub fn split_off_groups(
    len: usize,
    sample: impl Fn(usize) -> (u64, usize),
    fraction: f64,
    seed: u64,
) -> Vec<bool> {
    split_by(len, sample, fraction, seed, whole_groups)
}

fn split_by(
    len: usize,
    sample: impl Fn(usize) -> (u64, usize),
    fraction: f64,
    seed: u64,
    bound: fn(Vec<u64>, f64) -> Bound,
) -> Vec<bool> {
    let key = |name: u64| Rng::new(seed, Purpose::Split, &[name]).next_u64();
    let mut keys: Vec<Vec<u64>> = Vec::new();
    for (name, class) in (0..len).map(&sample) {
        if keys.len() <= class {
            keys.resize(class + 1, Vec::new());
        }
        keys[class].push(key(name));
    }
    let mut bounds: Vec<Bound> = keys.into_iter().map(|keys| bound(keys, fraction)).collect();
    let chosen = (0..len).map(&sample).map(|(name, class)| {
        let (bound, key) = (&mut bounds[class], key(name));
        let equal = key == bound.key && bound.equal > 0;
        bound.equal -= usize::from(equal);
        key < bound.key || equal
    });
    chosen.collect()
}

/// Chosen are the samples below a key, and so many of those equal to it.
struct Bound {
    key: u64,
    equal: usize,
}

/// Share of a class by which its count may be missed so that equal names stay together.
const SLACK: f64 = 0.01;

fn bound(mut keys: Vec<u64>, fraction: f64) -> Bound {
    keys.sort_unstable();
    let most = keys.len().saturating_sub(1);
    let count = ((keys.len() as f64 * fraction).round() as usize)
        .max(1)
        .min(most);
    let Some(last) = count.checked_sub(1) else {
        return Bound { key: 0, equal: 0 };
    };
    let key = keys[last];
    let begin = keys.partition_point(|&other| other < key);
    let end = keys.partition_point(|&other| other <= key);
    let slack = (SLACK * keys.len() as f64).ceil() as usize;
    let equal = if end <= most && end - count <= slack {
        end - begin
    } else if begin > 0 && count - begin <= slack {
        0
    } else {
        count - begin
    };
    Bound { key, equal }
}

/// The bound at the edge of a group that is nearest to the fraction, and leaves something on both sides where it can.
fn whole_groups(keys: Vec<u64>, fraction: f64) -> Bound {
    let len = keys.len();
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    let split = bound(keys, fraction);
    let begin = sorted.partition_point(|&other| other < split.key);
    let end = sorted.partition_point(|&other| other <= split.key);
    let count = begin + split.equal;
    if count == 0 {
        return split;
    }
    let (above, below) = (end - count, split.equal);
    let equal = match (begin > 0, end < len) {
        (true, true) if above <= below => end - begin,
        (false, true) => end - begin,
        (true, _) => 0,
        (false, false) => 0,
    };
    Bound {
        key: split.key,
        equal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::core::random::hash_text;

    /// Tears groups apart where the fraction would be missed by far.
    fn split_off(samples: &[(u64, usize)], fraction: f64, seed: u64) -> Vec<bool> {
        split_by(samples.len(), |index| samples[index], fraction, seed, bound)
    }

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
    fn equal_names_stay_together() {
        let samples: Vec<(u64, usize)> = (0..1000).map(|i| (i / 4, 0)).collect();
        for seed in 0..20 {
            let chosen = split_off(&samples, 0.3, seed);
            let apart = |twins: &[bool]| twins.iter().any(|chosen| *chosen != twins[0]);
            assert!(!chosen.chunks(4).any(apart));
            assert_eq!(chosen.iter().filter(|chosen| **chosen).count(), 300);
        }
        let same = split_off(&[(1, 0); 10], 0.5, 1);
        assert_eq!(same.iter().filter(|chosen| **chosen).count(), 5);
    }

    #[test]
    fn groups_are_never_torn_apart() {
        // Three groups of one class, one group of another, no group at all.
        let digests = [1, 1, 1, 2, 2, 2, 2, 3, 3, 9, 9, 9, 9];
        let classes = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1];
        for seed in 0..50 {
            let chosen = split_off_groups(13, |i| (digests[i], classes[i]), 0.2, seed);
            for group in [&chosen[..3], &chosen[3..7], &chosen[7..9], &chosen[9..]] {
                assert!(group.iter().all(|side| *side == group[0]), "{chosen:?}");
            }
            let taken = chosen[..9].iter().filter(|side| **side).count();
            assert!((2..=7).contains(&taken), "{chosen:?}");
            assert!(!chosen[9], "a class that is one group stays in training");
        }
        let all = samples();
        let groups = split_off_groups(all.len(), |i| all[i], 0.25, 1);
        assert_eq!(
            groups,
            split_off(&all, 0.25, 1),
            "without copies nothing is different"
        );
    }

    #[test]
    fn never_takes_all_of_a_class() {
        let two = [(1, 0), (2, 0), (3, 1)];
        assert_eq!(split_off(&two, 0.9, 1).iter().filter(|c| **c).count(), 1);
    }
}
