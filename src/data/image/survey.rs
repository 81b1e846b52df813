//! A survey of image splits: listed, headers read; then decoded.

use std::sync::Arc;

use super::audit::examine;
use super::augment::Augmentation;
use super::cache::Budget;
use super::decode_all::{Decoded, Gather, decode_all};
use super::deep_images::DeepImages;
use super::headers::{infer_channels, typical_size};
use super::joined::Joined;
use super::labelling::options::Names;
use super::look_alikes::{Moves, Regrouped, regroup};
use super::options::ImageOptions;
use super::preprocess::{ImagePreprocess, check, needs_fit, statistics};
use super::resize::{Aspect, is_whole};
use super::samples::Split;
use super::usable::{Decoding, require_some, require_usable};
use crate::config::{Fault, Path, Preprocess};
use crate::data::audit::Audit;
use crate::data::core::batch::Shape;
use crate::data::core::class_names::absent;
use crate::data::core::dataset::{Dataset, Progress, ReadingOrder, Silent, Skipped, Summary};
use crate::data::core::left_out::LeftOut;
use crate::data::core::random::hash_text;
use crate::data::core::task::Task;
use crate::data::loading::divided::Divided;
use crate::data::preprocess::Preprocessor;
use crate::data::source::{Datasets, Survey};

/// Listed images of two splits.
pub struct ImageSurvey {
    /// How they become samples.
    pub options: ImageOptions,
    /// 1 (grey) or 3 (colour).
    pub channels: usize,
    /// The training split.
    pub train: Split,
    /// The validation split.
    pub valid: Split,
    /// The test split.
    pub test: Option<Split>,
    /// Whether validation was split off at random.
    pub own_split: bool,
    /// Where an image may have several labels: those of each set.
    pub sets: Option<Arc<Vec<Vec<bool>>>>,
    /// Classes and counts.
    pub summary: Summary,
    /// Size of the shuffle buffer for archives, samples.
    pub shuffle_buffer: usize,
    /// The default of `cache_disk`, bytes.
    pub default_disk: u64,
}

/// The listed samples of the splits.
pub struct Listed {
    /// Class names, in order.
    pub classes: Vec<String>,
    /// The training and the validation split.
    pub splits: Divided<Split>,
    /// The test split.
    pub test: Option<Split>,
    /// Files that are not samples.
    pub left_out: LeftOut,
    /// Where an image may have several labels: of each set of them, of which samples have the index, a flag for each
    /// label.
    pub sets: Option<Arc<Vec<Vec<bool>>>>,
}

/// Samples of each class; of each label, where an image may have several.
pub fn counts(split: &Split, num_names: usize, sets: Option<&Vec<Vec<bool>>>) -> Vec<usize> {
    let Some(sets) = sets else {
        return split.counts(num_names);
    };
    let mut counts = vec![0; num_names];
    for sample in &split.samples {
        for (count, held) in counts.iter_mut().zip(&sets[sample.class as usize]) {
            *count += usize::from(*held);
        }
    }
    counts
}

impl ImageSurvey {
    /// Listed images; the channels are inferred from headers unless the options give them.
    pub fn new(options: ImageOptions, listed: Listed) -> ImageSurvey {
        let Listed {
            classes,
            splits,
            left_out,
            test,
            sets,
        } = listed;
        let Divided {
            train,
            valid,
            own_split,
            from: valid_from,
            warnings,
        } = splits;
        let channels = options.channels;
        ImageSurvey {
            channels: channels.unwrap_or_else(|| infer_channels(&train)),
            summary: Summary {
                num_train: train.len(),
                num_valid: valid.len(),
                columns: Vec::new(),
                num_test: test.as_ref().map_or(0, Split::len),
                train_counts: counts(&train, classes.len(), sets.as_deref()),
                valid_counts: counts(&valid, classes.len(), sets.as_deref()),
                task: match sets {
                    None => Task::Classes(classes),
                    Some(_) => Task::MultiLabel(classes),
                },
                valid_from,
                left_out,
                of_rows: false,
                warnings,
            },
            options,
            train,
            valid,
            test,
            own_split,
            sets,
            shuffle_buffer: 0,
            default_disk: 0,
        }
    }
}

impl Survey for ImageSurvey {
    fn summary(&self) -> &Summary {
        &self.summary
    }

    fn shape(&self) -> Shape {
        self.options.shape(self.channels)
    }

    fn typical_size(&self) -> Option<[usize; 2]> {
        typical_size(&self.train)
    }

    fn any_order(&self) -> bool {
        self.train.reading_order(1) == ReadingOrder::Any
    }

    fn check(&self, preprocess: &Preprocess) -> Result<(), Vec<Fault>> {
        if !is_whole(&self.options.crop) && self.options.aspect != Aspect::Cover {
            let message =
                "is a share of what aspect = \"cover\" keeps; nothing else cuts anything off";
            let fault = Fault::new(Path::parse("data.crop"), message).at_key();
            return Err(vec![
                fault.hint("set data.aspect = \"cover\", or remove the key"),
            ]);
        }
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
        let dataset =
            decoded.into_dataset(&preprocess, augmentation.map(Arc::new), ReadingOrder::Any);
        (Arc::new(dataset.with_labels(self.sets)), skipped)
    }

    fn prepare(
        self: Box<Self>,
        config: &Preprocess,
        augmentation: Option<Augmentation>,
        audit: bool,
        progress: &dyn Progress,
    ) -> Result<Datasets, Vec<Fault>> {
        let (mut preprocess, deep) = self.fitted(config);
        // Of all listed files, so that a run notices a file that cannot be read for a while.
        let mut fingerprint = self.train.fingerprint();
        let (task, buffer, sets) = (
            self.summary.task.clone(),
            self.shuffle_buffer,
            self.sets.clone(),
        );
        let names = self.audit_names();
        let own_split = self.own_split;
        let gather = Gather {
            sums: needs_fit(config),
            traits: audit,
        };
        let Decoding {
            train,
            valid,
            test,
            budget,
        } = self.decode(&preprocess, gather, audit, progress);
        let mut notices: Vec<String> = deep.and_then(|deep| deep.notice()).into_iter().collect();
        notices.extend(train.notices.clone());
        notices.extend(valid.notices.clone());
        notices.dedup();
        require_usable(&train, task.classes(), "train")?;
        notices.extend(require_some(&valid, task.classes())?);
        let mut skipped = train.skipped.clone();
        skipped.extend(valid.skipped.clone());
        let mut splits = vec![&train, &valid];
        splits.extend(&test);
        let mut audit = audit.then(|| examine(&names, &splits, 0));
        // Look-alikes that chance tore apart go to one side.
        let any_order = train.split.reading_order(buffer) == ReadingOrder::Any;
        let num_valid = valid.split.len();
        let moves = match audit.as_ref().filter(|_| own_split) {
            Some(audit) if any_order => Moves::of(audit, num_valid),
            Some(audit) => Moves::without(audit, num_valid),
            None => Moves::default(),
        };
        let regrouped = if moves.is_empty() {
            Regrouped {
                train: (train, None),
                valid: (valid, None),
            }
        } else {
            notices.push(moves.notice(any_order));
            fingerprint = format!("{:016x}", hash_text(&format!("{fingerprint} {moves:?}")));
            if let Some(audit) = &mut audit {
                moves.apply(audit);
            }
            let mut regrouped = regroup(train, valid, &moves, &preprocess, (budget, gather));
            if !any_order {
                regrouped.train.1 = None; // archives are read from beginning to end
            }
            notices.extend(absent_classes(&regrouped.valid, task.classes()));
            regrouped
        };
        let sums = &regrouped.train.0.sums;
        (preprocess.mean, preprocess.std) = statistics(config, preprocess.channels, sums);
        let order = regrouped.train.0.split.reading_order(buffer);
        let join = |parts, augmentation, order| {
            join(parts, &preprocess, augmentation, order, sets.clone())
        };
        let train = join(regrouped.train, augmentation.map(Arc::new), order);
        let valid = join(regrouped.valid, None, ReadingOrder::Any);
        Ok(Datasets {
            task,
            train,
            valid,
            preprocess: Preprocessor::Image(preprocess),
            skipped,
            notices,
            audit,
            fingerprint,
        })
    }

    fn audit(self: Box<Self>, num_images: usize, progress: &dyn Progress) -> Audit {
        let (preprocess, deep) = self.fitted(&Preprocess::default());
        let names = self.audit_names();
        let left_out = self.summary.left_out.clone();
        let warnings = self.summary.warnings.clone();
        let gather = Gather {
            sums: false,
            traits: true,
        };
        let Decoding {
            train, valid, test, ..
        } = self.decode(&preprocess, gather, true, progress);
        let mut splits = vec![&train];
        if valid.split.len() + valid.skipped.len() > 0 {
            splits.push(&valid);
            splits.extend(&test);
        }
        Audit {
            left_out,
            warnings,
            deep,
            ..examine(&names, &splits, num_images)
        }
    }
}

impl ImageSurvey {
    /// The names of the samples' class indices, as the audit shows them.
    fn audit_names(&self) -> Vec<String> {
        let names = self.summary.task.names();
        match &self.sets {
            None => names.into_iter().map(str::to_string).collect(),
            Some(sets) => {
                let names = names.into_iter().map(str::to_string).collect();
                let names = Names::Labels(names, sets.to_vec());
                (0..sets.len()).map(|index| names.of(index)).collect()
            }
        }
    }

    /// The preprocessing, with the range of the training split's 16-bit images, and what these are.
    fn fitted(&self, config: &Preprocess) -> (ImagePreprocess, Option<DeepImages>) {
        let mut preprocess = self.options.preprocess(self.channels, config);
        let deep = DeepImages::find(&self.train, &preprocess);
        preprocess.deep = deep.and_then(|deep| deep.range());
        (preprocess, deep)
    }

    /// Decodes the splits; the test split only for the audit.
    fn decode(
        self,
        preprocess: &ImagePreprocess,
        gather: Gather,
        with_test: bool,
        progress: &dyn Progress,
    ) -> Decoding {
        let mut budget = self.options.budget(self.default_disk);
        let test = self.test.filter(|_| with_test);
        let all = self.train.len() + self.valid.len() + test.as_ref().map_or(0, Split::len);
        progress.begin("decoding", all);
        let train = decode_all(self.train, preprocess, budget, gather, progress);
        budget.memory = budget.memory.saturating_sub(train.memory_bytes());
        let gather = Gather {
            sums: false, // fitted on the training samples alone
            ..gather
        };
        let valid = decode_all(self.valid, preprocess, budget, gather, progress);
        budget.memory = budget.memory.saturating_sub(valid.memory_bytes());
        let test = test.map(|test| {
            decode_all(
                test,
                preprocess,
                Budget { disk: 0, ..budget },
                gather,
                progress,
            )
        });
        progress.end();
        Decoding {
            train,
            valid,
            test,
            budget,
        }
    }
}

/// The notice about classes without a sample in a split of one or two parts.
fn absent_classes(split: &(Decoded, Option<Decoded>), classes: &[String]) -> Option<String> {
    let parts = [Some(&split.0), split.1.as_ref()];
    let has = |class: usize| {
        let mut samples = parts
            .iter()
            .flatten()
            .flat_map(|decoded| &decoded.split.samples);
        samples.any(|sample| sample.class as usize == class)
    };
    let numbered = classes.iter().enumerate();
    let empty: Vec<&String> = numbered
        .filter(|(class, _)| !has(*class))
        .map(|(_, name)| name)
        .collect();
    absent(&empty, "the validation split")
}

/// The dataset of a split: its samples, then those that were moved into it.
fn join(
    (first, moved): (Decoded, Option<Decoded>),
    preprocess: &ImagePreprocess,
    augmentation: Option<Arc<Augmentation>>,
    order: ReadingOrder,
    sets: Option<Arc<Vec<Vec<bool>>>>,
) -> Arc<dyn Dataset> {
    let dataset = |decoded: Decoded, order| {
        let dataset = decoded.into_dataset(preprocess, augmentation.clone(), order);
        Arc::new(dataset.with_labels(sets.clone()))
    };
    let first = dataset(first, order);
    match moved {
        None => first,
        Some(moved) => Arc::new(Joined {
            first,
            second: dataset(moved, ReadingOrder::Any),
        }),
    }
}
