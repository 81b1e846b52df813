//! Recognizes the split (train, validation, test) in the name of a file or folder.

use std::collections::BTreeSet;

/// What a split is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SplitName {
    /// Training.
    Train,
    /// Validation.
    Valid,
    /// The end.
    Test,
}

const TRAIN: [&str; 4] = ["train", "training", "trn", "trainval"];
const VALID: [&str; 9] = [
    "valid",
    "val",
    "validation",
    "validate",
    "validating",
    "dev",
    "development",
    "holdout",
    "eval",
];
const TEST: [&str; 4] = ["test", "testing", "tst", "tests"];
/// Words that may accompany the name of a split without changing its meaning.
const FILLERS: [&str; 26] = [
    "set", "sets", "data", "dataset", "datasets", "image", "images", "img", "imgs", "pic", "pics",
    "picture", "pictures", "photo", "photos", "folder", "files", "split", "seg", "samples", "raw",
    "final", "jpg", "png", "of", "the",
];

/// The words of a name in lower case: what stands between other signs than letters; `TrainData` is two.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small = false;
    for sign in name.chars() {
        if sign.is_uppercase() && small {
            words.push(String::new());
        }
        small = sign.is_lowercase();
        match sign.is_alphabetic() {
            true => words
                .last_mut()
                .map_or((), |word| word.extend(sign.to_lowercase())),
            false => words.push(String::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn of_word(word: &str) -> Option<SplitName> {
    let plain = |word: &str| {
        let known = |list: &[&str]| list.contains(&word);
        match () {
            () if known(&TRAIN) => Some(SplitName::Train),
            () if known(&VALID) => Some(SplitName::Valid),
            () if known(&TEST) => Some(SplitName::Test),
            () => None,
        }
    };
    // trainset, testimages
    let fused = || {
        let stems = FILLERS
            .iter()
            .filter_map(|filler| word.strip_suffix(filler));
        stems.filter_map(plain).next()
    };
    plain(word).or_else(fused)
}

/// The split that a name denotes if it contains nothing else: `Train_Images`, `seg_test`, `validation-set`.
pub fn split_name(name: &str) -> Option<SplitName> {
    let mut found = None;
    for word in words(name) {
        match of_word(&word) {
            Some(split) if found.is_none_or(|found| found == split) => found = Some(split),
            Some(_) => return None,
            None if FILLERS.contains(&&*word) => {}
            None => return None,
        }
    }
    found
}

/// The split that a word in a name is of, and the name's other words: `20news-bydate-train`.
fn split_in(name: &str) -> Option<(SplitName, Vec<String>)> {
    let words = words(name);
    let splits: Vec<SplitName> = words.iter().filter_map(|word| of_word(word)).collect();
    match splits[..] {
        [split] => {
            let others = words.into_iter().filter(|word| of_word(word).is_none());
            Some((split, others.collect()))
        }
        _ => None,
    }
}

/// The splits of sibling folders: those whose names contain nothing else, and those that differ in the name
/// of the split alone.
pub fn splits_of(names: &[&str]) -> Vec<Option<SplitName>> {
    let inner: Vec<_> = names.iter().map(|name| split_in(name)).collect();
    let twin = |index: usize| {
        let (split, rest) = inner[index].as_ref()?;
        let others = inner.iter().flatten().filter(|(_, other)| other == rest);
        let splits: BTreeSet<SplitName> = others.map(|(split, _)| *split).collect();
        (splits.len() > 1 && splits.contains(&SplitName::Train)).then_some(*split)
    };
    let each = names.iter().enumerate();
    each.map(|(index, name)| split_name(name).or_else(|| twin(index)))
        .collect()
}

/// Whether a folder's name says nothing about its content, as "images" or "train".
pub fn is_wrapper(name: &str) -> bool {
    split_name(name).is_some() || words(name).iter().all(|word| FILLERS.contains(&&**word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_go_by_many_names_and_classes_by_others() {
        for (name, split) in [
            ("train", SplitName::Train),
            ("Training", SplitName::Train),
            ("training_set", SplitName::Train),
            ("seg_train", SplitName::Train),
            ("Train_Images", SplitName::Train),
            ("trainData", SplitName::Train),
            ("trainset", SplitName::Train),
            ("TRAIN", SplitName::Train),
            ("val", SplitName::Valid),
            ("Validation", SplitName::Valid),
            ("dev", SplitName::Valid),
            ("holdout", SplitName::Valid),
            ("test1", SplitName::Test),
            ("seg_test", SplitName::Test),
            ("Testing", SplitName::Test),
        ] {
            assert_eq!(split_name(name), Some(split), "{name}");
        }
        for name in [
            "cats",
            "test_tube",
            "train_station",
            "valley",
            "training test",
            "express",
            "contest",
            "1",
        ] {
            assert_eq!(split_name(name), None, "{name}");
        }
        let news = splits_of(&["20news-bydate-train", "20news-bydate-test"]);
        assert_eq!(news, [Some(SplitName::Train), Some(SplitName::Test)]);
        assert_eq!(splits_of(&["train_station", "bus_station"]), [None, None]);
    }
}
