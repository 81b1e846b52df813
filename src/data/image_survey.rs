//! Listed pictures of two splits: what is known before decoding, and the decoding.

use std::sync::Arc;

use super::augment::Augmentation;
use super::batch::Shape;
use super::cache::Budget;
use super::dataset::{Dataset, Datasets, Progress, ReadingOrder, Silent, Skipped, Summary, Survey};
use super::decode::read_header_of;
use super::files::Split;
use super::image_options::ImageOptions;
use super::images::{Decoded, decode_all};
use super::preprocess::{Preprocessor, check, needs_fit, statistics};
use crate::config::{Fault, Path, Preprocess};

/// Headers read to learn whether the pictures are grey.
const HEADERS_READ: usize = 256;
/// Bytes that hold a picture's header: some cameras put a small picture before it.
const HEADER_BYTES: usize = 1 << 18;

/// Listed pictures of two splits.
pub struct ImageSurvey {
    /// How they become samples.
    pub options: ImageOptions,
    /// 1 (grey) or 3 (colour).
    pub channels: usize,
    /// The training split.
    pub train: Split,
    /// The validation split.
    pub valid: Split,
    /// Classes and counts.
    pub summary: Summary,
    /// Samples of archives among which the next one of training is picked.
    pub shuffle_buffer: usize,
    /// The default of `cache_disk`, bytes.
    pub default_disk: u64,
}

/// 1 where every header read says grey, else 3. Headers that cannot be read do not count.
pub fn infer_channels(split: &Split) -> usize {
    let step = split.len().div_ceil(HEADERS_READ).max(1);
    let mut headers = (0..split.len()).step_by(step).filter_map(|index| {
        let bytes = split.read(index, HEADER_BYTES).ok()?;
        read_header_of(&bytes).ok()
    });
    let first = headers.next();
    let grey = first.is_some_and(|header| header.channels == 1);
    if grey && headers.all(|header| header.channels == 1) {
        1
    } else {
        3
    }
}

impl Survey for ImageSurvey {
    fn summary(&self) -> &Summary {
        &self.summary
    }

    fn shape(&self) -> Shape {
        self.options.shape(self.channels)
    }

    fn any_order(&self) -> bool {
        self.train.reading_order(1) == ReadingOrder::Any
    }

    fn check(&self, preprocess: &Preprocess) -> Result<(), Vec<Fault>> {
        check(preprocess, self.channels)
    }

    fn few(
        self: Box<Self>,
        num_samples: usize,
        augmentation: Option<Augmentation>,
    ) -> (Arc<dyn Dataset>, Vec<Skipped>) {
        let unscaled = Preprocess::default();
        let preprocess = self.options.preprocess(self.channels, &unscaled);
        let mut split = self.train;
        let (all, count) = (split.len(), num_samples.min(split.len()));
        let picks = (0..count).map(|index| split.samples[index * all / count].clone());
        split.samples = picks.collect();
        let budget = Budget {
            memory: u64::MAX,
            disk: 0,
        };
        let decoded = decode_all(split, &preprocess, budget, false, &Silent);
        let skipped = decoded.skipped.clone();
        let dataset = decoded.into_dataset(&preprocess, augmentation, ReadingOrder::Any);
        (Arc::new(dataset), skipped)
    }

    fn prepare(
        self: Box<Self>,
        config: &Preprocess,
        augmentation: Option<Augmentation>,
        progress: &dyn Progress,
    ) -> Result<Datasets, Vec<Fault>> {
        let mut preprocess = self.options.preprocess(self.channels, config);
        let fingerprint = self.train.fingerprint();
        let mut budget = self.options.budget(self.default_disk);
        progress.begin("decoding", self.train.len() + self.valid.len());
        let fit = needs_fit(config);
        let train = decode_all(self.train, &preprocess, budget, fit, progress);
        budget.memory = budget.memory.saturating_sub(train.memory_bytes());
        let valid = decode_all(self.valid, &preprocess, budget, false, progress);
        progress.end();
        let classes = &self.summary.classes;
        require_usable(&train, classes, "train")?;
        require_usable(&valid, classes, "valid")?;
        (preprocess.mean, preprocess.std) = statistics(config, self.channels, &train.sums);
        let mut skipped = train.skipped.clone();
        skipped.extend(valid.skipped.clone());
        let mut notices = train.notices.clone();
        notices.extend(valid.notices.clone());
        notices.dedup();
        let order = train.split.reading_order(self.shuffle_buffer);
        let train = train.into_dataset(&preprocess, augmentation, order);
        let valid = valid.into_dataset(&preprocess, None, ReadingOrder::Any);
        Ok(Datasets {
            classes: self.summary.classes,
            train: Arc::new(train),
            valid: Arc::new(valid),
            preprocess: Preprocessor::Image(preprocess),
            skipped,
            notices,
            fingerprint,
        })
    }
}

fn require_usable(decoded: &Decoded, classes: &[String], name: &str) -> Result<(), Vec<Fault>> {
    let counts = decoded.split.counts(classes.len());
    match counts.iter().position(|&count| count == 0) {
        None => Ok(()),
        Some(class) => {
            let listed: Vec<String> = decoded
                .skipped
                .iter()
                .take(5)
                .map(|skipped| format!("\n  {} {}", skipped.name, skipped.reason))
                .collect();
            let message = format!(
                "holds no picture of {} that can be used:{}",
                classes[class],
                listed.concat()
            );
            let path = Path::parse("data").key(name);
            Err(vec![Fault::new(path, message)])
        }
    }
}
