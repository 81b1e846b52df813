//! Training and validation samples, from separate files or split off.

use super::split::split_off_groups;
use super::split_keys::SplitOff;

/// Samples that can be divided.
pub trait Samples: Sized {
    /// The number of samples.
    fn count(&self) -> usize;

    /// The other samples, and the chosen ones.
    fn divide(self, chosen: &[bool]) -> [Self; 2];
}

impl<T: Clone> Samples for Vec<T> {
    fn count(&self) -> usize {
        self.len()
    }

    fn divide(self, chosen: &[bool]) -> [Vec<T>; 2] {
        let mut sides = [Vec::new(), Vec::new()];
        for (item, chosen) in self.into_iter().zip(chosen) {
            sides[usize::from(*chosen)].push(item);
        }
        sides
    }
}

/// Both splits.
pub struct Divided<S> {
    /// The training split.
    pub train: S,
    /// The validation split.
    pub valid: S,
    /// Whether the validation samples are split off those of training.
    pub own_split: bool,
    /// Where the validation samples come from, as a message.
    pub from: String,
    /// Warnings.
    pub warnings: Vec<String>,
}

impl<S> Divided<S> {
    /// Splits with files of their own.
    pub fn given(train: S, valid: S, from: String) -> Divided<S> {
        Divided {
            train,
            valid,
            own_split: false,
            from,
            warnings: Vec::new(),
        }
    }

    /// The same with samples of another type.
    pub fn map<T>(self, each: impl Fn(S) -> T) -> Divided<T> {
        Divided {
            own_split: self.own_split,
            warnings: self.warnings,
            ..Divided::given(each(self.train), each(self.valid), self.from)
        }
    }
}

impl SplitOff {
    /// Splits off the share; samples with equal digests stay together. `sample` gives (digest, class); `of` is the part
    /// of the message that names the whole: " of each class".
    pub fn divide<S: Samples>(
        self,
        all: S,
        sample: impl Fn(&S, usize) -> (u64, usize),
        of: &str,
    ) -> Divided<S> {
        let SplitOff { fraction, seed } = self;
        let sample = |index: usize| sample(&all, index);
        let chosen = split_off_groups(all.count(), sample, fraction, seed);
        let [train, valid] = all.divide(&chosen);
        Divided {
            own_split: true,
            from: format!("{fraction}{of}, split off with seed {seed}"),
            ..Divided::given(train, valid, String::new())
        }
    }
}
