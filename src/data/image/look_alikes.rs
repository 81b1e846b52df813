//! Look-alike images that a random split separated are moved to one side after decoding, when they are known.

use std::collections::{BTreeMap, BTreeSet};

use super::cache::Budget;
use super::decode_all::{Decoded, Gather, decode_all};
use super::preprocess::ImagePreprocess;
use crate::data::audit::{Audit, Named};
use crate::data::core::dataset::Silent;
use crate::data::core::random::hash_text;

/// Samples that change sides, by their places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// Validation samples that become training samples.
    pub to_train: BTreeSet<usize>,
    /// Training samples that become validation samples.
    pub to_valid: BTreeSet<usize>,
}

impl Moves {
    /// The moves that bring each group of look-alikes to one side, so that validation keeps about as many samples of
    /// each class. None if validation would have none left of `num_valid`.
    pub fn of(audit: &Audit, num_valid: usize) -> Moves {
        let groups = torn_groups(audit);
        let mut room: BTreeMap<usize, usize> = BTreeMap::new();
        let in_valid = groups.iter().flatten().filter(|named| named.split == 1);
        in_valid.for_each(|named| *room.entry(named.class).or_default() += 1);
        let mut moves = Moves::default();
        for group in groups {
            let left = group.first().and_then(|named| room.get_mut(&named.class));
            let fits = match left {
                Some(left) if *left >= group.len() => {
                    *left -= group.len();
                    true
                }
                _ => false,
            };
            for named in group {
                match (fits, named.split) {
                    (true, 0) => moves.to_valid.insert(named.index),
                    (false, 1) => moves.to_train.insert(named.index),
                    _ => true,
                };
            }
        }
        match moves.to_train.len() >= num_valid + moves.to_valid.len() {
            true => Moves::default(),
            false => moves,
        }
    }

    /// Leaves out of validation what looks like a training sample, where samples cannot be moved.
    pub fn without(audit: &Audit, num_valid: usize) -> Moves {
        let groups = torn_groups(audit);
        let in_valid = groups.iter().flatten().filter(|named| named.split == 1);
        let to_train: BTreeSet<usize> = in_valid.map(|named| named.index).collect();
        match to_train.len() >= num_valid {
            true => Moves::default(),
            false => Moves {
                to_train,
                to_valid: BTreeSet::new(),
            },
        }
    }

    /// Counts samples that changed sides where they are now.
    pub fn apply(&self, audit: &mut Audit) {
        let ends = audit
            .pairs
            .iter_mut()
            .flat_map(|pair| [&mut pair.one, &mut pair.other]);
        let lists = audit
            .misnamed
            .iter_mut()
            .chain(&mut audit.blank)
            .chain(&mut audit.narrow);
        for named in ends.chain(lists) {
            match named.split {
                0 if self.to_valid.contains(&named.index) => named.split = 1,
                1 if self.to_train.contains(&named.index) => named.split = 0,
                _ => {}
            }
        }
    }

    /// Whether nothing changes sides.
    pub fn is_empty(&self) -> bool {
        self.to_train.is_empty() && self.to_valid.is_empty()
    }

    /// Notices.
    pub fn notice(&self, are_moved: bool) -> String {
        let count = self.to_train.len() + self.to_valid.len();
        let what = match (count, are_moved) {
            (1, true) => "1 image was moved to the other side of the split by chance".to_string(),
            (n, true) => {
                format!("{n} images were moved to the other side of the split by chance")
            }
            (1, false) => "1 validation image is not used".to_string(),
            (n, false) => format!("{n} validation images are not used"),
        };
        format!("{what}, so that copies and look-alikes are on one side")
    }
}

/// Groups of look-alike images on both sides, ordered by their names.
fn torn_groups(audit: &Audit) -> Vec<Vec<Named>> {
    let key = |named: &Named| (named.split, named.index);
    let mut members: BTreeMap<(usize, usize), &Named> = BTreeMap::new();
    let mut group: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut groups: Vec<BTreeSet<(usize, usize)>> = Vec::new();
    for pair in audit
        .pairs
        .iter()
        .filter(|pair| pair.one.split < 2 && pair.other.split < 2)
    {
        let ends = [&pair.one, &pair.other];
        members.extend(ends.iter().map(|named| (key(named), *named)));
        let known: BTreeSet<usize> = ends
            .iter()
            .filter_map(|named| group.get(&key(named)).copied())
            .collect();
        let into = known.first().copied().unwrap_or_else(|| {
            groups.push(BTreeSet::new());
            groups.len() - 1
        });
        for other in known.iter().skip(1) {
            let moved = std::mem::take(&mut groups[*other]);
            group.extend(moved.iter().map(|member| (*member, into)));
            groups[into].extend(moved);
        }
        for named in ends {
            group.insert(key(named), into);
            groups[into].insert(key(named));
        }
    }
    let is_torn = |group: &BTreeSet<(usize, usize)>| {
        let splits: BTreeSet<usize> = group.iter().map(|(split, _)| *split).collect();
        splits.len() > 1
    };
    let named = |group: &BTreeSet<(usize, usize)>| -> Vec<Named> {
        group
            .iter()
            .filter_map(|member| members.get(member))
            .map(|named| (*named).clone())
            .collect()
    };
    let mut torn: Vec<Vec<Named>> = groups
        .iter()
        .filter(|group| is_torn(group))
        .map(named)
        .collect();
    torn.sort_by_cached_key(|group| {
        let first = group
            .iter()
            .map(|named| named.name.as_str())
            .min()
            .unwrap_or_default();
        (hash_text(first), first.to_string())
    });
    torn
}

/// Both splits, each with what came over from the other.
pub struct Regrouped {
    /// The training samples that stay, and those that came.
    pub train: (Decoded, Option<Decoded>),
    /// The validation samples that stay, and those that came.
    pub valid: (Decoded, Option<Decoded>),
}

/// Moves samples; those that come are decoded again, as `budget` allows.
pub fn regroup(
    train: Decoded,
    valid: Decoded,
    moves: &Moves,
    preprocess: &ImagePreprocess,
    (budget, gather): (Budget, Gather),
) -> Regrouped {
    let keeps = |decoded: &Decoded, gone: &BTreeSet<usize>| -> (Vec<bool>, Vec<bool>) {
        let goes: Vec<bool> = (0..decoded.split.len())
            .map(|index| gone.contains(&index))
            .collect();
        (goes.iter().map(|goes| !goes).collect(), goes)
    };
    let (train_stay, train_go) = keeps(&train, &moves.to_valid);
    let (valid_stay, valid_go) = keeps(&valid, &moves.to_train);
    let gather = Gather {
        traits: false,
        ..gather
    };
    let decode = |decoded: &Decoded, goes: &[bool], any: bool| {
        let split = decoded.split.clone().filter(goes);
        any.then(|| decode_all(split, preprocess, budget, gather, &Silent))
    };
    let to_valid = decode(&train, &train_go, !moves.to_valid.is_empty());
    let to_train = decode(&valid, &valid_go, !moves.to_train.is_empty());
    let (mut train, valid) = (train.only(&train_stay), valid.only(&valid_stay));
    if let Some(gone) = &to_valid {
        train.sums = std::mem::take(&mut train.sums).without(&gone.sums);
    }
    if let Some(came) = &to_train {
        train.sums = std::mem::take(&mut train.sums).merge(came.sums.clone());
    }
    Regrouped {
        train: (train, to_train),
        valid: (valid, to_valid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::audit::Pair;

    fn named(split: usize, index: usize, class: usize) -> Named {
        Named {
            split,
            index,
            name: format!("{split}-{index}"),
            class,
        }
    }

    fn audit(pairs: &[[(usize, usize); 2]]) -> Audit {
        let pair = |[one, other]: &[(usize, usize); 2]| Pair {
            one: named(one.0, one.1, 0),
            other: named(other.0, other.1, 0),
            similarity: 1.0,
            same_bytes: false,
            images: None,
        };
        Audit {
            pairs: pairs.iter().map(pair).collect(),
            ..Audit::default()
        }
    }

    #[test]
    fn groups_go_to_one_side_and_validation_keeps_its_size() {
        // Four separated pairs of twins: two of them move each way.
        let twins: Vec<_> = (0..4).map(|index| [(0, index), (1, index)]).collect();
        let moves = Moves::of(&audit(&twins), 4);
        assert_eq!((moves.to_train.len(), moves.to_valid.len()), (2, 2));
        assert!(moves.to_train.is_disjoint(&moves.to_valid));
        assert_eq!(moves, Moves::of(&audit(&twins), 4));
        // One group of all: it goes to training, unless nothing were left.
        let chain = [[(0, 0), (1, 0)], [(1, 0), (1, 1)], [(0, 1), (1, 1)]];
        assert_eq!(
            Moves::of(&audit(&chain), 9).to_train,
            BTreeSet::from([0, 1])
        );
        assert!(Moves::of(&audit(&chain), 2).is_empty());
        // What is on one side stays there; the test split is not touched.
        assert!(Moves::of(&audit(&[[(0, 0), (0, 1)], [(0, 0), (2, 1)]]), 9).is_empty());
        assert_eq!(Moves::without(&audit(&twins), 9).to_train.len(), 4);
    }
}
