//! The findings of an audit.

use std::collections::BTreeSet;

use super::table::inspected::InspectedColumn;
use crate::data::core::dataset::Skipped;
use crate::data::core::left_out::LeftOut;
use crate::data::image::decode::pixels::Pixels;
use crate::data::image::deep_images::DeepImages;
use crate::data::table::options::Role;

/// A class whose largest is that many times as frequent is worth a note.
pub const IMBALANCE: f64 = 5.0;

/// An image, by split and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// 0 training, 1 validation, 2 the test at the end.
    pub split: usize,
    /// Its place within the split.
    pub index: usize,
    /// Its name within the split.
    pub name: String,
    /// The index of its class.
    pub class: usize,
}

/// Two images that are the same.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The one that comes first.
    pub one: Named,
    /// The other.
    pub other: Named,
    /// 1 for the same bytes, else the correlation of the grey levels.
    pub similarity: f64,
    /// Whether the files have the same bytes.
    pub same_bytes: bool,
    /// Both, for the first pairs only.
    pub images: Option<(Pixels, Pixels)>,
}

impl Pair {
    /// Whether the images lie in different splits.
    pub fn is_leak(&self) -> bool {
        self.one.split != self.other.split
    }

    /// Whether the images have different labels.
    pub fn is_conflict(&self) -> bool {
        self.one.class != self.other.class
    }
}

/// Figures of one split.
#[derive(Clone, Debug, Default)]
pub struct SplitFigures {
    /// Images that can be used.
    pub num_samples: usize,
    /// Of them, those that were decoded; the rest was not looked at.
    pub num_seen: usize,
    /// Samples of each class.
    pub counts: Vec<usize>,
    /// Smallest, median and largest height, as stored.
    pub heights: [u32; 3],
    /// Smallest, median and largest width, as stored.
    pub widths: [u32; 3],
    /// Images stored in grey.
    pub num_grey: usize,
}

/// What the audit found.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// Class names.
    pub classes: Vec<String>,
    /// The splits, training first.
    pub splits: Vec<SplitFigures>,
    /// Images that cannot be used.
    pub unusable: Vec<Skipped>,
    /// Images whose file extension is not that of their format.
    pub misnamed: Vec<Named>,
    /// Images of one colour.
    pub blank: Vec<Named>,
    /// Images with 16 bits per channel, where training has such that use a small part of them.
    pub narrow: Vec<Named>,
    /// What the training split's images with 16 bits per channel use of them.
    pub deep: Option<DeepImages>,
    /// Files that are no samples.
    pub left_out: LeftOut,
    /// Warnings about the files.
    pub warnings: Vec<String>,
    /// Copies first, then what looks alike, the most alike first.
    pub pairs: Vec<Pair>,
    /// What was found in a table.
    pub table: Option<TableAudit>,
}

impl Audit {
    /// Pairs across the splits.
    pub fn leaks(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(|pair| pair.is_leak())
    }

    /// Images of a split that an earlier split has, too.
    pub fn num_leaked(&self, split: usize) -> usize {
        let leaks = self.leaks().filter(|pair| pair.other.split == split);
        num_others(leaks)
    }

    /// Pairs with two labels.
    pub fn conflicts(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(|pair| pair.is_conflict())
    }

    /// How many times as frequent the most frequent class of training is as the rarest, where that is
    /// worth a note.
    pub fn imbalance(&self) -> Option<f64> {
        let counts = &self.splits.first()?.counts;
        let (most, least) = (counts.iter().max()?, counts.iter().min()?);
        let ratio = *most as f64 / (*least).max(1) as f64;
        (ratio >= IMBALANCE).then_some(ratio)
    }
}

/// Images that come second in pairs.
pub fn num_others<'a>(pairs: impl Iterator<Item = &'a Pair>) -> usize {
    let others: BTreeSet<(usize, usize)> = pairs
        .map(|pair| (pair.other.split, pair.other.index))
        .collect();
    others.len()
}

/// Where so large a share of the training rows is there twice, rows of validation may be among them by
/// chance.
pub const BY_CHANCE: f64 = 0.01;

/// What the audit of a table found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableAudit {
    /// Rows of training and validation.
    pub rows: [usize; 2],
    /// Columns with missing fields: name, share of the training rows.
    pub missing: Vec<(String, f64)>,
    /// Columns that are not used, and why.
    pub ignored: Vec<(String, String)>,
    /// Columns that give the target away, and how.
    pub leaked: Vec<(String, String)>,
    /// Training rows that are there more than once.
    pub num_repeated: usize,
    /// Validation rows that are also training rows.
    pub num_shared: usize,
    /// Of them, the first pairs: (training, validation).
    pub shared: Vec<(String, String)>,
    /// What lies far beyond the training rows, in words.
    pub out_of_range: Vec<String>,
    /// Of a file by itself: what its columns are taken for.
    pub columns: Vec<InspectedColumn>,
    /// Of a file by itself: columns that cannot be taken for anything, in words.
    pub unclear: Vec<String>,
}

impl TableAudit {
    /// Whether validation rows are also training rows, more than chance would have it.
    pub fn is_leak(&self) -> bool {
        self.num_shared > 0 && (self.num_repeated as f64) < BY_CHANCE * self.rows[0] as f64
    }
}

impl TableAudit {
    /// Whether a file by itself has not two columns that can be used, one to predict and one to predict from.
    pub fn is_useless(&self) -> bool {
        let used = |column: &&InspectedColumn| !matches!(column.role, Ok((Role::Ignore, _)));
        !self.columns.is_empty() && self.columns.iter().filter(used).count() < 2
    }
}
