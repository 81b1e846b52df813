//! Listed pictures of two splits: what is known before decoding, and the decoding.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use super::audit::Audit;
use super::augment::Augmentation;
use super::batch::Shape;
use super::cache::Budget;
use super::dataset::{Dataset, Datasets, Progress, ReadingOrder, Silent, Skipped, Summary, Survey};
use super::decode::{HEADER_BYTES, MAX_TIFF, is_tiff, read_header_of};
use super::deep::DeepImages;
use super::files::Split;
use super::image_folder::same_classes;
use super::image_options::ImageOptions;
use super::images::{Decoded, Gather, decode_all};
use super::left_out::{LeftOut, short_name};
use super::listing::list_classes;
use super::preprocess::{ImagePreprocess, Preprocessor, check, needs_fit, statistics};
use super::resize::Aspect;
use super::task::Task;
use crate::config::{Fault, Path, Preprocess};
use crate::console::visible;

/// Headers read to learn whether the pictures are grey.
const HEADERS_READ: usize = 256;

/// Height and width to which pictures are brought where only the audit looks at them.
const LOOK_SIZE: usize = 64;

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

/// The samples of two splits, and what is to be said of them.
pub struct Listed {
    /// Class names, in order.
    pub classes: Vec<String>,
    /// The training split.
    pub train: Split,
    /// The validation split.
    pub valid: Split,
    /// Where the validation split comes from, for people.
    pub valid_from: String,
    /// What is no sample.
    pub left_out: LeftOut,
    /// What may be wrong with the files.
    pub warnings: Vec<String>,
}

impl ImageSurvey {
    /// Listed pictures; headers tell the channels where the options do not.
    pub fn new(options: ImageOptions, listed: Listed) -> ImageSurvey {
        let Listed {
            classes,
            train,
            valid,
            valid_from,
            left_out,
            warnings,
        } = listed;
        let channels = options.channels;
        ImageSurvey {
            channels: channels.unwrap_or_else(|| infer_channels(&train)),
            summary: Summary {
                num_train: train.len(),
                num_valid: valid.len(),
                columns: Vec::new(),
                train_counts: train.counts(classes.len()),
                valid_counts: valid.counts(classes.len()),
                task: Task::Classes(classes),
                valid_from,
                left_out,
                of_rows: false,
                warnings,
            },
            options,
            train,
            valid,
            shuffle_buffer: 0,
            default_disk: 0,
        }
    }
}

/// 1 where every header read says grey, else 3. Headers that cannot be read do not count.
fn infer_channels(split: &Split) -> usize {
    let step = split.len().div_ceil(HEADERS_READ).max(1);
    let mut headers = (0..split.len()).step_by(step).filter_map(|index| {
        let mut bytes = split.read_begin(index, HEADER_BYTES).ok()?;
        if is_tiff(&bytes) {
            bytes = split.read_begin(index, MAX_TIFF).ok()?;
        }
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
        if self.options.pad_value != 0 && self.options.aspect != Aspect::Fit {
            let message = "is the level of the bars of aspect = \"fit\"; nothing else adds any";
            let fault = Fault::new(Path::parse("data.pad_value"), message).at_key();
            return Err(vec![
                fault.hint("set data.aspect = \"fit\", or remove the key"),
            ]);
        }
        check(preprocess, self.channels)
    }

    fn few(
        self: Box<Self>,
        num_samples: usize,
        augmentation: Option<Augmentation>,
    ) -> (Arc<dyn Dataset>, Vec<Skipped>) {
        let (preprocess, _) = self.fitted(&Preprocess::default());
        let mut split = self.train;
        let (all, count) = (split.len(), num_samples.min(split.len()));
        let picks = (0..count).map(|index| split.samples[index * all / count].clone());
        split.samples = picks.collect();
        let budget = Budget {
            memory: u64::MAX,
            disk: 0,
        };
        let decoded = decode_all(split, &preprocess, budget, Gather::default(), &Silent);
        let skipped = decoded.skipped.clone();
        let dataset = decoded.into_dataset(&preprocess, augmentation, ReadingOrder::Any);
        (Arc::new(dataset), skipped)
    }

    fn prepare(
        self: Box<Self>,
        config: &Preprocess,
        augmentation: Option<Augmentation>,
        audit: bool,
        progress: &dyn Progress,
    ) -> Result<Datasets, Vec<Fault>> {
        let (mut preprocess, deep) = self.fitted(config);
        let fingerprint = self.train.fingerprint();
        let (classes, buffer) = (self.summary.task.classes().to_vec(), self.shuffle_buffer);
        let gather = Gather {
            sums: needs_fit(config),
            traits: audit,
        };
        let [train, valid] = self.decode(&preprocess, gather, progress);
        require_usable(&train, &classes, "train")?;
        require_usable(&valid, &classes, "valid")?;
        let audit = audit.then(|| Audit::new(&classes, &[&train, &valid], 0));
        (preprocess.mean, preprocess.std) = statistics(config, preprocess.channels, &train.sums);
        let mut skipped = train.skipped.clone();
        skipped.extend(valid.skipped.clone());
        let mut notices: Vec<String> = deep.and_then(|deep| deep.notice()).into_iter().collect();
        notices.extend(train.notices.clone());
        notices.extend(valid.notices.clone());
        notices.dedup();
        let order = train.split.reading_order(buffer);
        let train = train.into_dataset(&preprocess, augmentation, order);
        let valid = valid.into_dataset(&preprocess, None, ReadingOrder::Any);
        Ok(Datasets {
            task: Task::Classes(classes),
            train: Arc::new(train),
            valid: Arc::new(valid),
            preprocess: Preprocessor::Image(preprocess),
            skipped,
            notices,
            audit,
            fingerprint,
        })
    }

    fn audit(self: Box<Self>, num_pictures: usize, progress: &dyn Progress) -> Audit {
        let (preprocess, deep) = self.fitted(&Preprocess::default());
        let classes = self.summary.task.classes().to_vec();
        let left_out = self.summary.left_out.clone();
        let warnings = self.summary.warnings.clone();
        let gather = Gather {
            sums: false,
            traits: true,
        };
        let [train, valid] = self.decode(&preprocess, gather, progress);
        let splits = [&train, &valid];
        let some = if valid.split.len() + valid.skipped.len() > 0 {
            2
        } else {
            1
        };
        Audit {
            left_out,
            warnings,
            deep,
            ..Audit::new(&classes, &splits[..some], num_pictures)
        }
    }
}

impl ImageSurvey {
    /// A folder to look at, without an experiment: with `train` and `valid` folders, or of one split.
    ///
    /// # Errors
    /// A folder without classes; in words that follow its name.
    pub fn of_folders(train: &FilePath, valid: Option<&FilePath>) -> Result<ImageSurvey, String> {
        let listing = list_classes(train)?;
        let classes = listing.classes;
        let mut left_out = listing.left_out;
        let train = Split::of_files(train.to_path_buf(), listing.files);
        let valid = match valid {
            None => Split::of_files(PathBuf::new(), Vec::new()),
            Some(folder) => {
                let valid = list_classes(folder)?;
                same_classes(&classes, &valid.classes, "the training folder", "the other")?;
                left_out.merge(valid.left_out);
                Split::of_files(folder.to_path_buf(), valid.files)
            }
        };
        let listed = Listed {
            classes,
            train,
            valid,
            valid_from: String::new(),
            left_out,
            warnings: Vec::new(),
        };
        let options = ImageOptions::of_size([LOOK_SIZE, LOOK_SIZE]);
        Ok(ImageSurvey::new(options, listed))
    }

    /// The preprocessing, with the range of the training split's 16-bit images, and what these are.
    fn fitted(&self, config: &Preprocess) -> (ImagePreprocess, Option<DeepImages>) {
        let mut preprocess = self.options.preprocess(self.channels, config);
        let deep = DeepImages::find(&self.train, &preprocess);
        preprocess.deep = deep.and_then(|deep| deep.range());
        (preprocess, deep)
    }

    /// Decodes both splits.
    fn decode(
        self,
        preprocess: &ImagePreprocess,
        gather: Gather,
        progress: &dyn Progress,
    ) -> [Decoded; 2] {
        let mut budget = self.options.budget(self.default_disk);
        progress.begin("decoding", self.train.len() + self.valid.len());
        let train = decode_all(self.train, preprocess, budget, gather, progress);
        budget.memory = budget.memory.saturating_sub(train.memory_bytes());
        let gather = Gather {
            sums: false, // fitted on the training samples alone
            ..gather
        };
        let valid = decode_all(self.valid, preprocess, budget, gather, progress);
        progress.end();
        [train, valid]
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
                .map(|skipped| format!("\n  {} {}", visible(&skipped.name), skipped.reason))
                .collect();
            let message = format!(
                "holds no picture of {} that can be used:{}",
                short_name(&classes[class]),
                listed.concat()
            );
            let path = Path::parse("data").key(name);
            Err(vec![Fault::new(path, message)])
        }
    }
}
